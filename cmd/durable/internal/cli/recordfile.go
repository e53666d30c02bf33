package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/go-durable/durable/operate"
)

// recordFile is a file with a line for each repair. Every line is on the disk before the next step is taken.
type recordFile struct {
	// name is what the user calls it.
	name string
	file *os.File
	// own says that nobody else has named it, and so nobody else writes to it.
	own bool

	mu      sync.Mutex
	written int
}

// openRecord opens the file for the records of repairs; lines are added to one that is there already. Without a name it
// makes one that no other run has.
func (a *app) openRecord(name, hub string) (r *recordFile, err error) {
	if name != "" {
		r, err = a.openNamed(name, 0)
	} else {
		name = fmt.Sprintf("durable-repair-%s-%s", hub, a.now().UTC().Format("20060102T150405Z"))
		r, err = a.openNamed(name+".jsonl", os.O_EXCL)
		for n := 2; errors.Is(err, os.ErrExist); n++ {
			r, err = a.openNamed(fmt.Sprintf("%s-%d.jsonl", name, n), os.O_EXCL)
		}
	}
	if err != nil {
		return nil, usageError("--record: %w", err)
	}
	return r, r.endLine()
}

func (a *app) openNamed(name string, flag int) (*recordFile, error) {
	// Only for the user: rows hold inputs and outputs.
	file, err := os.OpenFile(a.path(name), os.O_RDWR|os.O_CREATE|os.O_APPEND|flag, 0o600)
	return &recordFile{name: name, file: file, own: flag == os.O_EXCL}, err
}

// endLine ends the last line, if a crash has left it torn.
func (r *recordFile) endLine() error {
	size, err := r.file.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err = r.file.ReadAt(last, size-1); err == nil && last[0] != '\n' {
		_, err = r.file.WriteString("\n")
	}
	return err
}

// add adds a record.
func (r *recordFile) add(record *operate.RepairRecord) error {
	line, err := json.Marshal(record)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err = r.file.Write(append(bytes.TrimSpace(line), '\n')); err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		f := &record.Finding
		return fmt.Errorf("the repair of %s, %s, was %s, and there is no record of it: %w", f.Kind, subject(f), record.Outcome, err)
	}
	r.written++
	return nil
}

// close closes the file, and removes it if it is its own and empty: into one that the user has named another run may be
// about to write.
func (r *recordFile) close() error {
	err := r.file.Close()
	if r.own && r.written == 0 {
		err = errors.Join(err, os.Remove(r.file.Name()))
	}
	return err
}
