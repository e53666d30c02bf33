package cli

import (
	"context"
	"io"
	"time"

	"github.com/go-durable/durable"
)

// Process is a run of the program in a test.
type Process struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            []string
	Dir            string
	// Now defaults to time.Now, Connect to Azure.
	Now     func() time.Time
	Connect func(hub, connectionString string) (*durable.OrchestrationClient, error)
}

// Run runs the program.
func (p *Process) Run(ctx context.Context, args ...string) int {
	a := newApp(p.Stdin, p.Stdout, p.Stderr, p.Env)
	a.dir = p.Dir
	if p.Now != nil {
		a.now = p.Now
	}
	if p.Connect != nil {
		a.connect = func(t *target) (*durable.OrchestrationClient, error) { return p.Connect(t.hub, t.connectionString) }
	}
	return a.run(ctx, args)
}

var (
	ParseTime     = parseTime
	ParseDuration = parseDuration
	PlainJSON     = plainJSON
	YAML          = yamlOf
	Hang          = hang
)
