package connstr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/connstr"
)

const (
	devKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	key    = "c2VjcmV0LWtleS1vZi1hbi1hY2NvdW50LXRoYXQtaXMtbm9ib2R5J3M="
	sas    = "sv=2024-11-04&ss=btq&srt=sco&sp=rwdlacup&se=2030-01-01T00%3A00%3A00Z&spr=https&sig=bm90IGEgc2lnbmF0dXJl%2Bx%3D"
)

func withKey(table, queue, blob string) connstr.Account {
	return connstr.Account{Name: "acct", Key: key, Table: table, Queue: queue, Blob: blob}
}

func withSAS(name, table, queue, blob string) connstr.Account {
	return connstr.Account{Name: name, SAS: sas, Table: table, Queue: queue, Blob: blob}
}

// development is the account of an emulator behind a scheme and a host.
func development(base string) connstr.Account {
	return connstr.Account{
		Name: "devstoreaccount1", Key: devKey, Blob: base + ":10000/devstoreaccount1/",
		Queue: base + ":10001/devstoreaccount1/", Table: base + ":10002/devstoreaccount1/",
	}
}

func public(protocol, suffix string) connstr.Account {
	return withKey(protocol+"://acct.table."+suffix+"/", protocol+"://acct.queue."+suffix+"/", protocol+"://acct.blob."+suffix+"/")
}

func TestParse(t *testing.T) {
	t.Parallel()
	const endpoints = "BlobEndpoint=https://b.example/;QueueEndpoint=https://q.example/;TableEndpoint=https://t.example/;"
	tests := []struct {
		name, in string
		want     connstr.Account
	}{
		{
			"portal", "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=" + key + ";EndpointSuffix=core.windows.net",
			public("https", "core.windows.net"),
		},
		{"defaults", "AccountName=acct;AccountKey=" + key, public("https", "core.windows.net")},
		{
			"http", "DefaultEndpointsProtocol=http;AccountName=acct;AccountKey=" + key,
			public("http", "core.windows.net"),
		},
		{
			"protocol in capitals", "DefaultEndpointsProtocol=HTTPS;AccountName=acct;AccountKey=" + key,
			public("https", "core.windows.net"),
		},
		{
			"China", "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=" + key + ";EndpointSuffix=core.chinacloudapi.cn",
			public("https", "core.chinacloudapi.cn"),
		},
		{
			"US Government", "EndpointSuffix=core.usgovcloudapi.net;AccountKey=" + key + ";AccountName=acct",
			public("https", "core.usgovcloudapi.net"),
		},
		{
			"Azure Stack", "AccountName=acct;AccountKey=" + key + ";EndpointSuffix=local.azurestack.external",
			public("https", "local.azurestack.external"),
		},
		{
			"one explicit endpoint wins", "AccountName=acct;AccountKey=" + key + ";QueueEndpoint=http://10.0.0.7:9/acct",
			withKey("https://acct.table.core.windows.net/", "http://10.0.0.7:9/acct/", "https://acct.blob.core.windows.net/"),
		},
		{
			"explicit endpoints win over protocol and suffix",
			endpoints + "DefaultEndpointsProtocol=http;EndpointSuffix=core.chinacloudapi.cn;AccountName=acct;AccountKey=" + key,
			withKey("https://t.example/", "https://q.example/", "https://b.example/"),
		},
		{
			"DNS zone endpoints", "AccountName=acct;AccountKey=" + key + ";BlobEndpoint=https://acct.z41.blob.storage.azure.net" +
				";QueueEndpoint=https://acct.z41.queue.storage.azure.net;TableEndpoint=https://acct.z41.table.storage.azure.net",
			withKey("https://acct.z41.table.storage.azure.net/", "https://acct.z41.queue.storage.azure.net/", "https://acct.z41.blob.storage.azure.net/"),
		},
		{"SAS and endpoints", endpoints + "SharedAccessSignature=" + sas, withSAS("", "https://t.example/", "https://q.example/", "https://b.example/")},
		{
			"SAS of the portal, with the file service",
			"BlobEndpoint=https://acct.blob.core.windows.net/;QueueEndpoint=https://acct.queue.core.windows.net/;" +
				"FileEndpoint=https://acct.file.core.windows.net/;TableEndpoint=https://acct.table.core.windows.net/;SharedAccessSignature=" + sas,
			withSAS("", "https://acct.table.core.windows.net/", "https://acct.queue.core.windows.net/", "https://acct.blob.core.windows.net/"),
		},
		{
			"SAS and account name", "DefaultEndpointsProtocol=http;AccountName=acct;EndpointSuffix=x.test;SharedAccessSignature=" + sas,
			withSAS("acct", "http://acct.table.x.test/", "http://acct.queue.x.test/", "http://acct.blob.x.test/"),
		},
		{
			"SAS with question mark, account name and one endpoint",
			"SharedAccessSignature=?" + sas + ";TableEndpoint=https://t.example;AccountName=acct",
			withSAS("acct", "https://t.example/", "https://acct.queue.core.windows.net/", "https://acct.blob.core.windows.net/"),
		},
		{"emulator", "UseDevelopmentStorage=true", development("http://127.0.0.1")},
		{"emulator, other spelling", " usedevelopmentstorage = TRUE ; ", development("http://127.0.0.1")},
		{"proxy", "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite", development("http://azurite")},
		{"proxy with slash", "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://10.0.0.7/;", development("http://10.0.0.7")},
		{"proxy with port", "DevelopmentStorageProxyUri=https://host.docker.internal:8443/x;UseDevelopmentStorage=true", development("https://host.docker.internal")},
		{"proxy with IPv6", "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://[::1]:80", development("http://[::1]")},
		{
			"emulator in full", "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=" + devKey +
				";BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;" +
				"TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;",
			development("http://127.0.0.1"),
		},
		{
			"names in any case", "accountname=acct;ACCOUNTKEY=" + key + ";endPointSuffix=core.windows.net",
			public("https", "core.windows.net"),
		},
		{
			"white space and empty parts", "\n ;; AccountName = acct ;\r\n\tAccountKey\t= " + key + " ;;; \n",
			public("https", "core.windows.net"),
		},
		{
			"unknown and secondary settings",
			"AccountName=acct;AccountKey=" + key + ";AccountKeyName=key1;Colour=;X=\"y\";BlobSecondaryEndpoint=no URL;FileEndpoint=ftp://f",
			public("https", "core.windows.net"),
		},
		{
			"endpoints are made canonical", "BlobEndpoint=HTTPS://b.example:443//;QueueEndpoint=http://q_1/a%2Fb/;TableEndpoint=http://[::1]:1" +
				";SharedAccessSignature=" + sas,
			withSAS("", "http://[::1]:1/", "http://q_1/a%2Fb/", "https://b.example:443/"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := connstr.Parse(tt.in)
			require.NoError(t, err)
			requireEqual(t, tt.want, *got)
		})
	}
}

