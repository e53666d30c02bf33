package golden

import (
	"context"
	"crypto/rand"

	"github.com/go-durable/durable/internal/dump"
	"github.com/go-durable/durable/internal/storage"
)

// What lies in storage, as package dump has it.
type (
	// Dump is all that a task hub has in storage.
	Dump = dump.Dump
	// Queue is what lies in a queue.
	Queue = dump.Queue
	// Message is a message in a queue. Text is shown decoded; Encoding says how it lies.
	Message = dump.Message
	// Blob is a blob. Content is what is stored, zipped or not.
	Blob = dump.Blob
)

// The encodings of messages.
const (
	Base64 = dump.Base64
	Plain  = dump.Plain
)

// DumpOf reads all that a task hub has in storage, as [dump.Of] does.
func DumpOf(ctx context.Context, account storage.Account, hub string) (*Dump, error) {
	return dump.Of(ctx, account, hub)
}

// UniqueHub returns a name for a task hub that nobody else has, so that parallel tests can share a storage account.
func UniqueHub() string { return "Hub" + rand.Text() }
