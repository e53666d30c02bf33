// Package storage states what the rest of the module needs of a storage account: tables, queues and blobs, as
// primitives. It knows nothing of Durable Functions.
//
// The contract is in the comments of [Tables], [Queues] and [Blobs]; package storagetest is the same contract,
// executable, and every implementation passes it.
package storage

import (
	"context"
	"errors"
	"io"
	"time"
)

// Error values. An implementation returns errors for which [errors.Is] finds the value named in the method's
// comment; the service's own error stays in the chain.
var (
	// ErrNotFound: the entity, message or blob does not exist, although its table, queue or container does.
	ErrNotFound = errors.New("not found")
	// ErrContainerNotFound: the table, queue or blob container does not exist.
	ErrContainerNotFound = errors.New("table, queue or container not found")
	// ErrExists: an insert met an entity or a blob with that key.
	ErrExists = errors.New("already exists")
	// ErrPrecondition: the ETag given is not the current one.
	ErrPrecondition = errors.New("changed since it was read")
	// ErrBeingDeleted: the table, queue or container was deleted a moment ago and its name is not free yet.
	ErrBeingDeleted = errors.New("being deleted")
	// ErrLeased: a lease that somebody holds forbids the operation.
	ErrLeased = errors.New("leased")
	// ErrInvalid: the service refuses the request as such: a key with forbidden characters, a value or a body that is
	// too large, a token that it did not issue.
	ErrInvalid = errors.New("refused as invalid")
	// ErrDenied: the credential is wrong or lacks a permission.
	ErrDenied = errors.New("access denied")
	// ErrUncertain: the request may have taken effect although no answer says so. Only [Queues.Put] returns it: it is
	// the one write that can neither be conditional nor be repeated without a trace.
	ErrUncertain = errors.New("outcome unknown")
)

// Account is a storage account: where the tables, queues and blobs of a task hub lie.
type Account struct {
	Tables Tables
	Queues Queues
	Blobs  Blobs
}

// ETag is the version of an entity. As a condition, [Any] means "whatever it is".
type ETag string

// Any as a condition means that the entity must exist, in whatever version.
const Any ETag = "*"

// Tables is a table service. Methods are safe for concurrent use. A table that does not exist makes every method but
// CreateTable, DeleteTable and ListTables return [ErrContainerNotFound]. Entities and queries passed in are not
// modified and not retained.
type Tables interface {
	// CreateTable creates a table. It is not an error if it exists.
	CreateTable(ctx context.Context, table string) error
	// DeleteTable deletes a table. It is not an error if it does not exist.
	DeleteTable(ctx context.Context, table string) error
	// ListTables returns the names of the tables that begin with prefix, in the service's order. The comparison heeds
	// case.
	ListTables(ctx context.Context, prefix string) ([]string, error)

	// Get returns the entity with that key, with only the columns named, or all of them if none is named. A column that
	// the entity does not have is left out. It returns [ErrNotFound] if there is no such entity.
	Get(ctx context.Context, table, partitionKey, rowKey string, columns ...string) (*Entity, error)
	// Query returns one page of the entities that match, in key order (see [CompareKeys]). A page may be empty and yet
	// not be the last: the last one is the one whose Next is the zero Token. A filter for which [Never] is true may be
	// answered without asking the service, whether the table exists or not.
	Query(ctx context.Context, table string, q Query) (*Page, error)
	// Insert adds an entity, or returns [ErrExists]. Its partition key may be empty, as in the Partitions table: Query finds
	// it, but the other methods need not take such a key.
	Insert(ctx context.Context, table string, e *Entity) (ETag, error)
	// Update merges e into the entity with its key or replaces it. It returns [ErrNotFound] if there is none and
	// [ErrPrecondition] if match is neither [Any] nor its ETag. With match "" it adds the entity if there is none and
	// asks for no version.
	Update(ctx context.Context, table string, e *Entity, mode Mode, match ETag) (ETag, error)
	// Delete removes an entity. It returns [ErrNotFound] if there is none and [ErrPrecondition] if match is neither
	// [Any] nor its ETag.
	Delete(ctx context.Context, table, partitionKey, rowKey string, match ETag) error
	// Batch carries out 1 to 100 operations on different entities of one partition: all of them, or none and an error
	// that is an [*BatchError] where the service says which operation failed.
	Batch(ctx context.Context, table string, ops []Op) error
}

// Mode is what an update does with the columns that the new version does not name.
type Mode int

const (
	// Merge keeps them.
	Merge Mode = iota
	// Replace drops them.
	Replace
)

// MaxBatch is the largest number of operations in one [Tables.Batch].
const MaxBatch = 100

// OpKind is the kind of an operation in a batch.
type OpKind int

// The kinds of operations; they mean what the methods of [Tables] mean.
const (
	OpInsert OpKind = iota
	OpMerge
	OpReplace
	OpDelete
)

// Op is one operation in a batch. Match is used as in [Tables.Update] and [Tables.Delete]; of the entity of an
// OpDelete only the keys are used.
type Op struct {
	Kind   OpKind
	Entity *Entity
	Match  ETag
}

