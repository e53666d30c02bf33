// Package connstr reads connection strings of Azure Storage accounts.
//
// The Go SDK has three parsers, one in each of aztables, azqueue and azblob, and they disagree: none of them knows
// UseDevelopmentStorage, and aztables ignores every endpoint as soon as there is a SAS. This one reads a string once,
// for all three services, and follows the .NET SDK, which Functions hosts use (StorageConnectionString.cs,
// TableConnectionString.cs), except where noted here:
//
//   - Names of settings ignore case, as in .NET. Go's SDK heeds it.
//   - White space around names and values is dropped, as in .NET's Tables. The other parsers keep it, and then fail.
//   - Empty parts, as between two semicolons, are skipped, as in .NET's Storage.
//   - A setting that occurs twice is an error, as in .NET. In Go's SDK the last one wins.
//   - A key together with a SAS is an error, as in .NET's Storage. In Go's SDK the key wins.
//   - Unknown settings are ignored, as in Go's SDK and .NET's Tables; .NET's Storage refuses them. The endpoints of the
//     file service and of secondary locations count as unknown.
//   - A string without a credential is an error. In .NET it stands for anonymous access, which tables do not have.
//   - All three services must have an endpoint. .NET is content with one.
//   - The environment is not consulted; .NET takes a missing EndpointSuffix from STORAGE_ENDPOINT_SUFFIX.
//
// No error holds any part of the string but the names of settings that the package knows: where a string is mangled,
// any part of it can be a key. Parts are named by their position instead.
package connstr

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// The development storage account, the same in every emulator; neither is a secret.
const (
	devAccount = "devstoreaccount1"
	devKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// Account is what a connection string says: where the services of a storage account are, and a key or a SAS, never
// both and never neither. It prints and logs without its key and its SAS.
type Account struct {
	// Name is the account's name. It is "" only where the string has a SAS and all endpoints.
	Name string
	// Key is the account's shared key, in Base64.
	Key string `json:"-"`
	// SAS is the shared access signature, without a leading question mark.
	SAS string `json:"-"`
	// Table, Queue and Blob are the primary endpoints: absolute http or https URLs that end in a slash and have no
	// query.
	Table, Queue, Blob string
}

// Parse reads a connection string in any of its forms: account name with key or SAS, explicit endpoints with key or
// SAS, both mixed (an explicit endpoint wins), and UseDevelopmentStorage=true with or without
// DevelopmentStorageProxyUri. DefaultEndpointsProtocol defaults to https and EndpointSuffix to core.windows.net.
//
// It returns an error if the string is malformed, has no credential or two, or leaves one of the three services
// without an endpoint. The error never holds a value out of the string.
func Parse(s string) (*Account, error) {
	set, err := split(s)
	if err != nil {
		return nil, fmt.Errorf("connection string: %w", err)
	}
	a, err := set.account()
	if err != nil {
		return nil, fmt.Errorf("connection string: %w", err)
	}
	return a, nil
}

// account makes the account that the settings describe.
func (set settings) account() (*Account, error) {
	if set.has(useDevelopmentStorage) || set.has(developmentStorageProxyURI) {
		return set.development()
	}
	a := &Account{Name: set[accountName]}
	if !isHostName(a.Name, false) && set.has(accountName) {
		return nil, errors.New("AccountName has characters that a storage account's name cannot have")
	}
	if err := set.credential(a); err != nil {
		return nil, err
	}
	if err := set.endpoints(a); err != nil {
		return nil, err
	}
	return a, nil
}

// credential fills in the key or the SAS.
func (set settings) credential(a *Account) error {
	switch hasKey, hasSAS := set.has(accountKey), set.has(sharedAccessSignature); {
	case hasKey && hasSAS:
		return errors.New("AccountKey and SharedAccessSignature are both set: one of them must go")
	case hasSAS:
		return set.sas(a)
	case !hasKey:
		return errors.New("neither AccountKey nor SharedAccessSignature is set")
	case !set.has(accountName):
		return errors.New("AccountKey is set, but AccountName is not")
	}
	if _, err := base64.StdEncoding.DecodeString(set[accountKey]); err != nil {
		return errors.New("AccountKey is not valid Base64")
	}
	a.Key = set[accountKey]
	return nil
}

// sas fills in the SAS. A leading question mark is how some tools print one.
func (set settings) sas(a *Account) error {
	sas := strings.TrimPrefix(set[sharedAccessSignature], "?")
	if quoted(sas) {
		return errors.New("SharedAccessSignature begins with a quotation mark: remove the quotes around it")
	}
	if strings.ContainsAny(sas, "?#") {
		return errors.New("SharedAccessSignature is not a query string: only what follows the question mark of a SAS URL belongs there")
	}
	for param := range strings.SplitSeq(sas, "&") {
		if sig, ok := strings.CutPrefix(param, "sig="); ok && sig != "" {
			a.SAS = sas
			return nil
		}
	}
	return errors.New("SharedAccessSignature has no signature (parameter sig)")
}
