package tap

import (
	"context"
	"io"

	"github.com/go-durable/durable/internal/storage"
)

type blobs struct {
	hook Hook
	next storage.Blobs
}

func blobCall(op, container, name string) Call {
	return Call{Service: Blobs, Op: op, Name: container, Key: name}
}

func (b blobs) CreateContainer(ctx context.Context, container string) error {
	return run(ctx, b.hook, blobCall("CreateContainer", container, ""), func() error { return b.next.CreateContainer(ctx, container) })
}

func (b blobs) DeleteContainer(ctx context.Context, container string) error {
	return run(ctx, b.hook, blobCall("DeleteContainer", container, ""), func() error { return b.next.DeleteContainer(ctx, container) })
}

func (b blobs) ListContainers(ctx context.Context, prefix string) ([]string, error) {
	return do(ctx, b.hook, blobCall("ListContainers", prefix, ""), func() ([]string, error) { return b.next.ListContainers(ctx, prefix) })
}

func (b blobs) Open(ctx context.Context, container, name string) (io.ReadCloser, error) {
	c := blobCall("Open", container, name)
	if err := b.hook(ctx, c); err != nil {
		return nil, err
	}
	r, err := b.next.Open(ctx, container, name)
	c.Phase, c.Err = After, err
	lost := b.hook(ctx, c)
	if lost == nil {
		return r, nil
	}
	if err == nil {
		_ = r.Close() // the caller never sees it
	}
	return nil, lost
}

func (b blobs) Write(ctx context.Context, container, name string, in storage.Blob) error {
	return run(ctx, b.hook, blobCall("Write", container, name), func() error { return b.next.Write(ctx, container, name, in) })
}

func (b blobs) Delete(ctx context.Context, container, name string) error {
	return run(ctx, b.hook, blobCall("Delete", container, name), func() error { return b.next.Delete(ctx, container, name) })
}

func (b blobs) List(ctx context.Context, container, prefix, from string) (*storage.BlobPage, error) {
	return do(ctx, b.hook, blobCall("List", container, prefix), func() (*storage.BlobPage, error) {
		return b.next.List(ctx, container, prefix, from)
	})
}