// BatchError says which operation made a batch fail. Err is the error that the operation alone would have returned.
type BatchError struct {
	Index int
	Err   error
}

func (e *BatchError) Error() string { return "batch: " + e.Err.Error() }

// Unwrap returns the error of the operation.
func (e *BatchError) Unwrap() error { return e.Err }

// MaxPage is the largest number of entities that a page can hold.
const MaxPage = 1000

// Query says which entities of a table, from where on, and how much of them.
type Query struct {
	// Filter is what an entity must meet; nil means all entities.
	Filter Filter
	// Columns are the columns wanted besides the keys and the ETag; none means all.
	Columns []string
	// Top is how many entities a page may hold at most, 1 to [MaxPage]; 0 means MaxPage.
	Top int
	// From is where the page begins: the Next of an earlier page, or zero for the first.
	From Token
}

// Token is where a query goes on: the service's own notes about a key, not to be made up. The zero Token means "from the
// beginning" in a query and "there is no more" in a page.
type Token struct{ NextPartitionKey, NextRowKey string }

// Page is a part of what a query finds.
type Page struct {
	Entities []Entity
	Next     Token
}

// Queues is a queue service. Methods are safe for concurrent use. A queue that does not exist makes every method but
// CreateQueue, DeleteQueue and ListQueues return [ErrContainerNotFound].
type Queues interface {
	// CreateQueue creates a queue. It is not an error if it exists.
	CreateQueue(ctx context.Context, queue string) error
	// DeleteQueue deletes a queue with its messages. It is not an error if it does not exist.
	DeleteQueue(ctx context.Context, queue string) error
	// ListQueues returns the names of the queues that begin with prefix, in order.
	ListQueues(ctx context.Context, prefix string) ([]string, error)
	// Count returns about how many messages lie in a queue, invisible ones included.
	Count(ctx context.Context, queue string) (int64, error)

	// Put appends a message that never expires and becomes visible after delay, which counts in whole seconds rounded
	// up. It is sent once: when it cannot be known whether it arrived, the error is [ErrUncertain] as well.
	Put(ctx context.Context, queue, text string, delay time.Duration) error
	// Peek returns up to n (1 to 32) visible messages without touching them.
	Peek(ctx context.Context, queue string, n int) ([]Message, error)
	// Dequeue takes up to n (1 to 32) visible messages and makes them invisible for a while.
	Dequeue(ctx context.Context, queue string, n int, invisible time.Duration) ([]Message, error)
	// Release makes a dequeued message visible again after delay. It returns [ErrNotFound] if the message is gone or was
	// dequeued again since.
	Release(ctx context.Context, queue string, m Message, delay time.Duration) error
	// Remove deletes a dequeued message. It returns [ErrNotFound] if the message is gone or was dequeued again since.
	Remove(ctx context.Context, queue string, m Message) error
}

// Message is a message in a queue. PopReceipt is empty in a message that was only peeked at.
type Message struct {
	ID, PopReceipt string
	Text           string
	Inserted       time.Time
	NextVisible    time.Time
	DequeueCount   int64
}

// Blobs is a blob service. Methods are safe for concurrent use. A container that does not exist makes every method
// but CreateContainer, DeleteContainer, ListContainers and Delete return [ErrContainerNotFound].
type Blobs interface {
	// CreateContainer creates a container. It is not an error if it exists.
	CreateContainer(ctx context.Context, container string) error
	// DeleteContainer deletes a container with its blobs. It is not an error if it does not exist. It returns
	// [ErrLeased] while somebody holds a lease on the container.
	DeleteContainer(ctx context.Context, container string) error
	// ListContainers returns the names of the containers that begin with prefix, in order.
	ListContainers(ctx context.Context, prefix string) ([]string, error)

	// Open returns the content of a blob as it is stored: nothing is unzipped. The caller closes it. It returns
	// [ErrNotFound] if there is no such blob.
	Open(ctx context.Context, container, name string) (io.ReadCloser, error)
	// Write stores a blob, in place of one with the same name unless b.IfAbsent, which makes it return [ErrExists].
	Write(ctx context.Context, container, name string, b Blob) error
	// Delete removes a blob and its snapshots. It is not an error if it does not exist, or its container.
	Delete(ctx context.Context, container, name string) error
	// List returns one page of the blobs whose names begin with prefix, in order. From is the Next of an earlier page,
	// or "" for the first; an empty Next means that there is no more. A page may be empty and yet not be the last.
	List(ctx context.Context, container, prefix, from string) (*BlobPage, error)
}

// Blob is what is stored in a blob.
type Blob struct {
	Content         []byte
	ContentType     string
	ContentEncoding string
	// IfAbsent refuses to overwrite.
	IfAbsent bool
}

// BlobPage is a part of a listing.
type BlobPage struct {
	Blobs []BlobItem
	Next  string
}

// BlobItem is a blob in a listing.
type BlobItem struct {
	Name         string
	Size         int64
	LastModified time.Time
	// Leased says whether somebody holds a lease on the blob.
	Leased bool
}
