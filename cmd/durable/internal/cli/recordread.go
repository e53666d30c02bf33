package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-durable/durable/operate"
)

// recordLine is a line of a record file, without the rows in it, which may be large.
type recordLine struct {
	number         int
	offset, length int64
	hub            string
	finding        operate.Finding
	outcome        operate.Outcome
	actions        []string
	undoable       bool
	// undone says that a later line takes it back.
	undone bool
	// err is why it cannot be read.
	err error
}

// readRecords reads a record file.
func (a *app) readRecords(name string) ([]recordLine, error) {
	file, err := os.Open(a.path(name))
	if err != nil {
		return nil, usageError("--record: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	var lines []recordLine
	open := map[string][]int{} // what was done and not taken back, by what it has left
	reader := bufio.NewReader(file)
	for number, offset := 1, int64(0); ; number++ {
		text, err := reader.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, usageError("--record: %w", err)
		}
		if len(bytes.TrimSpace(text)) > 0 {
			line, record := readRecord(text)
			line.number, line.offset, line.length = number, offset, int64(len(text))
			lines = append(lines, line)
			pair(lines, open, record)
		}
		if err != nil {
			return lines, nil
		}
		offset += int64(len(text))
	}
}

func readRecord(text []byte) (recordLine, *operate.RepairRecord) {
	record := &operate.RepairRecord{}
	if err := json.Unmarshal(text, record); err != nil || record.TaskHub == "" || record.Finding.Kind == "" {
		return recordLine{err: errors.New("is no record of a repair, or was cut off")}, nil
	}
	return recordLine{
		hub: record.TaskHub, finding: record.Finding, outcome: record.Outcome, actions: record.Actions, undoable: record.Undoable,
	}, record
}

// pair finds the repair that the last line takes back, if it does: a record of that has before what the other one has after.
func pair(lines []recordLine, open map[string][]int, record *operate.RepairRecord) {
	last := len(lines) - 1
	switch {
	case record == nil:
	case record.Outcome == operate.OutcomeDone:
		key := leftBy(record, record.After)
		open[key] = append(open[key], last)
	case record.Outcome == operate.OutcomeUndone:
		key := leftBy(record, record.Before)
		if done := open[key]; len(done) > 0 {
			lines[done[len(done)-1]].undone = true
			open[key] = done[:len(done)-1]
		}
	}
}

func leftBy(record *operate.RepairRecord, rows []operate.Stored) string {
	text, _ := json.Marshal([]any{record.TaskHub, record.Finding, rows}) // it was JSON
	sum := sha256.Sum256(text)
	return string(sum[:])
}

// read reads the whole record of a line.
func (l *recordLine) read(file io.ReaderAt) (*operate.RepairRecord, error) {
	text := make([]byte, l.length)
	if _, err := file.ReadAt(text, l.offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	line, record := readRecord(text)
	if line.err != nil {
		return nil, fmt.Errorf("line %d %w", l.number, line.err)
	}
	return record, nil
}

// stays says why a repair cannot be taken back, or "".
func (l *recordLine) stays() string {
	switch {
	case l.err != nil:
		return l.err.Error()
	case l.undone:
		return "was taken back already"
	case l.outcome != operate.OutcomeDone:
		return "was not done"
	case !l.undoable:
		return "cannot be taken back: a message was sent, or something deleted"
	}
	return ""
}
