package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
)

// The rows of docs/deviations.md that the differences refer to.
const (
	rowParameters = "malformed-parameters"
	rowStates     = "state-names"
	rowToken      = "foreign-token"
	rowFunction   = "unknown-function"
	rowEmptyEvent = "empty-event"
	rowRewindText = "rewind-missing"
	rowSuspended  = "suspended-twice"
	rowBase       = "no-operation"
	rowNewest     = "newest-host"
	rowOverwrite  = "no-overwriting"
	rowListInput  = "list-input"
	rowPrefix     = "prefix-everywhere"
	rowHistory    = "history-form"
	rowUnfailed   = "rewind-unfailed"
)

// differencesV3 are those from the newest host, which is the reference.
func differencesV3() map[string]difference {
	return map[string]difference{
		`POST /orchestrators/HelloSequence/http-timeout3?timeout=abc "x"`: {
			row: rowParameters, status: 400, body: "The parameter 'timeout' is not a number of seconds",
			then: again("POST", "/orchestrators/HelloSequence/http-timeout3", `"x"`),
		},
		"GET /instances/http-1?showInput=maybe": {
			row: rowParameters, status: 400, body: "The parameter 'showInput' is not true or false",
		},
		"GET /instances?top=abc": {row: rowParameters, status: 400, body: badTop},
		"GET /instances?top=0":   {row: rowParameters, status: 400, body: badTop},
		"GET /instances?runtimeStatus=running": {row: rowStates, inTheBody: only(func(s status) bool {
			return s.RuntimeStatus == "Running"
		})},
		"GET /instances?runtimeStatus=Bogus": {
			row: rowParameters, status: 400, body: "The parameter 'runtimeStatus' names the state 'Bogus', which does not exist",
		},
		"GET /instances?createdTimeFrom=yesterday": {row: rowParameters, status: 400, body: badTime},
		"GET /instances?top=3 (token)": {
			row: rowToken, status: 400, body: "One or more of the arguments submitted is incorrect",
		},
		"POST /instances/http-wait/raiseEvent/Other (empty)": {
			row: rowEmptyEvent, status: 202, then: func(r *replay) { require.Equal(r.t, 1, r.takeMessages()) },
		},
		"POST /instances/nobody/rewind?reason=x": {
			row: rowRewindText, status: 404, body: `"No orchestration with instance ID \"nobody\" found."`,
		},
		"POST /instances/http-custom/suspend?reason=again": {
			row: rowSuspended, status: 412,
			body: "Cannot suspend the orchestration instance http-custom because instance is in the Suspended state.",
		},
		"POST /instances/http-custom/resume?reason=again": {
			row: rowSuspended, status: 412,
			body: "Cannot resume the orchestration instance http-custom because instance is in the Running state.",
		},
		"POST /instances/http-1/restart?restartWithNewInstanceId=maybe": {
			row: rowParameters, status: 400, body: "The parameter 'restartWithNewInstanceId' is not true or false",
			then: again("POST", "/instances/http-1/restart", ""),
		},
		"GET ": {row: rowBase, status: 404},
		"DELETE /instances?createdTimeFrom=2020-01-01T00:00:00Z&runtimeStatus=Bogus": {
			row: rowParameters, status: 400, body: "The parameter 'runtimeStatus' names the state 'Bogus', which does not exist",
			then: purgeAll,
		},
		"DELETE /instances?createdTimeFrom=soon": {row: rowParameters, status: 400, body: badTime},
	}
}

const (
	badTop  = "The parameter 'top' is not a whole number above 0"
	badTime = "The parameter 'createdTimeFrom' is not a time such as 2006-01-02T15:04:05Z, or a date such as 2006-01-02"
)

// differencesV2 are also those of the newest host from 2.13.7.
func differencesV2() map[string]difference {
	d := differencesV3()
	maps.Copy(d, map[string]difference{
		"POST /orchestrators/NoSuch/http-nosuch 1": unknownFunction,
		"POST /orchestrators/WaitForApproval/http-wait 2": {
			row: rowNewest, status: 409, body: "An Orchestration instance with the status Running already exists.",
		},
		"POST /instances/http-1/rewind?reason=late": {row: rowNewest, status: 412, body: notFailed("Completed")},
		"POST /instances/nobody/rewind?reason=x": {
			row: rowNewest, status: 404, body: `"No orchestration with instance ID \"nobody\" found."`,
		},
		"POST /instances/http-custom/rewind?reason=x": {row: rowNewest, status: 412, body: notFailed("Running")},
		"POST /instances/http-custom/restart?restartWithNewInstanceId=false": {
			row: rowNewest, status: 409, body: "A non-terminal instance with this instance ID already exists.",
		},
	})
	return d
}

func notFailed(status string) string {
	return `"This orchestration has status ` + status +
		`, but only orchestrations in the \"Failed\" state can be rewound."`
}

