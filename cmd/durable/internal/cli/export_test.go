package cli

import (
	"context"
	"io"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/target"
)

// Process is a run of the program in a test.
type Process struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            []string
	Dir            string
	// Now defaults to time.Now, Connect to Azure.
	Now     func() time.Time
	Connect func(hub string) (*durable.OrchestrationClient, error)
}

// Run runs the program.
func (p *Process) Run(ctx context.Context, args ...string) int {
	a := newApp(p.Stdin, p.Stdout, p.Stderr, p.Env)
	a.dir = p.Dir
	if p.Now != nil {
		a.now = p.Now
	}
	if p.Connect != nil {
		a.connect = func(h *target.Hub) (*durable.OrchestrationClient, error) { return p.Connect(h.Name) }
	}
	return a.run(ctx, args)
}

var (
	ParseTime     = parseTime
	ParseDuration = parseDuration
)
