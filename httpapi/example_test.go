package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/httpapi"
)

// The management API of a task hub, asked as any client asks a Functions app.
func ExampleNewHandler() {
	hub, err := durabletest.New(nil) // in a program: a client of the real hub
	if err != nil {
		log.Fatal(err)
	}
	api := httpapi.NewHandler(hub.Client(), &httpapi.Options{Keys: []string{"secret"}})
	server := httptest.NewServer(api)
	defer server.Close()

	ctx := context.Background()
	call := func(method, path, body string) {
		r, err := http.NewRequestWithContext(ctx, method, server.URL+path, strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("x-functions-key", "secret")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // only read
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(response.StatusCode, len(answer) > 0)
	}
	call("POST", base+"/orchestrators/ProcessOrder/order-1", `{"order": 1}`)
	call("GET", base+"/instances/order-1", "")
	call("POST", base+"/instances/order-1/terminate?reason=cancelled", "")
	call("GET", base+"/instances?top=all", "")
	// Output:
	// 202 true
	// 202 true
	// 202 false
	// 400 true
}
