package cli

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// The formats of data.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatJSONL = "jsonl"
	formatYAML  = "yaml"
)

var formats = []string{formatTable, formatJSON, formatJSONL, formatYAML}

// format returns the format that the user has chosen, or the one given.
func (a *app) format(otherwise string) (string, error) {
	if a.flags.output == "" {
		return otherwise, nil
	}
	f := strings.ToLower(a.flags.output)
	if !slices.Contains(formats, f) {
		return "", usageError("--output is %s", strings.Join(formats, ", "))
	}
	return f, nil
}

// dataFormat is the format of lists and statuses: for people on a terminal, for programs otherwise.
func (a *app) dataFormat() (string, error) {
	if a.isTerminal(a.stdout) {
		return a.format(formatTable)
	}
	return a.format(formatJSON)
}

// emit writes a document, or as a table.
func (a *app) emit(doc any, table func() error) error {
	f, err := a.dataFormat()
	if err != nil {
		return err
	}
	if f == formatTable {
		return table()
	}
	return a.write(f, doc)
}

// report says what was done: in words, or as a document if the user has asked for one.
func (a *app) report(doc any, format string, args ...any) error {
	f, err := a.format(formatTable)
	if err != nil {
		return err
	}
	if f == formatTable {
		return a.print("%s", printable(sprintf(format, args...)))
	}
	return a.write(f, doc)
}

// write writes a document in a format for programs. A list becomes lines in jsonl.
func (a *app) write(format string, doc any) error {
	text, err := marshal(doc)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	switch format {
	case formatYAML:
		y, err := yamlOf(text)
		if err != nil {
			return err
		}
		out.Write(y)
	case formatJSONL:
		lines := []json.RawMessage{text}
		if bytes.HasPrefix(text, []byte("[")) {
			if err := json.Unmarshal(text, &lines); err != nil {
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
		if err := json.Indent(&out, text, "", "  "); err != nil {
			return err
		}
		out.WriteByte('\n')
	}
	_, err = a.stdout.Write(out.Bytes())
	return err
}
