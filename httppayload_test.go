package durable_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
)

// clientAt returns a client with a management endpoint.
func clientAt(t *testing.T, e *durable.ManagementEndpoint) *durable.OrchestrationClient {
	t.Helper()
	c, err := durable.NewOrchestrationClientFromConnectionString("UseDevelopmentStorage=true", "MyHub",
		&durable.ClientOptions{Management: e})
	require.NoError(t, err)
	return c
}

// marshalled returns the document as the host writes it: without escaping what JSON need not escape.
func marshalled(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(v))
	return strings.TrimSpace(b.String())
}

const appURL = "https://app.example/runtime/webhooks/durabletask"

func TestCreateHttpManagementPayload(t *testing.T) {
	t.Parallel()
	c := clientAt(t, &durable.ManagementEndpoint{BaseURL: appURL + "/", Code: "a+b=="})
	p, err := c.CreateHttpManagementPayload("abc")
	require.NoError(t, err)
	const instance, query = appURL + "/instances/abc", "taskHub=MyHub&connection=Storage&code=a%2Bb%3D%3D"
	require.Equal(t, &durable.HttpManagementPayload{
		ID:                    "abc",
		StatusQueryGetURI:     instance + "?" + query,
		SendEventPostURI:      instance + "/raiseEvent/{eventName}?" + query,
		TerminatePostURI:      instance + "/terminate?reason={text}&" + query,
		RewindPostURI:         instance + "/rewind?reason={text}&" + query,
		PurgeHistoryDeleteURI: instance + "?" + query,
		RestartPostURI:        instance + "/restart?" + query,
		SuspendPostURI:        instance + "/suspend?reason={text}&" + query,
		ResumePostURI:         instance + "/resume?reason={text}&" + query,
	}, p)
	require.Equal(t, []string{
		"id", "statusQueryGetUri", "sendEventPostUri", "terminatePostUri", "rewindPostUri", "purgeHistoryDeleteUri",
		"restartPostUri", "suspendPostUri", "resumePostUri",
	}, members(t, marshalled(t, p)))

	var back durable.HttpManagementPayload
	require.NoError(t, json.Unmarshal([]byte(marshalled(t, p)), &back))
	require.Equal(t, p, &back)
}

// members returns the names in a JSON object, in order.
func members(t *testing.T, object string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	var names []string
	for i := 0; d.More() || i == 0; i++ {
		token, err := d.Token()
		require.NoError(t, err)
		if i%2 == 1 {
			names = append(names, token.(string))
		}
	}
	return names
}

// TestPayloadOfRecordedHosts compares with the answers of real hosts to starts.
func TestPayloadOfRecordedHosts(t *testing.T) {
	t.Parallel()
	for _, engine := range golden.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := golden.Load(t, engine+"/http-api").Steps[0]
			base, _, _ := strings.Cut(s.Headers["Location"], "/instances/")
			e := durable.ManagementEndpoint{BaseURL: base, TaskHub: "GHttpApi", Code: "TheKey", Extension1: engine == "v1"}
			r, err := clientAt(t, &e).CreateCheckStatusResponse(nil, "http-1", nil)
			require.NoError(t, err)
			require.Equal(t, s.Body, string(r.Body))
			require.Equal(t, s.Status, r.StatusCode)
			for _, name := range []string{"Location", "Retry-After", "Content-Type"} {
				require.Equal(t, s.Headers[name], r.Header.Get(name))
			}
		})
	}
}

func TestPayloadEscapes(t *testing.T) {
	t.Parallel()
	e := durable.ManagementEndpoint{BaseURL: appURL, TaskHub: "My Hub&x", Connection: "A~b", Code: "k&c=%"}
	p, err := e.Payload("a b/ü?#%+&@'!*()-._~")
	require.NoError(t, err)
	require.Equal(t, appURL+"/instances/a%20b%2F%C3%BC%3F%23%25%2B%26%40%27!*()-._%7E"+
		"?taskHub=My+Hub%26x&connection=A%7Eb&code=k%26c%3D%25", p.StatusQueryGetURI)
}

func TestManagementEndpointsThatCannotBe(t *testing.T) {
	t.Parallel()
	c := clientAt(t, nil)
	_, err := c.CreateHttpManagementPayload("abc")
	require.ErrorIs(t, err, durable.ErrNoManagementEndpoint)
	_, err = c.CreateCheckStatusResponse(nil, "abc", nil)
	require.ErrorIs(t, err, durable.ErrNoManagementEndpoint)
	_, err = c.WaitForCompletionOrCreateCheckStatusResponse(t.Context(), nil, "abc", nil)
	require.ErrorIs(t, err, durable.ErrNoManagementEndpoint)

	for _, base := range []string{
		"", "app.example", "/runtime", "ftp://app.example", "https://", "https://u:SECRET@app.example", "https://app.example?code=SECRET",
		"https://app.example#SECRET", "https://app .example/SECRET",
	} {
		e := durable.ManagementEndpoint{BaseURL: base, TaskHub: "Hub"}
		_, err := e.Payload("abc")
		require.ErrorIs(t, err, durable.ErrInvalidArgument, base)
		require.NotContains(t, err.Error(), "SECRET")
		_, err = durable.NewOrchestrationClientFromConnectionString("UseDevelopmentStorage=true", "MyHub",
			&durable.ClientOptions{Management: &e})
		require.ErrorIs(t, err, durable.ErrInvalidArgument, base)
	}
	for _, id := range []string{"", "\xff", strings.Repeat("x", 513)} {
		_, err := durable.ManagementEndpoint{BaseURL: appURL, TaskHub: "Hub"}.Payload(id)
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
	}
	_, err = durable.ManagementEndpoint{BaseURL: appURL}.Payload("abc")
	require.ErrorIs(t, err, durable.ErrInvalidArgument, "no task hub")
}

