package durabletest

import (
	"context"
	"slices"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/internal/wire"
)

// Account returns the storage account below the hub.
func (h *Hub) Account() storage.Account { return h.hub.Account }

// Members returns the members of a JSON object; of several with one name, the last.
func Members(object []byte) (map[string]string, error) {
	found, err := objectMembers(object, make(members, 0, usual))
	all := map[string]string{}
	for _, m := range found {
		all[string(m.name)] = string(m.value)
	}
	return all, err
}

// Tapped returns the hub with a hook around the account below its host.
func (h *TestHub) Tapped(t TB, hook tap.Hook) *TestHub {
	tapped := &Hub{
		client: h.client, look: h.look, hub: h.hub.On(tap.Wrap(h.hub.Account, hook)), clock: h.clock, store: h.store,
		bell: h.bell, received: map[eventKey]int{},
	}
	return &TestHub{tapped, t}
}

// For returns the hub for another test.
func (h *TestHub) For(t TB) *TestHub { return &TestHub{h.Hub, t} }

// SetOrder sorts activities that wait at the same time.
func (h *Host) SetOrder(compare func(a, b *wire.Message) int) {
	h.order = func(work []*letter) {
		slices.SortStableFunc(work, func(a, b *letter) int { return compare(a.message, b.message) })
	}
}

// RunBackwards is RunUntilIdle with the partitions in reverse order.
func (h *Host) RunBackwards(ctx context.Context) error {
	for {
		count, err := h.hub.PartitionCount(ctx)
		if err != nil {
			return err
		}
		all := 0
		for p := count - 1; p >= -1; p-- {
			turn := h.workTurn
			if p >= 0 {
				turn = func(ctx context.Context) (int, error) { return h.controlTurn(ctx, p, 1) }
			}
			n, err := turn(ctx)
			if err != nil {
				return err
			}
			all += n
		}
		if all == 0 {
			return nil
		}
	}
}
