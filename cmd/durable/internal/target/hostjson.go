package target

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// project is what the folder of a Functions app says: the nearest one upwards with a host.json or a
// local.settings.json.
type project struct {
	dir string
	// values are the settings of local.settings.json, by lower-case name.
	values map[string]string
	// encrypted says that they cannot be read.
	encrypted bool
	host      hostJSON
}

// hostJSON is what host.json says about the task hub, as it stands there.
type hostJSON struct {
	hub, connection, provider string
	partitions                int
}

const (
	hostFile     = "host.json"
	settingsFile = "local.settings.json"
)

// findProject reads the project that a folder lies in. Without one the project is empty.
func findProject(dir string) (*project, error) {
	for {
		host, err := readIfThere(filepath.Join(dir, hostFile))
		if err != nil {
			return nil, err
		}
		local, err := readIfThere(filepath.Join(dir, settingsFile))
		if err != nil {
			return nil, err
		}
		if host != nil || local != nil {
			return readProject(dir, host, local)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return &project{}, nil
		}
		dir = parent
	}
}

func readIfThere(path string) ([]byte, error) {
	b, err := os.ReadFile(path) //nolint:gosec // its name is fixed
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case b == nil:
		b = []byte{}
	}
	return b, nil
}

func readProject(dir string, host, local []byte) (*project, error) {
	p := &project{dir: dir, values: make(map[string]string)}
	if host != nil {
		if err := p.host.read(host); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, hostFile), err)
		}
	}
	if local != nil {
		if err := p.readSettings(local); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, settingsFile), err)
		}
	}
	return p, nil
}

// readSettings reads local.settings.json. No value of it gets into an error.
func (p *project) readSettings(text []byte) error {
	file, err := decodeObject(text)
	if err != nil {
		return err
	}
	if _ = json.Unmarshal(file["isencrypted"], &p.encrypted); p.encrypted {
		return nil
	}
	values, err := decodeObject(file["values"])
	if err != nil && file["values"] != nil {
		return fmt.Errorf("%s is no JSON object", "Values")
	}
	for name, raw := range values {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			p.values[name] = s
		}
	}
	return nil
}

// read reads host.json in both its versions. Names are not case-sensitive there.
func (h *hostJSON) read(text []byte) error {
	file, err := decodeObject(text)
	if err != nil {
		return err
	}
	section := file
	if decodeText(file["version"]) == "2.0" {
		if section, err = member(file, "extensions"); err != nil {
			return err
		}
	}
	task, err := member(section, "durableTask")
	if err != nil {
		return err
	}
	provider, err := member(task, "storageProvider")
	if err != nil {
		return err
	}
	h.hub = decodeText(task["hubname"])
	h.provider = decodeText(provider["type"])
	for _, o := range []map[string]json.RawMessage{provider, task} {
		for _, name := range []string{"connectionname", "connectionstringname", "azurestorageconnectionstringname"} {
			if h.connection == "" {
				h.connection = decodeText(o[name])
			}
		}
		if h.partitions == 0 {
			_ = json.Unmarshal(o["partitioncount"], &h.partitions)
		}
	}
	return nil
}

// member returns an object in an object, empty if it is not there.
func member(o map[string]json.RawMessage, name string) (map[string]json.RawMessage, error) {
	raw, ok := o[strings.ToLower(name)]
	if !ok || string(raw) == "null" {
		return nil, nil //nolint:nilnil // a nil map is empty
	}
	m, err := decodeObject(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is no JSON object", name)
	}
	return m, nil
}

// decodeObject returns the members of an object, their names in lower case. Comments and trailing commas are allowed,
// as hosts allow them.
func decodeObject(text []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(plainJSON(text), &members); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("it is not JSON: error at byte %d", syntax.Offset)
		}
		return nil, errors.New("it is no JSON object")
	}
	lower := make(map[string]json.RawMessage, len(members))
	for name, raw := range members {
		lower[strings.ToLower(name)] = raw
	}
	return lower, nil
}

func decodeText(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// plainJSON blanks comments and trailing commas; places in the text stay what they are.
func plainJSON(text []byte) []byte {
	out := []byte(strings.Replace(string(text), "\ufeff", "   ", 1))
	comma := -1 // the last comma, if only white space has followed it
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			comma = -1
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case c == '/' && i+1 < len(out) && (out[i+1] == '/' || out[i+1] == '*'):
			i = blankComment(out, i)
		case c == ',':
			comma = i
		case c == '}' || c == ']':
			if comma >= 0 {
				out[comma] = ' '
			}
			comma = -1
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			comma = -1
		}
	}
	return out
}

// blankComment blanks the comment that begins at a place, but for line breaks, and returns its last byte.
func blankComment(b []byte, start int) int {
	mark := "*/"
	if b[start+1] == '/' {
		mark = "\n"
	}
	end := len(b)
	if n := bytes.Index(b[start+2:], []byte(mark)); n >= 0 {
		end = start + 2 + n + len(mark)
	}
	for i := start; i < end; i++ {
		if b[i] != '\n' {
			b[i] = ' '
		}
	}
	return end - 1
}
