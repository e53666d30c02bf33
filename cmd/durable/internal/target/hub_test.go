package target_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/target"
)

const (
	// secret is an account key: no error may have it.
	secret  = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
	contoso = "AccountName=contoso;AccountKey=" + secret
	env     = "AzureWebJobsStorage"
)

// files are what a folder holds, by their names.
type files map[string]string

func (f files) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range f {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

// find finds the hub of a command line in a folder.
func find(env map[string]string, dir string, flags target.Flags) (*target.Hub, error) {
	s, err := target.ReadSettings(env, dir)
	if err != nil {
		return nil, err
	}
	return s.Hub(&flags)
}

// v2 is a host.json with something about the task hub.
func v2(durableTask string) string {
	return `{"version":"2.0","extensions":{"durableTask":` + durableTask + `}}`
}

// TestHubName: flags go before settings that overrule host.json, these before host.json, and there is a default.
func TestHubName(t *testing.T) {
	t.Parallel()
	const overrule = "AzureFunctionsJobHost__extensions__durableTask__hubName"
	tests := map[string]struct {
		files      files
		env        map[string]string
		flag       string
		want, from string
	}{
		"default":        {want: "DurableFunctionsHub"},
		"host.json":      {files: files{"host.json": v2(`{"hubName":"FromHost"}`)}, want: "FromHost", from: "host.json"},
		"any case":       {files: files{"host.json": `{"Version":"2.0","Extensions":{"DURABLETASK":{"HubName":"FromHost"}}}`}, want: "FromHost", from: "host.json"},
		"version 1":      {files: files{"host.json": `{"durableTask":{"hubName":"V1"}}`}, want: "V1", from: "host.json"},
		"no version":     {files: files{"host.json": `{"extensions":{"durableTask":{"hubName":"V2"}}}`}, want: "DurableFunctionsHub"},
		"nulls":          {files: files{"host.json": v2(`{"hubName":null,"storageProvider":null}`)}, want: "DurableFunctionsHub"},
		"a setting":      {files: files{"host.json": v2(`{"hubName":"%Stage%Hub"}`)}, env: map[string]string{"Stage": "Test"}, want: "TestHub", from: "host.json"},
		"a local one":    {files: files{"host.json": v2(`{"hubName":"%Stage%Hub"}`), "local.settings.json": `{"Values":{"STAGE":"My"}}`}, want: "MyHub", from: "host.json"},
		"overruled":      {files: files{"host.json": v2(`{"hubName":"FromHost"}`)}, env: map[string]string{overrule: "Other"}, want: "Other", from: "host.json"},
		"flag":           {files: files{"host.json": v2(`{"hubName":"FromHost"}`)}, env: map[string]string{overrule: "Other"}, flag: "Flag", want: "Flag", from: "--task-hub-name"},
		"byte order":     {files: files{"host.json": "\ufeff" + v2(`{"hubName":"FromHost"}`)}, want: "FromHost", from: "host.json"},
		"an empty value": {files: files{"host.json": v2(`{"hubName":""}`)}, want: "DurableFunctionsHub"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hub, err := find(test.env, test.files.write(t), target.Flags{TaskHub: test.flag, Account: "contoso"})
			require.NoError(t, err)
			require.Equal(t, test.want, hub.Name)
			require.Equal(t, test.from, hub.NameFrom)
		})
	}
}

// TestConnection: where the connection is, and what its account is called.
func TestConnection(t *testing.T) {
	t.Parallel()
	services := func(host string) map[string]string {
		return map[string]string{
			env + "__tableServiceUri": "https://" + host, env + "__queueServiceUri": "https://q.example", env + "__blobServiceUri": "https://b.example",
		}
	}
	tests := map[string]struct {
		files         files
		env           map[string]string
		flags         target.Flags
		account, from string
		entraID       bool
	}{
		"default": {env: map[string]string{env: contoso}, account: "contoso", from: env},
		"environment first": {
			files: files{"local.settings.json": `{"Values":{"AzureWebJobsStorage":"AccountName=fabrikam;AccountKey=` + secret + `"}}`},
			env:   map[string]string{env: contoso}, account: "contoso", from: env,
		},
		"local settings": {
			files:   files{"local.settings.json": `{"IsEncrypted":false,"Values":{"azurewebjobsstorage":"` + contoso + `"}}`},
			account: "contoso", from: env,
		},
		"host.json names it": {
			files: files{"host.json": v2(`{"storageProvider":{"connectionName":"Mine"}}`)}, env: map[string]string{"Mine": contoso},
			account: "contoso", from: "Mine",
		},
		"older name of that": {
			files: files{"host.json": v2(`{"storageProvider":{"connectionStringName":"%Which%"}}`)},
			env:   map[string]string{"Which": "Mine", "Mine": contoso}, account: "contoso", from: "Mine",
		},
		"flag": {
			files: files{"host.json": v2(`{"storageProvider":{"connectionName":"Mine"}}`)}, env: map[string]string{"Yours": contoso},
			flags: target.Flags{Connection: "Yours"}, account: "contoso", from: "Yours",
		},
		"account": {flags: target.Flags{Account: "litware"}, env: map[string]string{env: contoso}, account: "litware", from: "--account", entraID: true},
		"account name": {
			env: map[string]string{env + "__accountName": "tailspin"}, account: "tailspin", from: env, entraID: true,
		},
		"colons": {env: map[string]string{env + ":accountName": "tailspin"}, account: "tailspin", from: env, entraID: true},
		"managed identity": {
			env:     map[string]string{env + "__accountName": "tailspin", env + "__credential": "managedidentity", env + "__clientId": "1"},
			account: "tailspin", from: env, entraID: true,
		},
		"services":           {env: services("wingtip.table.core.usgovcloudapi.net"), account: "wingtip", from: env, entraID: true},
		"services elsewhere": {env: services("t.example"), account: "t.example", from: env, entraID: true},
		"emulator":           {env: map[string]string{env: "UseDevelopmentStorage=true"}, account: "devstoreaccount1", from: env},
		"emulator at a port": {
			env: map[string]string{
				env: "AccountName=devstoreaccount1;AccountKey=" + secret + ";TableEndpoint=http://127.0.0.1:10002/devstoreaccount1" +
					";QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1",
			},
			account: "devstoreaccount1 at 127.0.0.1:10002", from: env,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hub, err := find(test.env, test.files.write(t), test.flags)
			require.NoError(t, err)
			require.Equal(t, "account "+test.account+", task hub DurableFunctionsHub", hub.String())
			require.Equal(t, test.account, hub.Account)
			require.Equal(t, test.from, hub.ConnectionFrom)
			require.Equal(t, test.entraID, hub.EntraID())
			client, err := hub.Connect()
			require.NoError(t, err)
			// Nobody is asked for anything before it is needed.
			_, err = client.StartNew(t.Context(), "F", nil, &durable.StartNewOptions{InstanceID: "a/b"})
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
		})
	}
}

