package azstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"

	"github.com/go-durable/durable/internal/storage"
)

// blobs is [storage.Blobs] on a blob service.
type blobs struct{ client *azblob.Client }

func (b *blobs) CreateContainer(ctx context.Context, name string) error {
	if name == "" {
		return invalid("no container name")
	}
	_, err := b.client.CreateContainer(ctx, name, nil)
	err = wrap(err, storage.ErrContainerNotFound)
	if errors.Is(err, storage.ErrExists) {
		return nil
	}
	return err
}

func (b *blobs) DeleteContainer(ctx context.Context, name string) error {
	if name == "" {
		return invalid("no container name")
	}
	_, err := b.client.DeleteContainer(ctx, name, nil)
	err = wrap(err, storage.ErrContainerNotFound)
	if gone(err) {
		return nil
	}
	return err
}

func (b *blobs) ListContainers(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	pager := b.client.NewListContainersPager(&azblob.ListContainersOptions{Prefix: optional(prefix)})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, wrap(err, storage.ErrContainerNotFound)
		}
		for _, item := range page.ContainerItems {
			if item != nil && item.Name != nil {
				names = append(names, *item.Name)
			}
		}
	}
	return names, nil
}

func (b *blobs) Open(ctx context.Context, name, blobName string) (io.ReadCloser, error) {
	if err := checkBlob(name, blobName); err != nil {
		return nil, err
	}
	resp, err := b.client.DownloadStream(ctx, name, blobName, nil)
	if err != nil {
		return nil, wrap(err, storage.ErrNotFound)
	}
	return &reader{resp.NewRetryReader(ctx, nil)}, nil
}

// reader is a blob that is being read. It asks for the rest again when the connection breaks, if the blob is still
// the same one.
type reader struct{ *blob.RetryReader }

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.RetryReader.Read(p)
	if err == nil || err == io.EOF { //nolint:errorlint // a reader returns it bare
		return n, err
	}
	return n, wrap(err, storage.ErrNotFound)
}

func (b *blobs) Write(ctx context.Context, name, blobName string, v storage.Blob) error {
	if err := checkBlob(name, blobName); err != nil {
		return err
	}
	o := &blockblob.UploadOptions{HTTPHeaders: &blob.HTTPHeaders{
		BlobContentType:     optional(v.ContentType),
		BlobContentEncoding: optional(v.ContentEncoding),
	}}
	if v.IfAbsent {
		o.AccessConditions = &blob.AccessConditions{
			ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)},
		}
	}
	// One request, and so all or nothing: the service takes up to 5000 MiB in one.
	_, err := b.container(name).NewBlockBlobClient(blobName).
		Upload(ctx, streaming.NopCloser(bytes.NewReader(v.Content)), o)
	err = wrap(err, storage.ErrContainerNotFound)
	if v.IfAbsent && errors.Is(err, storage.ErrPrecondition) {
		return fmt.Errorf("%w: %w", storage.ErrExists, err)
	}
	return err
}

func (b *blobs) Delete(ctx context.Context, name, blobName string) error {
	if err := checkBlob(name, blobName); err != nil {
		return err
	}
	_, err := b.client.DeleteBlob(ctx, name, blobName,
		&blob.DeleteOptions{DeleteSnapshots: to.Ptr(blob.DeleteSnapshotsOptionTypeInclude)})
	err = wrap(err, storage.ErrNotFound)
	if gone(err) {
		return nil
	}
	return err
}

func (b *blobs) List(ctx context.Context, name, prefix, from string) (*storage.BlobPage, error) {
	if name == "" {
		return nil, invalid("no container name")
	}
	resp, err := b.client.NewListBlobsFlatPager(name, &azblob.ListBlobsFlatOptions{
		Prefix: optional(prefix),
		Marker: optional(from),
	}).NextPage(ctx)
	if err != nil {
		return nil, wrap(err, storage.ErrContainerNotFound)
	}
	page := &storage.BlobPage{Next: value(resp.NextMarker)}
	if resp.Segment == nil {
		return page, nil
	}
	for _, item := range resp.Segment.BlobItems {
		if item != nil && item.Name != nil {
			page.Blobs = append(page.Blobs, blobItem(item))
		}
	}
	return page, nil
}

func blobItem(item *container.BlobItem) storage.BlobItem {
	b := storage.BlobItem{Name: *item.Name}
	if p := item.Properties; p != nil {
		b.Size = value(p.ContentLength)
		b.LastModified = value(p.LastModified)
		b.Leased = value(p.LeaseStatus) == lease.StatusTypeLocked
	}
	return b
}

func (b *blobs) container(name string) *container.Client {
	return b.client.ServiceClient().NewContainerClient(name)
}

// maxBlobName is the longest name of a blob.
const maxBlobName = 1024

// checkBlob refuses names with which a request would be about something else than a blob, and names that the emulator
// takes although the service does not.
func checkBlob(name, blobName string) error {
	if name == "" {
		return invalid("no container name")
	}
	if n := len(utf16.Encode([]rune(blobName))); n < 1 || n > maxBlobName || !utf8.ValidString(blobName) {
		return invalid("a blob's name has 1 to %d characters", maxBlobName)
	}
	return nil
}
