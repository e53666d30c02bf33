package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-durable/durable"
)

// invocation is what a Functions host sends for one call of a function: the data of its bindings, by their names in
// function.json.
type invocation struct {
	Data struct {
		Req     request         `json:"req"`
		Starter json.RawMessage `json:"starter"`
	}
}

// request is the HTTP request that the host has received.
type request struct {
	Params map[string]string
	// Body is the body as a text.
	Body string
}

// result is what the host takes for it.
type result struct {
	Outputs struct {
		Res *durable.CheckStatusResponse `json:"res"`
	}
	Logs        []string
	ReturnValue any
}

// handler serves the functions of the app, each at its name.
func handler(client *durable.OrchestrationClient, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /HttpStart", func(w http.ResponseWriter, r *http.Request) {
		var in invocation
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, "this is no invocation", http.StatusBadRequest)
			return
		}
		var out result
		out.Outputs.Res = start(r, client, &in, log)
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(&out); err != nil {
			log.Warn("the host does not take the answer", "error", err)
		}
	})
	return mux
}

// start starts the orchestrator that the route names, and answers with the URLs of the app's own management API.
func start(
	r *http.Request, client *durable.OrchestrationClient, in *invocation, log *slog.Logger,
) *durable.CheckStatusResponse {
	app, err := durable.ManagementEndpointFromBinding(in.Data.Starter)
	if err != nil {
		log.Error("the binding cannot be read", "error", err)
		return answer(http.StatusInternalServerError, "the app's binding cannot be read")
	}
	var input any
	if in.Data.Req.Body != "" {
		input = json.RawMessage(in.Data.Req.Body)
	}
	orchestrator := in.Data.Req.Params["orchestrator"]
	id, err := client.StartNew(r.Context(), orchestrator, input, &durable.StartNewOptions{
		InstanceID: in.Data.Req.Params["instance"],
	})
	switch {
	case errors.Is(err, durable.ErrInvalidArgument):
		return answer(http.StatusBadRequest, err.Error())
	case errors.Is(err, durable.ErrInstanceExists):
		return answer(http.StatusConflict, "an instance with this ID is running")
	case err != nil:
		log.Error("the orchestration cannot be started", "error", err)
		return answer(http.StatusInternalServerError, "the orchestration cannot be started")
	}
	// No request is given: the one that this program got came from the host, not from the caller.
	response, err := client.CreateCheckStatusResponse(nil, id, &durable.CheckStatusOptions{Endpoint: app})
	if err != nil {
		log.Error("the answer cannot be made", "error", err)
		return answer(http.StatusInternalServerError, "started as "+id+", but the URLs cannot be made")
	}
	return response
}

func answer(status int, text string) *durable.CheckStatusResponse {
	return &durable.CheckStatusResponse{
		StatusCode: status, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte(text),
	}
}
