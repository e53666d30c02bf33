package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/report"
)

type reportFlags struct {
	id, output            string
	depth, instances      int
	omit                  bool
	maxPayload, maxEvents int
}

func (a *app) reportCommand() *cobra.Command {
	f := &reportFlags{}
	cmd := command("report", "Make a page about an instance and its sub-orchestrations", `  durable report order-17 -o order-17.html
  durable report order-17 --omit-payloads --depth 2 > order-17.html`, func(ctx context.Context) error { return a.makeReport(ctx, f) })
	cmd.Long = `Make a page about an instance and the sub-orchestrations that it started: where a failure began, what is waited for, a
timeline of each instance, its events, and its payloads to be opened. The page is one HTML file that needs no network and runs
no script; it can be mailed, kept and printed.

Here --output is a file and no format. A file of that name is replaced when the page is whole. Only you may read a new one,
since payloads can be secret; --omit-payloads leaves them out. Without --output the page goes to standard output, which then
must not be a terminal.`
	idFlag(cmd, &f.id)
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "`file` to write the page to; - is standard output")
	flags.IntVar(&f.depth, flagDepth, 16, "`number` of generations of sub-orchestrations on the page, 0 for none")
	flags.IntVar(&f.instances, "max-instances", 200, "`number` of instances on the page, at most")
	flags.BoolVar(&f.omit, "omit-payloads", false, "leave out inputs, results and details of failures")
	flags.IntVar(&f.maxPayload, "max-payload", 16<<10, "`bytes` of a payload that are shown, at most")
	flags.IntVar(&f.maxEvents, "max-events", 2000, "`number` of events on the page, at most")
	_ = cmd.MarkFlagFilename("output", "html", "htm")
	return cmd
}

// check says what is wrong with a command line.
func (f *reportFlags) check() error {
	switch {
	case f.depth < 0:
		return usageError("--%s is 0 or more", flagDepth)
	case f.instances < 1 || f.maxPayload < 1 || f.maxEvents < 1:
		return usageError("--max-instances, --max-payload and --max-events are 1 or more")
	case f.output == "html" || slices.Contains(screen.Formats(), f.output):
		return usageError("--output is the file for the page here, which is always HTML; a file named %s is ./%[1]s", f.output)
	}
	return nil
}

func (a *app) makeReport(ctx context.Context, f *reportFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	client, err := a.open()
	if err != nil {
		return err
	}
	load := loadOptions(f.depth, f.omit)
	load.MaxInstances = f.instances
	var root *report.Instance
	page := func(w io.Writer) error {
		instance, err := report.Load(ctx, client, f.id, load)
		if err != nil {
			return err
		}
		root = instance
		return report.HTML(w, instance, &report.HTMLOptions{
			TaskHub: client.TaskHub(), OmitPayloads: f.omit, MaxPayload: f.maxPayload, MaxEvents: f.maxEvents, Now: a.now(),
		})
	}
	switch {
	case f.output == "" && screen.IsTerminal(a.out.Stdout):
		return usageError("a page is for a file: -o report.html writes it to one, '-o -' to standard output")
	case f.output == "" || f.output == "-":
		err = page(a.out.Stdout)
	default:
		err = writeWhole(a.path(f.output), page)
	}
	if err != nil {
		return err
	}
	a.sayWhatIsMissing(root)
	if f.output != "" && f.output != "-" {
		a.out.Say("The page is in %s.", text.Printable(f.output))
	}
	return nil
}

// sayWhatIsMissing says of how many sub-orchestrations the page knows no more than the ID, and why.
func (a *app) sayWhatIsMissing(root *report.Instance) {
	missing := make(map[string]int)
	var walk func(i *report.Instance)
	walk = func(i *report.Instance) {
		if i.Note != "" {
			missing[i.Note]++
		}
		for _, c := range i.Children {
			walk(c)
		}
	}
	walk(root)
	for _, note := range sortedKeys(missing) {
		a.out.Say("%s %s", text.Count(missing[note], "sub-orchestration"), note)
	}
}

// writeWhole makes a file of what write writes, or none. What is no file, such as a pipe, is written to as it is.
func writeWhole(path string, write func(io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // what a link leads to is replaced, not the link
	}
	mode := fs.FileMode(0o600)
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	switch {
	case err == nil:
		info, err := old.Stat()
		if err == nil && !info.Mode().IsRegular() {
			return errors.Join(write(old), old.Close())
		}
		if err := errors.Join(err, old.Close()); err != nil {
			return fileError(path, err)
		}
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return fileError(path, err)
	}
	return replaceFile(path, mode, write)
}

// replaceFile writes a file beside the place of another one, and then puts it there.
func replaceFile(path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".durable-report-*")
	if err != nil {
		return fileError(path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// fileError says why a file cannot be written, without the name that it has meanwhile.
func fileError(path string, err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return usageError("--output: cannot write to %s: %w", path, err)
}
