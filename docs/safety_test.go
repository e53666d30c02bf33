package docs_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// The test here is what safety.md shows.
func TestSafetyErrors(t *testing.T) {
	t.Parallel()
	ctx, client, input := t.Context(), durabletest.NewHub(t, nil).Client(), 1
	var seen []string
	for range 2 {
		_, err := client.StartNew(ctx, "ProcessOrder", input, &durable.StartNewOptions{InstanceID: "order-18"})
		switch {
		case errors.Is(err, durable.ErrInstanceExists): // it is there: perhaps an earlier attempt has worked
			seen = append(seen, "exists")
		case errors.Is(err, durable.ErrConflict): // somebody replaced it at this moment: look, and decide again
		case errors.Is(err, durable.ErrUncertain): // the message may be on its way: repeat with the same ID
		case err != nil: // nothing was started
		default:
			seen = append(seen, "started")
		}
	}
	require.Equal(t, []string{"started", "exists"}, seen)
}
