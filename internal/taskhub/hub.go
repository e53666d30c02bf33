package taskhub

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// Error values; the public package exports the ones that callers can act on.
var (
	// ErrHubNotFound: the tables or the control queues of the hub do not exist.
	ErrHubNotFound = errors.New("task hub not found")
	// ErrInstanceNotFound: there is no row for the instance.
	ErrInstanceNotFound = errors.New("instance not found")
	// ErrPartitionCount: how many partitions the hub has cannot be told for certain.
	ErrPartitionCount = errors.New("partition count is not certain")
	// ErrPayloadMissing: a row or message refers to a blob that does not exist.
	ErrPayloadMissing = errors.New("payload is missing")
	// ErrHistoryDamaged: a row of a history is not one.
	ErrHistoryDamaged = errors.New("the history is damaged")
)

// Options are what a [Hub] can be told.
type Options struct {
	// PartitionCount overrules what the storage says; 0 means that the storage is asked.
	PartitionCount int
	// MaxPayload is the largest payload, in bytes after unzipping, that is read into memory. Defaults to 64 MiB.
	MaxPayload int64
	// BlobEndpoint is what references to payloads begin with.
	BlobEndpoint string
	// Now and NewID are for tests. They default to the system's clock and to random GUIDs.
	Now   func() time.Time
	NewID func() GUID
}

const defaultMaxPayload = 64 << 20

// Hub is a task hub in a storage account. It is safe for concurrent use.
type Hub struct {
	Names
	storage.Account
	opts Options
	*state
}

// state is what all views of a hub share.
type state struct {
	mu       sync.Mutex
	count    int   // partition count; 0 is not known yet
	sequence int64 // last sequence number given to a message
}

// New returns the hub with that name. It does no I/O: the hub need not exist.
func New(account storage.Account, name string, opts Options) (*Hub, error) {
	names, err := NewNames(name)
	if err != nil {
		return nil, err
	}
	if opts.MaxPayload == 0 {
		opts.MaxPayload = defaultMaxPayload
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.NewID == nil {
		opts.NewID = randomGUID
	}
	return &Hub{Names: names, Account: account, opts: opts, state: &state{count: opts.PartitionCount}}, nil
}

// On returns the hub on another view of its account.
func (h *Hub) On(account storage.Account) *Hub {
	return &Hub{Names: h.Names, Account: account, opts: h.opts, state: h.state}
}

// Now returns the time.
func (h *Hub) Now() time.Time { return h.opts.Now() }

// NewID returns a new GUID.
func (h *Hub) NewID() GUID { return h.opts.NewID() }

// GUID is a random (version 4) UUID.
type GUID [16]byte

func randomGUID() GUID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return RandomGUID(b)
}

// RandomGUID returns the GUID of version 4 for random bytes, of which it overwrites six bits.
func RandomGUID(random [16]byte) GUID {
	g := GUID(random)
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

// N returns the GUID without dashes, as the engine writes instance and execution IDs.
func (g GUID) N() string { return hex.EncodeToString(g[:]) }

// D returns the GUID with dashes, as the engine writes activity and request IDs.
func (g GUID) D() string {
	s := g.N()
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// nextSequence returns a sequence number that is larger than all earlier ones of this process and, so long as clocks
// agree to within the pace of a person, of other processes: microseconds of the clock, counted up. The engine orders
// the messages of one second by it and discards an event that comes before its start (observed on 2.9.1).
func (h *Hub) nextSequence() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sequence = max(h.sequence+1, h.opts.Now().UnixMicro())
	return h.sequence
}

// hubError turns the error for a missing table or queue into the one for a missing hub.
func hubError(err error) error {
	if errors.Is(err, storage.ErrContainerNotFound) {
		return fmt.Errorf("%w: %w", ErrHubNotFound, err)
	}
	return err
}
