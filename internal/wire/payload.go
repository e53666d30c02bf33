package wire

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"strings"
)

const (
	// maxMessage is the largest message, in UTF-8 bytes of its JSON, that lies in the queue itself
	// (MessageManager.cs).
	maxMessage = 45 * 1024
	// maxColumn is the longest text, in UTF-16 code units, that lies in a row itself (AzureTableTrackingStore.cs).
	maxColumn = 30 * 1024
	// startSuffix ends the name of a blob that holds a start message; a reader takes the input out of it
	// (AzureTableTrackingStore.cs).
	startSuffix = "ExecutionStarted.json.gz"
	blobSuffix  = ".json.gz"
	// containerSuffix ends the name of a hub's container for blobs.
	containerSuffix = "-largemessages"
)

// MessageTooLarge reports whether the engine puts a message into a blob.
func MessageTooLarge(message []byte) bool { return len(message) > maxMessage }

// ColumnTooLarge reports whether the engine puts a text of a row into a blob.
func ColumnTooLarge(text string) bool {
	return len(text) > maxColumn && UTF16Len(text) > maxColumn
}

// MessageBlobName returns the name of the blob for a message: the raw instance ID and the activity ID without dashes
// (MessageManager.cs).
func MessageBlobName(m *Message) string {
	return m.InstanceID + "/message-" + strings.ReplaceAll(m.ActivityID, "-", "") + "-" + m.EventType + blobSuffix
}

// ColumnBlobName returns the name of the blob for a text of an Instances row that a client writes: the escaped
// instance ID and eight random hex digits (AzureTableTrackingStore.cs).
func ColumnBlobName(partitionKey, column, random string) string {
	return partitionKey + "/history--" + column + "-" + random + "-" + column + blobSuffix
}

// Prefixes returns the prefixes under which the blobs of an instance lie: messages under the raw ID, texts of rows
// under the escaped one. The slash keeps an instance's blobs apart from those of a neighbour whose ID goes on.
func Prefixes(instanceID string) []string {
	raw, escaped := instanceID+"/", EscapeKey(instanceID)+"/"
	if raw == escaped {
		return []string{raw}
	}
	return []string{raw, escaped}
}

// OwnsBlob reports whether a blob under one of the prefixes of an instance is really its own. Neighbours can share them:
// the escaped form of one ID is another one as it stands (a^b, a^^b), and an ID with a slash lies below another one (a,
// a/b). Messages lie under the raw ID, texts of rows under the partition key.
func OwnsBlob(name, instanceID, partitionKey string) bool {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return false
	}
	switch folder, file := name[:i], name[i+1:]; {
	case IsMessageBlob(name):
		return folder == instanceID
	case strings.HasPrefix(file, "history-"):
		return folder == partitionKey
	default:
		return instanceID == partitionKey && folder == instanceID
	}
}

// LoweredBlob reports whether a blob's name is one of engines up to 1.6.4, which wrote all of it in lower case: the ID of
// its instance cannot be told from it.
func LoweredBlob(name string) bool {
	file := name[strings.LastIndexByte(name, '/')+1:]
	return (strings.HasPrefix(file, "message-") || strings.HasPrefix(file, "history-")) &&
		strings.HasSuffix(file, blobSuffix) && name == strings.ToLower(name)
}

// IsMessageBlob reports whether a blob holds a message; others hold the text of a column.
func IsMessageBlob(name string) bool {
	return strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], "message-")
}

// IsClientTextBlob reports whether a blob holds a text of a row that a client has written: workers write the texts of
// history rows, which have a key.
func IsClientTextBlob(name string) bool {
	return strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], "history--")
}

// BlobURL returns the reference to a blob as the Instances table holds it: every segment of the name is escaped down
// to the unreserved characters of RFC 3986 (MessageManager.cs).
func BlobURL(containerURL, name string) string {
	segments := strings.Split(name, "/")
	for i, s := range segments {
		segments[i] = escapeDataString(s)
	}
	return strings.TrimSuffix(containerURL, "/") + "/" + strings.Join(segments, "/")
}

// escapeDataString is Uri.EscapeDataString of .NET; url.PathEscape leaves more as it is.
func escapeDataString(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// BlobReference returns the name of the blob that a text of an Instances row refers to. It is a reference only if it
// is a URL into the hub's own container, whatever the host (one account has several names, and a stored URL must never
// decide where we connect), or, as engines before 1.9.2 wrote it, the bare name of a blob of this instance.
func BlobReference(text, container, instanceID string) (name string, ok bool) {
	if !strings.HasSuffix(text, blobSuffix) {
		return "", false
	}
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		return nameInContainer(text, container)
	}
	for _, prefix := range Prefixes(instanceID) {
		rest, found := strings.CutPrefix(text, prefix)
		if !found {
			rest, found = strings.CutPrefix(text, strings.ToLower(prefix)) // engines up to 1.6.4
		}
		if found && !strings.Contains(rest, "/") &&
			(strings.HasPrefix(rest, "message-") || strings.HasPrefix(rest, "history-")) {
			return text, true
		}
	}
	return "", false
}

// nameInContainer splits the path of a blob's URL: /{container}/{name}, or /{account}/{container}/{name} where the
// account is part of the path, as at the emulator.
func nameInContainer(text, container string) (string, bool) {
	_, rest, _ := strings.Cut(text, "://")
	_, path, _ := strings.Cut(rest, "/")
	path, _, _ = strings.Cut(path, "?")
	first, name, _ := strings.Cut(path, "/")
	if first != container && !strings.HasSuffix(first, containerSuffix) { // another hub's container is no account
		first, name, _ = strings.Cut(name, "/")
	}
	if first != container || name == "" {
		return "", false
	}
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain // engines 2.0 and 2.1 wrote it unescaped: then a % may stand for itself
	}
	return name, true
}

// HoldsStart reports whether a blob holds a whole start message, not a bare text. Engines up to 1.6.4 wrote the names
// in lower case.
func HoldsStart(blobName string) bool {
	n := len(blobName) - len(startSuffix)
	return n >= 0 && strings.EqualFold(blobName[n:], startSuffix)
}

// StartInput returns the input in a start message.
func StartInput(message []byte) (*string, error) {
	m, err := DecodeMessage(message)
	if err != nil {
		return nil, err
	}
	var e struct{ Input *string }
	if err := json.Unmarshal(m.Event, &e); err != nil {
		return nil, fmt.Errorf("not a start message: %w", shortJSONError(err))
	}
	return e.Input, nil
}

// Zip compresses a payload as it lies in a blob.
func Zip(payload []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(payload) // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// ErrPayloadTooLarge is returned for a payload that unzips to more than the reader allows.
var ErrPayloadTooLarge = errors.New("the payload is larger than allowed")

// Unzip reads a payload from a blob, up to limit bytes.
func Unzip(r io.Reader, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("not a zipped payload: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(z, min(limit, math.MaxInt64-1)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("a damaged payload: %w", err)
	case int64(len(b)) > limit:
		return nil, fmt.Errorf("%w: over %d bytes", ErrPayloadTooLarge, limit)
	}
	return b, nil
}
