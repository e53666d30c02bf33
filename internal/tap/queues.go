package tap

import (
	"context"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

type queues struct {
	hook Hook
	next storage.Queues
}

func queueCall(op, queue, id string) Call {
	return Call{Service: Queues, Op: op, Name: queue, Key: id}
}

func (q queues) CreateQueue(ctx context.Context, queue string) error {
	return run(ctx, q.hook, queueCall("CreateQueue", queue, ""), func() error { return q.next.CreateQueue(ctx, queue) })
}

func (q queues) DeleteQueue(ctx context.Context, queue string) error {
	return run(ctx, q.hook, queueCall("DeleteQueue", queue, ""), func() error { return q.next.DeleteQueue(ctx, queue) })
}

func (q queues) ListQueues(ctx context.Context, prefix string) ([]string, error) {
	return do(ctx, q.hook, queueCall("ListQueues", prefix, ""), func() ([]string, error) { return q.next.ListQueues(ctx, prefix) })
}

func (q queues) Count(ctx context.Context, queue string) (int64, error) {
	return do(ctx, q.hook, queueCall("Count", queue, ""), func() (int64, error) { return q.next.Count(ctx, queue) })
}

func (q queues) Put(ctx context.Context, queue, text string, delay time.Duration) error {
	return run(ctx, q.hook, queueCall("Put", queue, ""), func() error { return q.next.Put(ctx, queue, text, delay) })
}

func (q queues) Peek(ctx context.Context, queue string, n int) ([]storage.Message, error) {
	return do(ctx, q.hook, queueCall("Peek", queue, ""), func() ([]storage.Message, error) { return q.next.Peek(ctx, queue, n) })
}

func (q queues) Dequeue(ctx context.Context, queue string, n int, invisible time.Duration) ([]storage.Message, error) {
	return do(ctx, q.hook, queueCall("Dequeue", queue, ""), func() ([]storage.Message, error) {
		return q.next.Dequeue(ctx, queue, n, invisible)
	})
}

func (q queues) Release(ctx context.Context, queue string, m storage.Message, delay time.Duration) error {
	return run(ctx, q.hook, queueCall("Release", queue, m.ID), func() error { return q.next.Release(ctx, queue, m, delay) })
}

func (q queues) Remove(ctx context.Context, queue string, m storage.Message) error {
	return run(ctx, q.hook, queueCall("Remove", queue, m.ID), func() error { return q.next.Remove(ctx, queue, m) })
}
