// Package durable starts, watches and steers orchestrations of Azure Durable Functions directly on the tables, queues
// and blobs of their task hub, with no Functions host in between.
//
// It is a client, not a worker: orchestrations run in the Functions app that owns the task hub, whatever its language.
// What the package writes is what the engine's own client (DurableTask.AzureStorage) writes.
//
// # Connect
//
// A client is made for one task hub of one storage account. Constructors do no I/O.
//
//	client, err := durable.NewOrchestrationClient(durable.AccountEndpoints("myaccount"), "MyHub", credential, nil)
//
// There are constructors for Entra ID, shared keys, shared access signatures and connection strings. The name of the
// task hub is hubName in the app's host.json.
//
// # Start, wait, look
//
//	id, err := client.StartNew(ctx, "ProcessOrder", order, nil)
//	status, err := client.WaitForCompletion(ctx, id, nil)
//	err = status.DecodeOutput(&receipt)
//
// [OrchestrationClient.StartOrGet] is the idempotent start, [OrchestrationClient.GetHistory] has the events of an
// instance, [OrchestrationClient.QueryInstances] iterates over many. [OrchestrationClient.RaiseEvent],
// [OrchestrationClient.Suspend], [OrchestrationClient.Resume] and [OrchestrationClient.Terminate] steer an instance;
// [OrchestrationClient.Rewind], [OrchestrationClient.Reset] and [OrchestrationClient.Restart] let one that has ended run
// again; [OrchestrationClient.PurgeInstances] removes what is no longer needed.
//
// # Errors
//
// Every method returns an [*Error], which says what was tried, on what, and why it failed. Compare with [errors.Is] to
// the Err values of this package; each method says which ones it returns. What the storage service answered is reached
// with [errors.As] to an *azcore.ResponseError. No error holds a key, a SAS or a payload.
//
// # Consistency
//
// An instance is a row in one table, its events are rows in another, and what a client asks of it is a message in a
// queue: there is no transaction over all three. So a state that was read may be out of date, the history may be ahead
// of the state, and what was asked for happens later. Writes of this package are conditional on what was read, or claim
// what must be unique; where an interrupted operation leaves something behind, its documentation says what, and a
// repeat finishes it.
//
// A message is sent once and never repeated behind the caller's back. If no answer says whether it arrived, the error is
// [ErrUncertain].
//
// # Task hubs
//
// Only [OrchestrationClient.CreateTaskHub] creates a task hub. A hub that does not exist is [ErrTaskHubNotFound], for
// reads and for writes. How many partitions it has is read from it, never guessed.
//
// # Concurrency
//
// An [OrchestrationClient] is safe for concurrent use and holds nothing that must be closed. No goroutine outlives the
// call that started it.
//
// # Testing
//
// Package durabletest has a task hub in memory for tests of code that uses this package.
package durable
