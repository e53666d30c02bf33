// Package wire turns instances, history events and messages of Durable Functions into the rows, texts and blobs in
// which DurableTask.AzureStorage keeps them, and back. It does no I/O.
//
// The format has no specification. Each rule names the source file of the engine that it comes from; what the engine
// was seen to write outranks the source.
package wire
