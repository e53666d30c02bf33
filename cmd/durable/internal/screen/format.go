package screen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// The formats of data. A table is any text for people.
const (
	FormatTable = "table"
	FormatJSON  = "json"
	FormatJSONL = "jsonl"
	FormatYAML  = "yaml"
)

// Formats returns all of them.
func Formats() []string { return []string{FormatTable, FormatJSON, FormatJSONL, FormatYAML} }

// CheckFormat refuses a format that there is not, and lets it be in any case.
func (s *Screen) CheckFormat() error {
	s.Format = strings.ToLower(s.Format)
	if s.Format != "" && !slices.Contains(Formats(), s.Format) {
		return fmt.Errorf("--output is %s", strings.Join(Formats(), ", "))
	}
	return nil
}

// FormatOr returns the format that the user has chosen, or the one given.
func (s *Screen) FormatOr(otherwise string) string {
	if s.Format == "" {
		return otherwise
	}
	return s.Format
}

// DataFormat is the format of lists and statuses: for people on a terminal, for programs otherwise.
func (s *Screen) DataFormat() string {
	if IsTerminal(s.Stdout) {
		return s.FormatOr(FormatTable)
	}
	return s.FormatOr(FormatJSON)
}

// Emit writes data: as a document, or as table does it.
func (s *Screen) Emit(doc any, table func() error) error {
	f := s.DataFormat()
	if f == FormatTable {
		return table()
	}
	return s.WriteAs(f, doc)
}

// Report says what was done: in words, or as a document if the user has asked for one.
func (s *Screen) Report(doc any, format string, args ...any) error {
	f := s.FormatOr(FormatTable)
	if f == FormatTable {
		return s.Print("%s", text.Printable(fmt.Sprintf(format, args...)))
	}
	return s.WriteAs(f, doc)
}

// WriteAs writes a document in a format for programs, which is JSON unless it is one of the others. A list becomes lines in
// FormatJSONL.
func (s *Screen) WriteAs(format string, doc any) error {
	raw, err := text.JSON(doc)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	switch format {
	case FormatYAML:
		y, err := yamlOf(raw)
		if err != nil {
			return err
		}
		out.Write(y)
	case FormatJSONL:
		lines := []json.RawMessage{raw}
		if bytes.HasPrefix(raw, []byte("[")) {
			if err := json.Unmarshal(raw, &lines); err != nil {
				return err
			}
		}
		for _, line := range lines {
			if err := json.Compact(&out, line); err != nil {
				return err
			}
			out.WriteByte('\n')
		}
	default:
		if err := json.Indent(&out, raw, "", "  "); err != nil {
			return err
		}
		out.WriteByte('\n')
	}
	_, err = s.Stdout.Write(out.Bytes())
	return err
}
