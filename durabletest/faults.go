package durabletest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/internal/wire"
)

// Request is a kind of request that a client makes to the storage account.
type Request string

// The kinds of requests. StartNew writes the instance and sends a message; RaiseEvent, Terminate, Suspend and Resume
// read the instance and send a message; GetStatus reads the instance and, where they are large, its payloads.
const (
	AnyRequest    Request = ""
	ReadInstance  Request = "read an instance"
	WriteInstance Request = "write an instance"
	ListInstances Request = "list instances"
	ReadHistory   Request = "read history"
	WriteHistory  Request = "write history"
	SendMessage   Request = "send a message"
	ReadPayload   Request = "read a payload"
	WritePayload  Request = "write a payload"
	ManageTaskHub Request = "manage the task hub"
)

// Trouble is what goes wrong with a request.
type Trouble int

const (
	// Throttled means that the account is too busy (HTTP 503, ServerBusy), and was still so at the last retry. Nothing has happened.
	Throttled Trouble = iota
	// Unreachable means that there is no connection. Nothing has happened.
	Unreachable
	// TimedOut means that the request was carried out, but its answer did not come in time. Of a message that is
	// durable.ErrUncertain.
	TimedOut
	// Conflict means that somebody else is faster. A row that is to be changed is changed at the same moment, and under an ID that
	// is to be used an instance of another orchestrator, "Rival", is started. It means nothing for requests that only
	// read, and for messages.
	Conflict
	// NoTaskHub means that the task hub does not exist.
	NoTaskHub
	// Denied means that the credential is refused.
	Denied
	// Slow means that the answer takes long, but is right.
	Slow
)

// Fault lets something go wrong between a client and the storage account.
type Fault struct {
	// Request is the kind of request that it hits. Defaults to all.
	Request Request
	// Trouble is what goes wrong. Defaults to Throttled.
	Trouble Trouble
	// After is how many requests of that kind go well before. Defaults to none.
	After int
	// Times is how many requests it hits then; a negative number is all. Defaults to 1.
	Times int
	// Delay is how much longer a Slow answer takes. Defaults to a minute. A context that ends meanwhile ends the
	// request.
	Delay time.Duration
}

const slowness = time.Minute

// Inject makes requests of the hub's client fail. Steps by hand and hosts, which stand in for the app, are not
// concerned. Remove takes the faults back that have not happened yet; a test may leave it. It panics for a hub that does
// not lie in memory.
func (h *Hub) Inject(all ...Fault) (remove func()) {
	if h.store == nil {
		panic("durabletest: Inject on a hub that does not lie in memory")
	}
	return h.faults.add(all)
}

// faults are what goes wrong with the requests of a client.
type faults struct {
	account storage.Account // the one that works
	now     func() time.Time

	mu     sync.Mutex
	active []*armed
}

// armed is a fault that may still happen.
type armed struct {
	Fault
	seen int
}

func (f *faults) add(all []Fault) (remove func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	mine := make(map[*armed]bool, len(all))
	for _, fault := range all {
		if fault.Times == 0 {
			fault.Times = 1
		}
		if fault.Delay <= 0 {
			fault.Delay = slowness
		}
		a := &armed{Fault: fault}
		mine[a] = true
		f.active = append(f.active, a)
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		left := f.active[:0:0]
		for _, a := range f.active {
			if !mine[a] {
				left = append(left, a)
			}
		}
		f.active = left
	}
}

// hook is called before and after each request of the client.
func (f *faults) hook(ctx context.Context, c tap.Call) error {
	a := f.next(c)
	if a == nil {
		return c.Err
	}
	if c.Phase == tap.After {
		return timedOut(c)
	}
	switch a.Trouble {
	case Throttled:
		return &serviceError{"HTTP 503 ServerBusy", http.StatusServiceUnavailable, "ServerBusy", nil}
	case Unreachable:
		return errUnreachable
	case NoTaskHub:
		return fmt.Errorf("%s: %w", c.Name, storage.ErrContainerNotFound)
	case Denied:
		return &serviceError{
			"HTTP 403 AuthorizationFailure", http.StatusForbidden, "AuthorizationFailure", storage.ErrDenied,
		}
	case Slow:
		return parallel.SleepUntil(ctx, time.Now().Add(a.Delay))
	case Conflict:
		return f.rival(ctx, c)
	case TimedOut: // happens after the call
	}
	return nil
}