// differencesV1 are those of the handler that answers as 1.x from 1.8.6.
func differencesV1() map[string]difference {
	d := differencesV3()
	delete(d, "POST /instances/http-wait/raiseEvent/Other (empty)")
	delete(d, "POST /instances/nobody/rewind?reason=x")
	delete(d, "POST /instances/http-custom/suspend?reason=again")
	delete(d, "POST /instances/http-custom/resume?reason=again")
	delete(d, "POST /instances/http-1/restart?restartWithNewInstanceId=maybe")
	maps.Copy(d, map[string]difference{
		"POST /orchestrators/NoSuch/http-nosuch 1": unknownFunction,
		"POST /orchestrators/WaitForApproval/http-wait 2": {
			row: rowOverwrite, status: 409, body: "An Orchestration instance with the status Running already exists.",
			then: overwrite,
		},
		"GET /instances/http-1?showHistory=true":                                       newHistory,
		"GET /instances/http-1?showHistory=true&showHistoryOutput=true&showInput=true": newHistory,
		"GET /instances/http-1?showHistory=TRUE":                                       newHistory,
		"GET /instances/http-rewind?showHistory=true&showHistoryOutput=true":           newHistory,
		"GET /instances?createdTimeFrom=2020-01-01T00:00:00Z&showInput=false&top=3":    {row: rowListInput, inTheBody: withoutInput},
		"GET /instances?instanceIdPrefix=http-t":                                       prefixHeeded("http-t"),
		"GET /instances?top=3&instanceIdPrefix=http-":                                  prefixHeeded("http-"),
		"GET /instances?top=3&instanceIdPrefix=http- (token)":                          prefixHeeded("http-"),
		"POST /instances/http-custom/rewind?reason=x":                                  {row: rowUnfailed, status: 410},
	})
	return d
}

// again sends a request that the recorded host took in spite of a malformed parameter, without that parameter.
func again(method, path, body string) func(*replay) {
	return func(r *replay) {
		s := &golden.Step{Method: method, Path: path, RequestBody: &body}
		got := r.send(s)
		require.Equal(r.t, http.StatusAccepted, got.status, path)
		r.goOn(s, got)
	}
}

// unknownFunction is undone, because the recorded hub has no such instance.
var unknownFunction = difference{
	row: rowFunction, status: 202,
	check: func(r *replay, _ string) { require.Equal(r.t, "http-nosuch", r.started) },
	then: func(r *replay) {
		require.Equal(r.t, 1, r.takeMessages())
		_, err := r.client.Purge(r.t.Context(), "http-nosuch", &durable.PurgeOptions{Force: true})
		require.NoError(r.t, err)
	},
}

// overwrite does what the recorded host did, on purpose.
func overwrite(r *replay) {
	_, err := r.client.StartNew(r.t.Context(), "WaitForApproval", 2, &durable.StartNewOptions{
		InstanceID: "http-wait", OverridableStates: durable.OverridableAnyState,
	})
	require.NoError(r.t, err)
	require.Equal(r.t, 1, r.takeMessages())
	r.run("http-wait")
}

func purgeAll(r *replay) {
	_, err := r.client.PurgeInstances(r.t.Context(), &durable.InstanceFilter{}, &durable.PurgeOptions{Force: true})
	require.NoError(r.t, err)
	for s, err := range r.client.QueryInstances(r.t.Context(), nil, nil) {
		require.NoError(r.t, err)
		_, err = r.client.Purge(r.t.Context(), s.InstanceID, &durable.PurgeOptions{Force: true})
		require.NoError(r.t, err)
	}
}

type status struct {
	InstanceID    string
	RuntimeStatus string
	raw           string
}

func statuses(list string) []status {
	var raw []json.RawMessage
	if json.Unmarshal([]byte(list), &raw) != nil {
		return nil
	}
	found := make([]status, len(raw))
	for i := range raw {
		found[i].raw = string(raw[i])
		_ = json.Unmarshal(raw[i], &found[i])
	}
	return found
}

// only leaves in a recorded list what the condition holds for.
func only(keep func(status) bool) func(string) string {
	return func(list string) string {
		var kept []string
		for _, s := range statuses(list) {
			if keep(s) {
				kept = append(kept, s.raw)
			}
		}
		return "[" + strings.Join(kept, ",") + "]"
	}
}

// withoutInput sets the inputs in a recorded list to null.
func withoutInput(list string) string {
	for _, input := range []string{`{"a":1}`, `"y"`, `"x"`, "1", "2"} {
		list = strings.ReplaceAll(list, `"input":`+input+`,`, `"input":null,`)
	}
	return list
}

func prefixHeeded(prefix string) difference {
	return difference{row: rowPrefix, status: 200, check: func(r *replay, body string) {
		list := statuses(body)
		require.NotEmpty(r.t, list)
		for _, s := range list {
			require.True(r.t, strings.HasPrefix(s.InstanceID, prefix), s.InstanceID)
		}
	}}
}

// newHistory is a history in the form of the newest host. Without the members that 1.x had not, it is the recorded one.
var newHistory = difference{row: rowHistory, reduce: oldForm}
