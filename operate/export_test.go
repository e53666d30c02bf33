package operate

import (
	"cmp"
	"context"
	"iter"

	"github.com/go-durable/durable"
)

// DiagnoseWithin is Diagnose with other bounds of its memory: how many IDs it keeps, and how many rows of a history. 0 is
// the usual one.
func DiagnoseWithin(
	ctx context.Context, c *durable.OrchestrationClient, opts *DiagnoseOptions, names, rows int,
) iter.Seq2[Finding, error] {
	return diagnose(ctx, c, opts, bounds{cmp.Or(names, maxNames), cmp.Or(rows, maxExamined)})
}
