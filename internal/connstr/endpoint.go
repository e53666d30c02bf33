package connstr

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// service is one of the three services: how its name is part of host names, which setting holds its endpoint, at
// which port the emulator listens, and where the result goes.
type service struct {
	name, setting string
	devPort       int
	endpoint      *string
}

// services returns the services of an account, whose endpoints they point to.
func services(a *Account) [3]service {
	return [3]service{
		{"table", tableEndpoint, 10002, &a.Table},
		{"queue", queueEndpoint, 10001, &a.Queue},
		{"blob", blobEndpoint, 10000, &a.Blob},
	}
}

// endpoints fills in the endpoints.
func (set settings) endpoints(a *Account) error {
	protocol, suffix := "https", "core.windows.net"
	if set.has(defaultEndpointsProtocol) {
		protocol = strings.ToLower(set[defaultEndpointsProtocol])
	}
	if protocol != "http" && protocol != "https" {
		return errors.New("DefaultEndpointsProtocol is neither http nor https")
	}
	if set.has(endpointSuffix) {
		suffix = set[endpointSuffix]
	}
	if !isHostName(suffix, true) {
		return errors.New("EndpointSuffix is not a domain name")
	}
	for _, s := range services(a) {
		switch {
		case set.has(s.setting):
			u, err := parseURL(s.setting, set[s.setting])
			if err != nil {
				return err
			}
			*s.endpoint = u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/") + "/"
		case a.Name != "":
			*s.endpoint = protocol + "://" + a.Name + "." + s.name + "." + suffix + "/"
		default:
			return fmt.Errorf("no endpoint for the %s service: neither %s nor AccountName is set", s.name, s.setting)
		}
	}
	return nil
}

// development makes the account of the emulator. As in .NET, nothing else can be said beside it: a key or an endpoint
// would be without effect.
func (set settings) development() (*Account, error) {
	if !set.has(useDevelopmentStorage) {
		return nil, errors.New("DevelopmentStorageProxyUri is set, but UseDevelopmentStorage is not")
	}
	if !strings.EqualFold(set[useDevelopmentStorage], "true") {
		return nil, errors.New("UseDevelopmentStorage can only be true")
	}
	for _, name := range known {
		if name != useDevelopmentStorage && name != developmentStorageProxyURI && set.has(name) {
			return nil, fmt.Errorf("UseDevelopmentStorage and %s are both set: one of them must go", name)
		}
	}
	scheme, host := "http", "127.0.0.1"
	if set.has(developmentStorageProxyURI) {
		u, err := parseURL(developmentStorageProxyURI, set[developmentStorageProxyURI])
		if err != nil {
			return nil, err
		}
		// .NET takes the scheme and the host and drops the port and the path.
		scheme, host = u.Scheme, strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	a := &Account{Name: devAccount, Key: devKey}
	for _, s := range services(a) {
		*s.endpoint = fmt.Sprintf("%s://%s:%d/%s/", scheme, host, s.devPort, devAccount)
	}
	return a, nil
}

// parseURL reads an absolute URL without user, query and fragment, any of which could hold a secret. The errors of
// package url quote their input and are therefore not passed on.
func parseURL(setting, value string) (*url.URL, error) {
	if strings.ContainsAny(value, "?#") {
		return nil, fmt.Errorf("%s has a query or a fragment: a SAS belongs in SharedAccessSignature", setting)
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || !isAuthority(u) {
		return nil, fmt.Errorf("%s is not an absolute http or https URL", setting)
	}
	return u, nil
}

// isAuthority reports whether a URL has a host, and no port or a full one.
func isAuthority(u *url.URL) bool {
	if strings.HasSuffix(u.Host, ":") {
		return false
	}
	if strings.HasPrefix(u.Host, "[") {
		ip, err := netip.ParseAddr(u.Hostname())
		return err == nil && ip.Zone() == ""
	}
	return isHostName(u.Hostname(), true)
}

// isHostName reports whether a text is a host name, or a single label of one if dots are not allowed. Underscores are
// in the names of containers and of custom accounts of the emulator.
func isHostName(s string, dots bool) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.ContainsFunc(label, func(r rune) bool { return !isHostRune(r) }) {
			return false
		}
	}
	return dots || !strings.Contains(s, ".")
}

func isHostRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}
