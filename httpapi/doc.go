// Package httpapi serves the HTTP management API of Azure Durable Functions straight from a task hub's storage, with no
// Functions host alive. The clients that know the API, such as the JavaScript and Python SDKs, dashboards and curl
// scripts, work with it unchanged.
//
//	api := httpapi.NewHandler(client, &httpapi.Options{Keys: []string{key}})
//	server := &http.Server{Addr: ":8080", Handler: api, ReadHeaderTimeout: 10 * time.Second}
//
// # Paths
//
// The API is served below /runtime/webhooks/durabletask and below /admin/extensions/DurableTaskExtension, the paths of
// the hosts, and at the root. For any other place there is [http.StripPrefix]: the SDKs that talk to a host's local
// endpoint want it at /durabletask/. URLs in answers lead to where the request came in, unless [Options] has a BaseURL.
// Instance IDs are taken from the path as they are, so the handler should see it unchanged: [http.ServeMux] redirects
// requests for IDs such as "." and "..".
//
//	POST   orchestrators/{function}[/{id}]       start
//	GET    instances/{id}                        status
//	GET    instances                             list
//	POST   instances/{id}/raiseEvent/{event}     raise an event
//	POST   instances/{id}/terminate              also suspend, resume, rewind and restart
//	DELETE instances/{id}                        purge one
//	DELETE instances                             purge by filter
//	GET    entities[/{name}]                     list entities
//	GET    entities/{name}/{key}                 state of an entity
//	POST   entities/{name}/{key}?op={operation}  signal an entity
//	DELETE entities/{name}/{key}                 delete an entity
//
// # Answers
//
// Answers are those of the newest extension (3.x). Where they differ on purpose, because the reference leaks, widens or
// guesses, docs/deviations.md in this repository says how and why. An error is a JSON object with Message, sometimes
// ExceptionMessage, and RequestId; where the reference has no body, or a JSON string, so has this package. Every answer
// has the request's ID in x-ms-request-id, and the log has the cause under the same ID.
//
// # Safety
//
// Nothing is served to everybody, unless the options say so. The API can start code, read every payload
// and delete everything: give it a key, a check of your own, or a network that only the right callers reach.
package httpapi
