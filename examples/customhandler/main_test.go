package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// invoke sends an invocation as a host does, and returns what the host makes of the answer.
func invoke(t *testing.T, h http.Handler, params, body string) (status int, headers map[string]string, text string) {
	t.Helper()
	starter, err := os.ReadFile("testdata/starter.json")
	require.NoError(t, err)
	wrapped, err := json.Marshal(string(starter)) // hosts give it as a string
	require.NoError(t, err)
	quotedBody, err := json.Marshal(body)
	require.NoError(t, err)
	in := `{"Data":{"req":{"Url":"https://app.example/api/start","Method":"POST","Query":{},"Headers":{},"Params":` + params +
		`,"Identities":[],"Body":` + string(quotedBody) + `},"starter":` + string(wrapped) + `},"Metadata":{}}`
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/HttpStart", strings.NewReader(in)))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var out struct {
		Outputs struct {
			Res struct {
				StatusCode int
				Headers    map[string]string
				Body       string
			}
		}
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
	return out.Outputs.Res.StatusCode, out.Outputs.Res.Headers, out.Outputs.Res.Body
}

func TestStart(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, &durabletest.Options{TaskHub: "MyHub"})
	h := handler(hub.Client(), slog.New(slog.DiscardHandler))
	status, headers, body := invoke(t, h, `{"orchestrator":"ProcessOrder","instance":"order-1"}`, `{"n": 1}`)
	require.Equal(t, http.StatusAccepted, status)
	const url = "https://app.example/runtime/webhooks/durabletask/instances/order-1?taskHub=MyHub&connection=Storage&code=TheKey"
	require.Equal(t, url, headers["Location"])
	require.Equal(t, "10", headers["Retry-After"])
	var urls durable.HttpManagementPayload
	require.NoError(t, json.Unmarshal([]byte(body), &urls))
	require.Equal(t, url, urls.StatusQueryGetURI)
	s, err := hub.Client().GetStatus(t.Context(), "order-1", nil)
	require.NoError(t, err)
	require.Equal(t, "ProcessOrder", s.Name)
	require.JSONEq(t, `{"n": 1}`, string(s.Input))

	status, _, _ = invoke(t, h, `{"orchestrator":"ProcessOrder","instance":"order-1"}`, "")
	require.Equal(t, http.StatusConflict, status)
	status, _, _ = invoke(t, h, `{"orchestrator":"ProcessOrder"}`, "not JSON")
	require.Equal(t, http.StatusBadRequest, status)
	status, _, _ = invoke(t, h, `{}`, "")
	require.Equal(t, http.StatusBadRequest, status)
}

func TestRunNeedsItsSettings(t *testing.T) {
	t.Parallel()
	env := map[string]string{"AzureWebJobsStorage": "UseDevelopmentStorage=true", "TASK_HUB": "MyHub"}
	require.ErrorContains(t, run(t.Context(), func(name string) string { return env[name] }), "FUNCTIONS_CUSTOMHANDLER_PORT")
	delete(env, "TASK_HUB")
	require.ErrorIs(t, run(t.Context(), func(name string) string { return env[name] }), durable.ErrInvalidArgument)
}
