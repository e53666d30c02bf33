package target

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-durable/durable"
)

const (
	defaultConnection = "AzureWebJobsStorage"
	defaultHub        = "DurableFunctionsHub"
)

// Flags are the flags of a command line that say which task hub; "" is one that is not given.
type Flags struct {
	// TaskHub is --task-hub-name.
	TaskHub string
	// Connection is --connection-string-setting: the name of a setting, which is a connection string or the first part of
	// the names of others, such as NAME__accountName.
	Connection string
	// Account is --account, which stands for a storage account with Entra ID. It excludes Connection.
	Account string
}

// Given returns them as they were given, for another command line about the same task hub.
func (f *Flags) Given() []string {
	var given []string
	for _, flag := range [][2]string{
		{"--task-hub-name", f.TaskHub}, {"--connection-string-setting", f.Connection}, {"--account", f.Account},
	} {
		if flag[1] != "" {
			given = append(given, flag[:]...)
		}
	}
	return given
}

// Hub is a task hub and the way to it.
type Hub struct {
	Name string
	// NameFrom is where the name was found: a flag, a file, or "" for the default.
	NameFrom string
	// Account is what to call the storage account: its name, and the host if that has another one.
	Account string
	// ConnectionFrom is the setting or flag with the connection.
	ConnectionFrom string
	// Partitions is the partition count in host.json, or 0.
	Partitions int

	// connectionString is a secret. Without it, the endpoints are used with Entra ID.
	connectionString string
	endpoints        durable.Endpoints
	// identity are the settings of the identity, by their last part: credential, clientId, tenantId.
	identity map[string]string
}

// String names the hub and its account.
func (h *Hub) String() string { return "account " + h.Account + ", task hub " + h.Name }

// EntraID reports whether the way to the hub is an identity, and not a connection string.
func (h *Hub) EntraID() bool { return h.connectionString == "" }

// Hub finds the task hub. It is an error if there is no connection, and if flags or settings contradict each other.
func (s *Settings) Hub(flags *Flags) (*Hub, error) {
	host := s.overrule()
	if p := host.provider; p != "" && !strings.EqualFold(p, "AzureStorage") {
		return nil, fmt.Errorf("the %s storage provider for Durable Functions is not supported: only Azure Storage is", p)
	}
	h := &Hub{Partitions: host.partitions}
	if err := h.findName(s, flags, host.hub); err != nil {
		return nil, err
	}
	if err := h.findConnection(s, flags, host.connection); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *Hub) findName(s *Settings, flags *Flags, fromHost string) (err error) {
	switch {
	case flags.TaskHub != "":
		h.Name, h.NameFrom = flags.TaskHub, "--task-hub-name"
	case fromHost != "":
		h.NameFrom = hostFile
		h.Name, err = s.expand(hostFile+": hubName", fromHost)
	default:
		h.Name = defaultHub
	}
	return err
}

var (
	settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.:\-]*$`)
	accountName = regexp.MustCompile(`^[a-z0-9]{3,24}$`)
)

func (h *Hub) findConnection(s *Settings, flags *Flags, fromHost string) error {
	if flags.Account != "" {
		return h.useAccount(flags)
	}
	name, err := connectionName(s, flags, fromHost)
	if err != nil {
		return err
	}
	h.ConnectionFrom = name
	if h.connectionString = s.Get(name); h.connectionString != "" {
		h.Account = accountOf(h.connectionString)
		return nil
	}
	if found, err := h.findEndpoints(s, name); found || err != nil {
		return err
	}
	if s.encrypted {
		return fmt.Errorf("the values in %s are encrypted; 'func settings decrypt' makes them readable", settingsFile)
	}
	where := "There is no " + settingsFile + " and no " + hostFile + " here or above."
	if s.dir != "" {
		where = "The project is in " + s.dir + "."
	}
	return fmt.Errorf("no storage connection: the setting %s is neither in the environment nor in %s, and there is no %s__accountName\n%s",
		name, settingsFile, name, where)
}

func (h *Hub) useAccount(flags *Flags) error {
	switch {
	case flags.Connection != "":
		return errors.New("--account and --connection-string-setting are two different accounts: give one")
	case !accountName.MatchString(flags.Account):
		return errors.New("--account is the name of a storage account: 3 to 24 lower-case letters and digits")
	}
	h.Account, h.ConnectionFrom = flags.Account, "--account"
	h.endpoints = durable.AccountEndpoints(h.Account)
	return nil
}

// connectionName returns the name of the setting with the connection. A connection string in its place is a secret and
// is not shown.
func connectionName(s *Settings, flags *Flags, fromHost string) (string, error) {
	name, where := defaultConnection, "default"
	var err error
	switch {
	case flags.Connection != "":
		name, where = flags.Connection, "--connection-string-setting"
	case fromHost != "":
		where = hostFile
		if name, err = s.expand(where+": the connection's name", fromHost); err != nil {
			return "", err
		}
	}
	if !settingName.MatchString(name) {
		return "", fmt.Errorf("%s takes the name of a setting, not a connection string", where)
	}
	return name, nil
}

// findEndpoints looks for a connection without a secret: NAME__accountName or the URIs of the services.
func (h *Hub) findEndpoints(s *Settings, name string) (bool, error) {
	get := func(part string) string { return s.Get(name + "__" + part) }
	services := [...]string{"tableServiceUri", "queueServiceUri", "blobServiceUri"}
	uris := [...]*string{&h.endpoints.Table, &h.endpoints.Queue, &h.endpoints.Blob}
	found := 0
	if account := get("accountName"); account != "" {
		if !accountName.MatchString(account) {
			return false, fmt.Errorf("%s__accountName is not the name of a storage account", name)
		}
		h.Account, h.endpoints = account, durable.AccountEndpoints(account)
		found = len(services)
	}
	for i, service := range services {
		if v := get(service); v != "" {
			if *uris[i] == "" {
				found++
			}
			*uris[i] = v
		}
	}
	switch {
	case found == 0:
		return false, nil
	case found < len(services):
		return false, fmt.Errorf("of %s__tableServiceUri, __queueServiceUri and __blobServiceUri all three are needed, or %s__accountName",
			name, name)
	}
	if h.Account == "" {
		h.Account = accountAt(h.endpoints.Table)
	}
	h.identity = make(map[string]string)
	for _, part := range []string{"credential", "clientId", "tenantId"} {
		h.identity[part] = get(part)
	}
	return true, nil
}

// accountOf returns what to call the account of a connection string. Nothing secret of it is in there.
func accountOf(connectionString string) string {
	parts := make(map[string]string)
	for part := range strings.SplitSeq(connectionString, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	name := parts["accountname"]
	if parts["usedevelopmentstorage"] != "" {
		name = "devstoreaccount1"
	}
	if !accountName.MatchString(name) {
		return accountAt(parts["tableendpoint"])
	}
	if u, err := url.Parse(parts["tableendpoint"]); err == nil && u.Host != "" && !strings.HasPrefix(u.Host, name+".") {
		return name + " at " + u.Host
	}
	return name
}

// accountAt returns what to call the account with an endpoint: its name, or the host.
func accountAt(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return "?"
	}
	if name, _, ok := strings.Cut(u.Host, ".table."); ok {
		return name
	}
	return u.Host
}
