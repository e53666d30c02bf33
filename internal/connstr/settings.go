package connstr

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// The settings that count, as they are usually written.
const (
	accountKey                 = "AccountKey"
	accountName                = "AccountName"
	blobEndpoint               = "BlobEndpoint"
	defaultEndpointsProtocol   = "DefaultEndpointsProtocol"
	developmentStorageProxyURI = "DevelopmentStorageProxyUri"
	endpointSuffix             = "EndpointSuffix"
	queueEndpoint              = "QueueEndpoint"
	sharedAccessSignature      = "SharedAccessSignature"
	tableEndpoint              = "TableEndpoint"
	useDevelopmentStorage      = "UseDevelopmentStorage"
)

var known = []string{
	accountKey, accountName, blobEndpoint, defaultEndpointsProtocol, developmentStorageProxyURI,
	endpointSuffix, queueEndpoint, sharedAccessSignature, tableEndpoint, useDevelopmentStorage,
}

// marks are the quotation marks that shells, JSON, YAML and word processors leave behind.
const marks = "\"'`“”‘’"

// settings holds the known settings of a connection string. Every value is printable ASCII and not empty.
type settings map[string]string

func (set settings) has(name string) bool { return set[name] != "" }

// split takes a connection string apart.
func split(s string) (settings, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, errors.New("it is empty")
	}
	if s != strings.TrimLeft(s, marks) {
		return nil, errors.New("it begins with a quotation mark: remove the quotes around it")
	}
	set, seen := settings{}, map[string]int{}
	for i, part := range strings.Split(s, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("part %d is not of the form name=value", i+1)
		}
		folded := strings.ToLower(name)
		if first, ok := seen[folded]; ok {
			return nil, fmt.Errorf("parts %d and %d both set %s", first, i+1, cmp.Or(canonical(folded), "the same thing"))
		}
		seen[folded] = i + 1
		if err := set.add(canonical(folded), strings.TrimSpace(value)); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// add checks a value and keeps it. A setting without a name is one that is not known.
func (set settings) add(name, value string) error {
	switch {
	case name == "":
		return nil
	case value == "":
		return fmt.Errorf("%s has no value", name)
	case quoted(value):
		return fmt.Errorf("the value of %s begins or ends with a quotation mark: remove the quotes around it", name)
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return fmt.Errorf("the value of %s has white space or other characters that do not belong there", name)
	}
	set[name] = value
	return nil
}

// canonical returns the usual spelling of a known setting, given in lower case, and "" for any other.
func canonical(folded string) string {
	for _, name := range known {
		if strings.ToLower(name) == folded {
			return name
		}
	}
	return ""
}

// quoted reports whether a text begins or ends with a quotation mark. One in the middle is left alone: some encoders
// let an apostrophe stand in a SAS.
func quoted(s string) bool {
	return s != strings.Trim(s, marks)
}
