package azstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/go-durable/durable/internal/storage"
)

func (t *tables) Batch(ctx context.Context, table string, ops []storage.Op) error {
	if table == "" {
		return invalid("no table name")
	}
	if len(ops) < 1 || len(ops) > storage.MaxBatch {
		return invalid("a batch of %d operations", len(ops))
	}
	id := newID()
	body, err := t.batchBody(table, ops, id)
	if err != nil {
		return err
	}
	x := &exchange{body: body, contentType: "multipart/mixed; boundary=batch_" + id, standIn: goodAnswer}
	stub := []aztables.TransactionAction{{
		ActionType: aztables.TransactionTypeDelete,
		Entity:     keysOnly(ops[0].Entity),
	}}
	_, err = t.service.NewClient(table).SubmitTransaction(withExchange(ctx, x), stub, nil)
	if err != nil {
		return wrap(err, storage.ErrContainerNotFound)
	}
	return readAnswer(x.resp, x.got, len(ops))
}

// newID is what the boundaries are made of: nothing that is sent can contain it but by chance.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// batchBody writes a batch as the SDK does, but for three things: quotes in keys are doubled, the JSON is ours, and
// the inner URLs carry no SAS, which counts only in the outer one.
func (t *tables) batchBody(table string, ops []storage.Op, id string) ([]byte, error) {
	b := []byte("--batch_" + id + "\r\nContent-Type: multipart/mixed; boundary=changeset_" + id + "\r\n\r\n")
	seen := make(map[string]bool, len(ops))
	for i := range ops {
		op := &ops[i]
		if err := checkOp(table, op, ops[0].Entity, seen); err != nil {
			return nil, &storage.BatchError{Index: i, Err: err}
		}
		b = append(b, "--changeset_"+id+
			"\r\nContent-Transfer-Encoding: binary\r\nContent-Type: application/http\r\n\r\n"...)
		var err error
		if b, err = t.appendOp(b, table, op); err != nil {
			return nil, &storage.BatchError{Index: i, Err: err}
		}
		b = append(b, "\r\n"...)
	}
	return append(b, "--changeset_"+id+"--\r\n\r\n--batch_"+id+"--\r\n"...), nil
}

// checkOp refuses what the service refuses, and the emulator takes without a word: a second partition and an entity
// that occurs twice.
func checkOp(table string, op *storage.Op, first *storage.Entity, seen map[string]bool) error {
	e := op.Entity
	if e == nil {
		return invalid("no entity")
	}
	if e.PartitionKey != first.PartitionKey {
		return invalid("a batch over two partitions")
	}
	if seen[e.RowKey] {
		return invalid("an entity twice in a batch")
	}
	seen[e.RowKey] = true
	return checkTarget(table, e.PartitionKey, e.RowKey)
}

// appendOp appends one operation as a request of its own.
func (t *tables) appendOp(b []byte, table string, op *storage.Op) ([]byte, error) {
	method, match := "", op.Match
	switch op.Kind {
	case storage.OpInsert:
		method, match = "POST", ""
	case storage.OpMerge:
		method = "PATCH"
	case storage.OpReplace:
		method = "PUT"
	case storage.OpDelete:
		method = "DELETE"
		if match == "" {
			match = noVersion
		}
	default:
		return nil, invalid("an operation of an unknown kind")
	}
	if strings.ContainsAny(string(match), "\r\n") {
		return nil, invalid("an ETag with a line break")
	}
	b = append(b, method+" "+t.endpoint+"/"+url.PathEscape(table)...)
	if op.Kind != storage.OpInsert {
		b = append(b, "(PartitionKey='"+quoteKey(op.Entity.PartitionKey)+"',RowKey='"+quoteKey(op.Entity.RowKey)+"')"...)
	}
	b = append(b, " HTTP/1.1\r\nAccept: application/json;odata=minimalmetadata\r\n"...)
	if op.Kind != storage.OpDelete {
		b = append(b, "Content-Type: "+jsonType+"\r\n"...)
	}
	b = append(b, "DataServiceVersion: 3.0\r\n"...)
	if match != "" {
		b = append(b, "If-Match: "+string(match)+"\r\n"...)
	}
	if op.Kind == storage.OpInsert {
		b = append(b, "Prefer: "+noContent+"\r\n"...)
	}
	b = append(b, "\r\n"...)
	if op.Kind == storage.OpDelete {
		return b, nil
	}
	return appendEntity(b, op.Entity)
}

// quoteKey writes a key for a URL between quotes.
func quoteKey(key string) string { return url.PathEscape(strings.ReplaceAll(key, "'", "''")) }
