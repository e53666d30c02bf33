package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

const (
	defaultConcurrency = 16
	maxConcurrency     = 256
	// maxLine is the longest input in a JSONL file.
	maxLine = 64 << 20
	// maxShownErrors bounds the errors of a bulk start that are shown.
	maxShownErrors = 10
)

// bulk is a start of many instances that runs.
type bulk struct {
	a      *app
	f      *startFlags
	client *durable.OrchestrationClient
	bar    *screen.Progress

	mu                       sync.Mutex
	started, existed, failed int
	err                      error // the first failure
	gone                     error // why nothing more is tried
}

// bulkDocument is what a bulk start has done.
type bulkDocument struct {
	Started int `json:"started"`
	Existed int `json:"existed"`
	Failed  int `json:"failed"`
}

// startMany starts many instances: count of the same input, or one for each line of a file.
func (a *app) startMany(ctx context.Context, f *startFlags, input json.RawMessage) error {
	if f.concurrency < 1 || f.concurrency > maxConcurrency {
		return usageError("--concurrency is 1 to %d", maxConcurrency)
	}
	if f.count < 0 || f.count == 0 && f.inputs == "" {
		return usageError("--count is 1 or more")
	}
	total, next, closeInput, err := a.inputs(f, input)
	if err != nil {
		return err
	}
	defer closeInput() //nolint:errcheck // only read
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	b := &bulk{a: a, f: f, client: client, bar: a.out.Progress("starting", total)}
	readErr := b.run(ctx, next)
	b.bar.End()
	return b.finish(ctx, readErr)
}

// nextInput returns the next input, or io.EOF.
type nextInput func() (json.RawMessage, error)

// inputs returns how many inputs there are, 0 if that is not known, and a function that gives them one by one.
func (a *app) inputs(f *startFlags, input json.RawMessage) (total int, next nextInput, closeInput func() error, err error) {
	if f.inputs == "" {
		n := 0
		return f.count, func() (json.RawMessage, error) {
			if n++; n > f.count {
				return nil, io.EOF
			}
			return input, nil
		}, func() error { return nil }, nil
	}
	reader, closeInput := a.stdin, func() error { return nil }
	if f.inputs != "-" {
		file, err := os.Open(a.path(f.inputs))
		if err != nil {
			return 0, nil, nil, usageError("--inputs: %w", err)
		}
		reader, closeInput = file, file.Close
	}
	return 0, linesOf(reader), closeInput, nil
}

// linesOf gives the lines of a JSONL text. Empty lines are left out.
func linesOf(r io.Reader) nextInput {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	number := 0
	return func() (json.RawMessage, error) {
		for scanner.Scan() {
			number++
			line := bytes.TrimSpace(scanner.Bytes())
			if number == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			if len(line) == 0 {
				continue
			}
			if err := checkJSON(line); err != nil {
				return nil, usageError("--inputs: line %d: %w", number, err)
			}
			return bytes.Clone(line), nil
		}
		if err := scanner.Err(); err != nil {
			return nil, usageError("--inputs: line %d: %w", number+1, err)
		}
		return nil, io.EOF
	}
}

// job is one instance to be started.
type job struct {
	id    string
	input json.RawMessage
}

// run starts instances until the inputs or the context end. It returns why it stopped reading, if not at the end.
func (b *bulk) run(ctx context.Context, next nextInput) error {
	going, stop := context.WithCancel(ctx)
	defer stop()
	jobs := make(chan job)
	var wg sync.WaitGroup
	for range b.f.concurrency {
		wg.Go(func() {
			for j := range jobs {
				if !b.start(ctx, j) {
					stop()
				}
			}
		})
	}
	defer wg.Wait()
	defer close(jobs)
	for n := 1; ; n++ {
		input, err := interruptible(going, next)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		j := job{input: input}
		if b.f.id != "" {
			j.id = b.f.id + "-" + strconv.Itoa(n)
		}
		select {
		case jobs <- j:
		case <-going.Done():
			return going.Err()
		}
	}
}

// start starts one instance, and reports whether to go on. With an ID of its own it is idempotent, so that a repeat goes on
// where this run has ended.
func (b *bulk) start(ctx context.Context, j job) bool {
	opts := b.f.options(b.a.now())
	opts.InstanceID = j.id
	started, err := true, error(nil)
	if j.id != "" && !b.f.replace {
		_, started, err = b.client.StartOrGet(ctx, b.f.name, j.id, inputOf(j.input), opts)
	} else {
		_, err = b.client.StartNew(ctx, b.f.name, inputOf(j.input), opts)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err != nil && ctx.Err() != nil:
		return false // interrupted
	case err != nil:
		b.failed++
		if b.gone == nil {
			b.gone = outage(ctx, b.client, err)
		}
		if b.err == nil {
			b.err = err
		}
		if b.failed <= maxShownErrors {
			b.a.out.Say("%s", text.Printable(err.Error()))
		}
	case started:
		b.started++
	default:
		b.existed++
	}
	b.bar.Set(b.started + b.existed + b.failed)
	return b.gone == nil
}

// finish says what was done.
func (b *bulk) finish(ctx context.Context, readErr error) error {
	did := b.started + b.existed
	if did == 0 && b.failed == 0 && readErr != nil && ctx.Err() == nil {
		return readErr
	}
	doc := bulkDocument{b.started, b.existed, b.failed}
	line := fmt.Sprintf("Started %s of '%s'.", text.Count(b.started, "instance"), b.f.name)
	if b.existed > 0 {
		line += fmt.Sprintf(" %s existed already.", text.Number(b.existed))
	}
	if err := b.a.out.Report(doc, "%s", line); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil && b.f.id != "":
		return coded(codePartial, "interrupted; the same command starts the rest")
	case ctx.Err() != nil:
		return coded(codePartial, "interrupted after %s; with --id, the same command could start the rest", text.Count(did, "instance"))
	case b.gone != nil && did == 0:
		return b.gone
	case b.gone != nil && b.f.id != "":
		return coded(codePartial, "the same command starts the rest when this is mended: %w", b.gone)
	case b.gone != nil:
		return coded(codePartial, "ended after %s; with --id, the same command could start the rest: %w", text.Count(did, "instance"), b.gone)
	case readErr != nil:
		return coded(codePartial, "%w", readErr)
	case b.failed > 0 && did > 0:
		return coded(codePartial, "%s could not be started: %w", text.Count(b.failed, "instance"), b.err)
	case b.failed > 0:
		return b.err
	}
	return nil
}
