package cli

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/go-durable/durable"
)

const (
	defaultConnection = "AzureWebJobsStorage"
	defaultHub        = "DurableFunctionsHub"
)

// target is the task hub that a command works on, and how to get there.
type target struct {
	hub string
	// hubFrom is where the name was found, "" for the default; connectionFrom is the setting with the connection.
	hubFrom, connectionFrom string
	// connectionString is a secret. Without it, the endpoints are used with Entra ID.
	connectionString string
	endpoints        durable.Endpoints
	// account is what to call the storage account.
	account string
	// identity are the settings of the identity, by their last part in lower case: credential, clientId, tenantId.
	identity map[string]string
	// partitions is what host.json says, or 0.
	partitions int
}

// target finds the task hub: flags, environment, local.settings.json and host.json.
func (a *app) target() (*target, error) {
	p, err := findProject(a.dir)
	if err != nil {
		return nil, err
	}
	s := &settings{a.env, p}
	host := s.overrule()
	if t := host.provider; t != "" && !strings.EqualFold(t, "AzureStorage") {
		return nil, usageError("the %s storage provider for Durable Functions is not supported: only Azure Storage is", printable(t))
	}
	t := &target{hub: defaultHub, partitions: host.partitions}
	switch {
	case a.flags.hub != "":
		t.hub, t.hubFrom = a.flags.hub, "--task-hub-name"
	case host.hub != "":
		if t.hub, err = s.expand(hostFile+": hubName", host.hub); err != nil {
			return nil, err
		}
		t.hubFrom = hostFile
	}
	return t, a.findConnection(s, host.connection, t)
}

var (
	settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.:\-]*$`)
	accountName = regexp.MustCompile(`^[a-z0-9]{3,24}$`)
)

func (a *app) findConnection(s *settings, fromHost string, t *target) error {
	if a.flags.account != "" {
		return a.useAccount(t)
	}
	name, err := a.connectionName(s, fromHost)
	if err != nil {
		return err
	}
	t.connectionFrom = name
	if t.connectionString = s.get(name); t.connectionString != "" {
		t.account = accountOf(t.connectionString)
		return nil
	}
	if found, err := t.findEndpoints(s, name); found || err != nil {
		return err
	}
	if s.encrypted {
		return usageError("the values in %s are encrypted; 'func settings decrypt' makes them readable", settingsFile)
	}
	where := "There is no " + settingsFile + " and no " + hostFile + " here or above."
	if s.dir != "" {
		where = "The project is in " + s.dir + "."
	}
	return usageError("no storage connection: the setting %s is neither in the environment nor in %s, and there is no %s__accountName\n%s",
		name, settingsFile, name, where)
}

func (a *app) useAccount(t *target) error {
	switch {
	case a.flags.connection != "":
		return usageError("--account and --connection-string-setting are two different accounts: give one")
	case !accountName.MatchString(a.flags.account):
		return usageError("--account is the name of a storage account: 3 to 24 lower-case letters and digits")
	}
	t.account, t.connectionFrom = a.flags.account, "--account"
	t.endpoints = durable.AccountEndpoints(t.account)
	return nil
}

// connectionName returns the name of the setting with the connection. A connection string in its place is a secret and
// is not shown.
func (a *app) connectionName(s *settings, fromHost string) (string, error) {
	name, where := defaultConnection, "default"
	var err error
	switch {
	case a.flags.connection != "":
		name, where = a.flags.connection, "--connection-string-setting"
	case fromHost != "":
		where = hostFile
		if name, err = s.expand(where+": the connection's name", fromHost); err != nil {
			return "", err
		}
	}
	if !settingName.MatchString(name) {
		return "", usageError("%s takes the name of a setting, not a connection string", where)
	}
	return name, nil
}

// findEndpoints looks for a connection without a secret: NAME__accountName or the URIs of the services.
func (t *target) findEndpoints(s *settings, name string) (bool, error) {
	get := func(part string) string { return s.get(name + "__" + part) }
	services := [...]string{"tableServiceUri", "queueServiceUri", "blobServiceUri"}
	uris := [...]*string{&t.endpoints.Table, &t.endpoints.Queue, &t.endpoints.Blob}
	found := 0
	if account := get("accountName"); account != "" {
		if !accountName.MatchString(account) {
			return false, usageError("%s__accountName is not the name of a storage account", name)
		}
		t.account, t.endpoints = account, durable.AccountEndpoints(account)
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
		return false, usageError("of %s__tableServiceUri, __queueServiceUri and __blobServiceUri all three are needed, or %s__accountName",
			name, name)
	}
	if t.account == "" {
		t.account = accountAt(t.endpoints.Table)
	}
	t.identity = make(map[string]string)
	for _, part := range []string{"credential", "clientId", "tenantId"} {
		t.identity[part] = get(part)
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
