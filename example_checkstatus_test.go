package durable_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// A starter: it starts an instance and answers with the URLs by which the caller can follow it.
func ExampleOrchestrationClient_CreateCheckStatusResponse() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client := hub.Client()
	app := &durable.ManagementEndpoint{BaseURL: "https://app.example/runtime/webhooks/durabletask", Code: "key"}

	start := func(w http.ResponseWriter, r *http.Request) {
		id, err := client.StartNew(r.Context(), "ProcessOrder", nil, &durable.StartNewOptions{InstanceID: "order-1"})
		if err != nil {
			http.Error(w, "cannot start", http.StatusInternalServerError)
			return
		}
		response, err := client.CreateCheckStatusResponse(nil, id, &durable.CheckStatusOptions{Endpoint: app})
		if err != nil {
			http.Error(w, "cannot answer", http.StatusInternalServerError)
			return
		}
		response.ServeHTTP(w, r)
	}
	w := httptest.NewRecorder()
	start(w, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/api/start", nil))
	fmt.Println(w.Code, w.Header().Get("Retry-After"))
	fmt.Println(w.Header().Get("Location"))
	// Output:
	// 202 10
	// https://app.example/runtime/webhooks/durabletask/instances/order-1?taskHub=TestHub&connection=Storage&code=key
}

// The data of a durableClient binding, which a custom handler receives, says where the app's management API is.
func ExampleManagementEndpointFromBinding() {
	data := []byte(`{"taskHubName":"MyHub","managementUrls":{"id":"INSTANCEID","statusQueryGetUri":` +
		`"https://app.example/runtime/webhooks/durabletask/instances/INSTANCEID?taskHub=MyHub&connection=Storage&code=key"}}`)
	app, err := durable.ManagementEndpointFromBinding(data)
	if err != nil {
		log.Fatal(err)
	}
	urls, err := app.Payload("order-1")
	if err != nil {
		log.Fatal(err)
	}
	b, err := json.Marshal(urls)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(urls.TerminatePostURI, len(b) > 0)
	// Output:
	// https://app.example/runtime/webhooks/durabletask/instances/order-1/terminate?reason={text}&taskHub=MyHub&connection=Storage&code=key true
}