// next returns the first fault that a call meets. TimedOut happens after a call, all others before it.
func (f *faults) next(c tap.Call) *armed {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.active) == 0 {
		return nil
	}
	kind := requestOf(c)
	var hit *armed
	for _, a := range f.active {
		if (a.Trouble == TimedOut) != (c.Phase == tap.After) || a.Request != AnyRequest && a.Request != kind {
			continue
		}
		a.seen++
		if hit == nil && a.seen > a.After && (a.Times < 0 || a.seen <= a.After+a.Times) {
			hit = a
		}
	}
	return hit
}

// requestOf tells what a call is for.
func requestOf(c tap.Call) Request {
	switch c.Op {
	case "Get", "Query", "Insert", "Update", "Delete", "Batch":
		if c.Service == tap.Tables {
			return tableRequest(c)
		}
		return WritePayload
	case "Put":
		return SendMessage
	case "Open", "List":
		if strings.HasSuffix(c.Name, "-largemessages") {
			return ReadPayload
		}
	case "Write":
		if strings.HasSuffix(c.Name, "-largemessages") {
			return WritePayload
		}
	}
	return ManageTaskHub
}

func tableRequest(c tap.Call) Request {
	reads := c.Op == "Get" || c.Op == "Query"
	switch {
	case strings.HasSuffix(c.Name, "Instances"):
		switch c.Op {
		case "Get":
			return ReadInstance
		case "Query":
			return ListInstances
		}
		return WriteInstance
	case strings.HasSuffix(c.Name, "History"):
		if reads {
			return ReadHistory
		}
		return WriteHistory
	}
	return ManageTaskHub
}

// errUnreachable is what a connection that cannot be made looks like.
var errUnreachable = errors.New("dial tcp: connection refused")

// serviceError is what the service says, as an *azcore.ResponseError below.
type serviceError struct {
	text   string
	status int
	code   string
	kind   error // of package storage, or nil
}

func (e *serviceError) Error() string { return e.text }

func (e *serviceError) Unwrap() []error {
	all := []error{&azcore.ResponseError{StatusCode: e.status, ErrorCode: e.code}}
	if e.kind != nil {
		all = append(all, e.kind)
	}
	return all
}

// timedOut is the error for an answer that was lost.
func timedOut(c tap.Call) error {
	err := fmt.Errorf("no answer: %w", context.DeadlineExceeded)
	if c.Op == "Put" {
		return fmt.Errorf("%w: %w", storage.ErrUncertain, err)
	}
	return err
}

// rival does what somebody else does at the same moment.
func (f *faults) rival(ctx context.Context, c tap.Call) error {
	i := strings.LastIndexByte(c.Key, '|')
	if c.Service != tap.Tables || i < 0 || c.Op == "Get" || c.Op == "Query" {
		return nil
	}
	e := &storage.Entity{PartitionKey: c.Key[:i], RowKey: c.Key[i+1:]}
	if c.Op != "Insert" {
		_, err := f.account.Tables.Update(ctx, c.Name, e, storage.Merge, storage.Any)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return err
	}
	start := wire.Start{
		InstanceID: wire.UnescapeKey(e.PartitionKey), ExecutionID: "00000000000000000000000000000001", Name: "Rival",
		Created: wire.Cut(f.now()),
	}
	e = start.Row(strings.TrimSuffix(c.Name, "Instances"), nil, f.now())
	_, err := f.account.Tables.Insert(ctx, c.Name, e)
	if errors.Is(err, storage.ErrExists) {
		return nil
	}
	return err
}
