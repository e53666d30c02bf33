package durabletest_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/tap"
)

func approvalInTime(timeout time.Duration) dt.Scripts {
	return dt.Scripts{"Order": {dt.WaitForEvent{Name: "Go", Timeout: timeout}, dt.Decide(func(p *dt.Progress) dt.Step {
		return dt.Complete{Output: p.Last().TimedOut}
	})}}
}

// TestLongWait lets days pass in a bubble, which takes hardly any looks into the queues.
func TestLongWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := dt.NewHub(t, &dt.Options{Clock: time.Now})
		var looks atomic.Int64
		host := hub.Tapped(t, func(_ context.Context, c tap.Call) error {
			if c.Op == "Dequeue" {
				looks.Add(1)
			}
			return c.Err
		}).NewHost(approvalInTime(72*time.Hour), nil)
		go func() { _ = host.Run(t.Context()) }()
		start(t, hub, "Order", "1", `1`)
		begin := time.Now()
		s, err := hub.Client().WaitForCompletion(t.Context(), "1", &durable.WaitOptions{PollInterval: time.Hour})
		require.NoError(t, err)
		require.Equal(t, "true", string(s.Output))
		require.InDelta(t, 72*time.Hour, time.Since(begin), float64(time.Hour))
		require.Less(t, looks.Load(), int64(100_000))
	})
}

// TestToldOfMessages lets a host that hardly ever looks handle messages, and what becomes due on a clock that is moved
// on by hand, at once.
func TestToldOfMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := dt.NewHub(t, nil)
		host := hub.NewHost(approvalInTime(time.Hour), &dt.HostOptions{PollInterval: 365 * 24 * time.Hour})
		go func() { _ = host.Run(t.Context()) }()
		begin := time.Now()
		for _, id := range []string{"1", "2"} {
			start(t, hub, "Order", id, `1`)
		}
		synctest.Wait()
		hub.RequireStatus("1", durable.RuntimeStatusRunning)
		raise(t, hub, "1", "Go", `1`)
		synctest.Wait()
		require.Equal(t, "false", output(t, hub, "1"))
		hub.Advance(time.Hour)
		synctest.Wait()
		require.Equal(t, "true", output(t, hub, "2"))
		require.Equal(t, begin, time.Now())
	})
}