// requireEqual compares field by field: accounts print without their secrets, so that a difference there would not
// show.
func requireEqual(t *testing.T, want, got connstr.Account) {
	t.Helper()
	require.Equal(t, []string{want.Name, want.Key, want.SAS, want.Table, want.Queue, want.Blob},
		[]string{got.Name, got.Key, got.SAS, got.Table, got.Queue, got.Blob})
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const named = "AccountName=acct;AccountKey=" + key
	tests := []struct{ name, in, want string }{
		{"nothing", " \n", "empty"},
		{"name of an app setting", "AzureWebJobsStorage", "part 1 is not of the form name=value"},
		{"part without a value", "AccountName=acct;;" + key[:10], "part 3 is not of the form name=value"},
		{"part without a name", "AccountName=acct; =" + key, "part 2 is not of the form name=value"},
		{"quotes around all", `"` + named + `"`, "quot"},
		{"quote before", `'` + named, "quot"},
		{"curly quotes", `“` + named + `”`, "quot"},
		{"quotes around a key", `AccountName=acct;AccountKey="` + key + `"`, "AccountKey begins or ends with a quot"},
		{"quote after", named + `'`, "AccountKey begins or ends with a quot"},
		{"known setting twice", named + ";accountkey=" + key, "parts 2 and 3 both set AccountKey"},
		{"unknown setting twice", "x=1;" + named + ";X=2", "parts 1 and 4 both set the same thing"},
		{"no credential", "AccountName=acct", "neither AccountKey nor SharedAccessSignature is set"},
		{"only unknown settings", "Server=tcp:x;Database=y", "neither AccountKey nor SharedAccessSignature is set"},
		{"two credentials", named + ";SharedAccessSignature=" + sas, "both set"},
		{"empty key", "AccountName=acct;AccountKey=", "AccountKey has no value"},
		{"key that is not Base64", "AccountName=acct;AccountKey=" + key + "=", "not valid Base64"},
		{"URL-safe Base64", "AccountName=acct;AccountKey=____", "not valid Base64"},
		{"broken key", "AccountName=acct;AccountKey=" + key[:8] + "\n" + key[8:], "white space"},
		{"key without a name", "AccountKey=" + key, "AccountName is not"},
		{"key and endpoints without a name", "AccountKey=" + key + ";BlobEndpoint=https://b", "AccountName is not"},
		{"name that is a host", "AccountName=acct.example;AccountKey=" + key, "AccountName has characters"},
		{"name with a path", "AccountName=evil.example/;AccountKey=" + key, "AccountName has characters"},
		{"comma instead of semicolon", "AccountName=acct,AccountKey=" + key + ";SharedAccessSignature=" + sas, "AccountName has characters"},
		{"name beyond ASCII", "AccountName=äcct;AccountKey=" + key, "AccountName has white space or other"},
		{"protocol", named + ";DefaultEndpointsProtocol=ftp", "neither http nor https"},
		{"suffix with a scheme", named + ";EndpointSuffix=https://core.windows.net", "EndpointSuffix is not a domain"},
		{"suffix with a dot before", named + ";EndpointSuffix=.core.windows.net", "EndpointSuffix is not a domain"},
		{"empty suffix", named + ";EndpointSuffix=;", "EndpointSuffix has no value"},
		{"SAS without signature", "AccountName=acct;SharedAccessSignature=sv=2024-11-04&ss=b", "no signature"},
		{"SAS with empty signature", "AccountName=acct;SharedAccessSignature=sv=1&sig=", "no signature"},
		{"key in the place of the SAS", "AccountName=acct;SharedAccessSignature=" + key, "no signature"},
		{"SAS written for HTML", "AccountName=acct;SharedAccessSignature=" + strings.ReplaceAll(sas, "&", "&amp;"), "no signature"},
		{"SAS URL", "AccountName=acct;SharedAccessSignature=https://b.example/?" + sas, "not a query string"},
		{"no queue", "BlobEndpoint=https://b;TableEndpoint=https://t;SharedAccessSignature=" + sas, "queue service: neither QueueEndpoint"},
		{"no table", "BlobEndpoint=https://b;QueueEndpoint=https://q;SharedAccessSignature=" + sas, "table service: neither TableEndpoint"},
		{"no blob", "QueueEndpoint=https://q;TableEndpoint=https://t;SharedAccessSignature=" + sas, "blob service: neither BlobEndpoint"},
		{"endpoint without a scheme", named + ";BlobEndpoint=b.example", "BlobEndpoint is not an absolute"},
		{"endpoint without a host", named + ";TableEndpoint=https:///x", "TableEndpoint is not an absolute"},
		{"endpoint of another scheme", named + ";QueueEndpoint=amqp://q", "QueueEndpoint is not an absolute"},
		{"endpoint with a user", named + ";BlobEndpoint=https://acct:" + key[:9] + "@b.example", "BlobEndpoint is not an absolute"},
		{"endpoint with a bad port", named + ";BlobEndpoint=https://b.example:" + key[:9], "BlobEndpoint is not an absolute"},
		{"endpoint with an empty port", named + ";BlobEndpoint=https://b.example:/", "BlobEndpoint is not an absolute"},
		{"endpoint with a zone", named + ";BlobEndpoint=http://[fe80::1%25eth0]/", "BlobEndpoint is not an absolute"},
		{"endpoint with a strange host", named + ";BlobEndpoint=https://b(1)", "BlobEndpoint is not an absolute"},
		{"endpoint with a bad escape", named + ";BlobEndpoint=https://b/%zz" + key, "BlobEndpoint is not an absolute"},
		{"endpoint with a SAS", "BlobEndpoint=https://b?" + sas + ";QueueEndpoint=https://q;TableEndpoint=https://t;SharedAccessSignature=" + sas, "belongs in SharedAccessSignature"},
		{"endpoint with a fragment", named + ";BlobEndpoint=https://b/#", "belongs in SharedAccessSignature"},
		{"emulator turned off", "UseDevelopmentStorage=false;" + named, "can only be true"},
		{"emulator and a key", "UseDevelopmentStorage=true;" + named, "UseDevelopmentStorage and AccountKey are both set"},
		{"emulator and an endpoint", "UseDevelopmentStorage=true;TableEndpoint=http://t", "UseDevelopmentStorage and TableEndpoint are both set"},
		{"emulator and a protocol", "UseDevelopmentStorage=true;DefaultEndpointsProtocol=https", "DefaultEndpointsProtocol are both set"},
		{"proxy without emulator", "DevelopmentStorageProxyUri=http://x;" + named, "UseDevelopmentStorage is not"},
		{"proxy without a scheme", "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=azurite", "DevelopmentStorageProxyUri is not an absolute"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := connstr.Parse(tt.in)
			require.Nil(t, a)
			require.ErrorContains(t, err, tt.want)
			require.True(t, strings.HasPrefix(err.Error(), "connection string: "))
			for _, secret := range []string{key[:8], key[8:16], "bm90IGEg", "acct", "2024"} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}