// TestNoHub: what is wrong is said, by the name of the flag, file or setting, and without any value of a setting.
func TestNoHub(t *testing.T) {
	t.Parallel()
	local := func(text string) files { return files{"local.settings.json": text} }
	tests := map[string]struct {
		files files
		env   map[string]string
		flags target.Flags
		want  string
	}{
		"nothing":            {want: "the setting AzureWebJobsStorage is neither in the environment nor in local.settings.json"},
		"not in the project": {files: local(`{"Values":{}}`), want: "The project is in "},
		"a secret as name":   {flags: target.Flags{Connection: contoso}, want: "--connection-string-setting takes the name of a setting"},
		"the same in a file": {files: files{"host.json": v2(`{"storageProvider":{"connectionName":"` + contoso + `"}}`)}, want: "host.json takes the name"},
		"two accounts":       {flags: target.Flags{Account: "contoso", Connection: env}, want: "give one"},
		"no account":         {flags: target.Flags{Account: "Not An Account"}, want: "3 to 24"},
		"no account name":    {env: map[string]string{env + "__accountName": contoso}, want: "AzureWebJobsStorage__accountName is not the name"},
		"half the services":  {env: map[string]string{env + "__blobServiceUri": "https://b.example"}, want: "all three are needed"},
		"no such setting":    {files: files{"host.json": v2(`{"hubName":"%Stage%"}`)}, want: "host.json: hubName says %Stage%, but there is no setting"},
		"encrypted":          {files: local(`{"IsEncrypted":true,"Values":{"AzureWebJobsStorage":"` + secret + `"}}`), want: "are encrypted"},
		"cut off":            {files: local(`{"Values":{"AzureWebJobsStorage":"` + contoso), want: "local.settings.json: it is not JSON: error at byte"},
		"no object":          {files: local(`["` + contoso + `"]`), want: "local.settings.json: it is no JSON object"},
		"no values":          {files: local(`{"Values":"` + contoso + `"}`), want: "Values is no JSON object"},
		"empty":              {files: files{"host.json": ""}, want: "host.json: it is not JSON"},
		"provider":           {files: files{"host.json": v2(`{"storageProvider":"mssql"}`)}, want: "host.json: storageProvider is no JSON object"},
		"another provider":   {files: files{"host.json": v2(`{"storageProvider":{"type":"Netherite"}}`)}, want: "the Netherite storage provider"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := find(test.env, test.files.write(t), test.flags)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), secret)
		})
	}
}

// TestProjectAbove: the nearest folder upwards with one of the files is the project, and it is all of it.
func TestProjectAbove(t *testing.T) {
	t.Parallel()
	dir := files{
		"host.json":              v2(`{"hubName":"Outer","storageProvider":{"partitionCount":7}}`),
		"local.settings.json":    `{"Values":{"AzureWebJobsStorage":"` + contoso + `"}}`,
		"src/deep/readme.txt":    "",
		"inner/host.json":        v2(`{"hubName":"Inner"}`),
		"inner/below/readme.txt": "",
		"v1/host.json":           `{"durableTask":{"partitionCount":3}}`,
		"v1/local.settings.json": `{"Values":{"AzureWebJobsStorage":"UseDevelopmentStorage=true"}}`,
	}.write(t)
	hub, err := find(nil, filepath.Join(dir, "src", "deep"), target.Flags{})
	require.NoError(t, err)
	require.Equal(t, "account contoso, task hub Outer", hub.String())
	require.Equal(t, 7, hub.Partitions)
	hub, err = find(nil, filepath.Join(dir, "v1"), target.Flags{})
	require.NoError(t, err)
	require.Equal(t, "account devstoreaccount1, task hub DurableFunctionsHub", hub.String())
	require.Equal(t, 3, hub.Partitions)
	_, err = find(nil, filepath.Join(dir, "inner", "below"), target.Flags{})
	require.ErrorContains(t, err, "The project is in "+filepath.Join(dir, "inner")+".")
}

// TestSetting: the environment goes first, and an empty value is none.
func TestSetting(t *testing.T) {
	t.Parallel()
	dir := files{"local.settings.json": `{"Values":{"Key":"local","Other":"local","Section:Part":"local","Number":1}}`}.write(t)
	s, err := target.ReadSettings(map[string]string{"Key": "env", "Other": ""}, dir)
	require.NoError(t, err)
	for name, want := range map[string]string{
		"Key": "env", "KEY": "local", "Other": "local", "other": "local", "Section__Part": "local", "Number": "", "None": "",
	} {
		require.Equal(t, want, s.Get(name), name)
	}
}
