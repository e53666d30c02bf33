package durabletest

import (
	"crypto/sha256"
	"math/rand/v2"
	"sync"

	"github.com/go-durable/durable/internal/taskhub"
)

// ids makes GUIDs that are the same in every run. The ID of an instance decides its partition, and so the order in which
// things happen.
type ids struct {
	mu     sync.Mutex
	random *rand.ChaCha8
}

func newIDs(seed string) *ids { return &ids{random: rand.NewChaCha8(sha256.Sum256([]byte(seed)))} }

func (i *ids) next() taskhub.GUID {
	i.mu.Lock()
	defer i.mu.Unlock()
	var b [16]byte
	_, _ = i.random.Read(b[:]) // never fails
	return taskhub.RandomGUID(b)
}