// What hosts give: the newest, in both spellings; one of 1.8; a worker that talks gRPC.
const (
	bindingData = `{"taskHubName":"MyHub","connectionName":"Storage","creationUrls":{"createNewInstancePostUri":"` + appURL +
		`/orchestrators/{functionName}[/{instanceId}]?code=K%2B1"},"managementUrls":{"id":"INSTANCEID","statusQueryGetUri":"` + appURL +
		`/instances/INSTANCEID?taskHub=MyHub&connection=Second&code=K%2B1","sendEventPostUri":"` + appURL +
		`/instances/INSTANCEID/raiseEvent/{eventName}?taskHub=MyHub&connection=Second&code=K%2B1","restartPostUri":"` + appURL +
		`/instances/INSTANCEID/restart?taskHub=MyHub&connection=Second&code=K%2B1"},"baseUrl":"` + appURL +
		`/","requiredQueryStringParameters":"code=K%2B1","rpcBaseUrl":"http://127.0.0.1:17071/durabletask/","httpBaseUrl":null}`
	bindingOf18 = `{"taskHubName":"MyHub","creationUrls":{},"managementUrls":{"id":"INSTANCEID","statusQueryGetUri":"` + appURL +
		`/instances/INSTANCEID?taskHub=MyHub&connection=Storage&code=K","sendEventPostUri":"","terminatePostUri":""}}`
	bindingOfGRPC = `{"taskHubName":"MyHub","connectionName":"Second","creationUrls":null,"managementUrls":null,"baseUrl":null,` +
		`"requiredQueryStringParameters":"code=K%2B1","rpcBaseUrl":"http://localhost:4001","httpBaseUrl":"` + appURL + `"}`
)

func TestManagementEndpointFromBinding(t *testing.T) {
	t.Parallel()
	full := durable.ManagementEndpoint{BaseURL: appURL, TaskHub: "MyHub", Connection: "Second", Code: "K+1"}
	pascal := strings.NewReplacer(`"taskHubName"`, `"TaskHubName"`, `"managementUrls"`, `"ManagementUrls"`,
		`"statusQueryGetUri"`, `"StatusQueryGetUri"`, `"restartPostUri"`, `"RestartPostUri"`).Replace(bindingData)
	noCode := strings.ReplaceAll(bindingData, "&code=K%2B1", "")
	tests := []struct {
		name, data string
		want       durable.ManagementEndpoint
	}{
		{"camel case", bindingData, full},
		{"pascal case", pascal, full},
		{"in a string", strconv.Quote(bindingData), full},
		{"in a string in a string", strconv.Quote(strconv.Quote(bindingData)), full},
		{"no key", noCode, durable.ManagementEndpoint{BaseURL: appURL, TaskHub: "MyHub", Connection: "Second"}},
		{"1.8", bindingOf18, durable.ManagementEndpoint{
			BaseURL: appURL, TaskHub: "MyHub", Connection: "Storage", Code: "K", Extension1: true,
		}},
		{"gRPC", bindingOfGRPC, full},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, err := durable.ManagementEndpointFromBinding([]byte(test.data))
			require.NoError(t, err)
			require.Equal(t, &test.want, e)
		})
	}
}

// TestBindingGivesTheHostsURLs: what is made of a binding is what the host itself would have made.
func TestBindingGivesTheHostsURLs(t *testing.T) {
	t.Parallel()
	e, err := durable.ManagementEndpointFromBinding([]byte(bindingData))
	require.NoError(t, err)
	p, err := e.Payload("INSTANCEID")
	require.NoError(t, err)
	var b struct{ ManagementURLs durable.HttpManagementPayload }
	require.NoError(t, json.Unmarshal([]byte(bindingData), &b))
	require.Equal(t, b.ManagementURLs.StatusQueryGetURI, p.StatusQueryGetURI)
	require.Equal(t, b.ManagementURLs.SendEventPostURI, p.SendEventPostURI)
	require.Equal(t, b.ManagementURLs.RestartPostURI, p.RestartPostURI)
}

func TestBindingsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "SECRET", "[1]", `"SECRET"`, `{"managementUrls":"SECRET"}`, `{"managementUrls":{"statusQueryGetUri":"SECRET"}}`} {
		_, err := durable.ManagementEndpointFromBinding([]byte(data))
		require.ErrorIs(t, err, durable.ErrInvalidArgument, data)
		require.NotContains(t, err.Error(), "SECRET")
	}
	for _, data := range []string{"{}", "null", `{"taskHubName":"MyHub","managementUrls":{}}`} {
		_, err := durable.ManagementEndpointFromBinding([]byte(data))
		require.ErrorIs(t, err, durable.ErrNoManagementEndpoint, data)
	}
}
