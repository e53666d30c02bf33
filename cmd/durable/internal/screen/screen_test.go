package screen_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/cmd/durable/internal/screen"
)

// shown is what a screen that is no terminal has been given.
type shown struct{ stdout, stderr bytes.Buffer }

func newScreen(format string) (*screen.Screen, *shown) {
	s := &shown{}
	return &screen.Screen{Stdout: &s.stdout, Stderr: &s.stderr, Format: format}, s
}

type document struct {
	ID string `json:"id"`
}

func TestCheckFormat(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": "", "JSONL": "jsonl", "yaml": "yaml"} {
		s, _ := newScreen(given)
		require.NoError(t, s.CheckFormat())
		require.Equal(t, want, s.Format)
	}
	s, _ := newScreen("xml")
	require.EqualError(t, s.CheckFormat(), "--output is table, json, jsonl, yaml")
}

// TestFormats: data is JSON where there is no terminal, what was done is told in words, and --output goes before both.
func TestFormats(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ data, done, found, told string }{
		"":      {"[\n  {\n    \"id\": \"<a>\"\n  }\n]\n", "Did ?.\n", "{\"id\":\"<a>\"}\n", "words\n"},
		"table": {"words\n", "Did ?.\n", "words\n", "words\n"},
		"json":  {"[\n  {\n    \"id\": \"<a>\"\n  }\n]\n", "{\n  \"id\": \"<a>\"\n}\n", "[\n  {\n    \"id\": \"<a>\"\n  }\n]\n", "[\n  {\n    \"id\": \"<a>\"\n  }\n]\n"},
		"jsonl": {"{\"id\":\"<a>\"}\n", "{\"id\":\"<a>\"}\n", "{\"id\":\"<a>\"}\n", "{\"id\":\"<a>\"}\n"},
		"yaml":  {"- id: <a>\n", "id: <a>\n", "- id: <a>\n", "- id: <a>\n"},
	}
	doc := document{"<a>"}
	for format, want := range tests {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s, got := newScreen(format)
			words := func() error { return s.Print("words") }
			list := func(l *screen.List) error { return errors.Join(l.Add(nil, doc, words), l.End()) }
			for _, step := range []struct {
				want string
				do   func() error
			}{
				{want.data, func() error { return s.Emit([]document{doc}, words) }},
				{want.done, func() error { return s.Report(doc, "Did %s.", "\x1b") }},
				{want.found, func() error { return list(s.ListFound()) }},
				{want.told, func() error { return list(s.ListDone()) }},
			} {
				got.stdout.Reset()
				require.NoError(t, step.do())
				require.Equal(t, step.want, got.stdout.String())
			}
			require.Empty(t, got.stderr.String())
		})
	}
}

// TestEmptyList: a list of nothing is a document all the same.
func TestEmptyList(t *testing.T) {
	t.Parallel()
	s, got := newScreen("json")
	require.NoError(t, s.ListDone().End())
	require.Equal(t, "[]\n", got.stdout.String())
}

// TestYAML: members stay in their order, numbers as they are written, and texts that look like something else are texts.
func TestYAML(t *testing.T) {
	t.Parallel()
	s, got := newScreen("")
	doc := json.RawMessage(`{"z":1e100,"a":[],"n":null,"s":"true","t":"2026-01-01","m":"a\nb","e":"😀","big":123456789012345678901,"o":{}}`)
	require.NoError(t, s.WriteAs(screen.FormatYAML, doc))
	require.Equal(t, `z: 1e100
a: []
n: null
s: "true"
t: "2026-01-01"
m: |-
  a
  b
e: "\U0001F600"
big: 123456789012345678901
o: {}
`, got.stdout.String())
}

// TestTable: off a terminal nothing is cut and nothing coloured.
func TestTable(t *testing.T) {
	t.Parallel()
	s, got := newScreen("")
	table := &screen.Table{
		Headers: []string{"NAME", "COUNT"}, Right: map[int]bool{1: true}, Optional: []int{1}, Cut: []int{0},
		Colour: func(int, string) screen.Colour { return screen.Red },
	}
	require.NoError(t, s.Table(table, "No instances."))
	require.Empty(t, got.stdout.String())
	require.Equal(t, "No instances.\n", got.stderr.String())
	table.Add("日本\x1b", "7")
	table.Add("a rather long\nname that stays whole", "1,000")
	table.Add("", "")
	require.Equal(t, 3, table.Len())
	require.Zero(t, table.Limit(3))
	require.Equal(t, 1, table.Limit(2))
	require.NoError(t, s.Table(table, ""))
	require.Equal(t, `NAME                                 COUNT
日本?                                    7
a rather long name that stays whole  1,000
`, got.stdout.String())
}

// TestDetails: one value a line; what has several lines stays below its name.
func TestDetails(t *testing.T) {
	t.Parallel()
	s, got := newScreen("")
	d := s.Details()
	d.Add("instance", "order\x1b-17")
	d.Add("version", "")
	d.Styled("status", "Failed")
	d.JSON("input", json.RawMessage(`{ "a": 1 }`))
	d.JSON("output", json.RawMessage(`"no paper\n  at Print"`))
	d.JSON("custom status", json.RawMessage("null"))
	require.NoError(t, d.Err())
	require.Equal(t, `instance       order?-17
status         Failed
input          {"a":1}
output         no paper
                 at Print
`, got.stdout.String())
}

// full is a stream on which there is no room.
type full struct{ writes int }

var errFull = errors.New("no room")

func (f *full) Write([]byte) (int, error) {
	f.writes++
	return 0, errFull
}

// TestNoRoom: data that cannot be written is an error, and nothing goes on after it.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	stdout := &full{}
	s := &screen.Screen{Stdout: stdout, Stderr: &bytes.Buffer{}}
	d := s.Details()
	d.Add("instance", "order-17")
	d.Styled("status", "Failed")
	require.ErrorIs(t, d.Err(), errFull)
	require.Equal(t, 1, stdout.writes)
	table := &screen.Table{Headers: []string{"NAME"}}
	table.Add("a")
	require.ErrorIs(t, s.Table(table, ""), errFull)
	require.ErrorIs(t, s.Emit("x", nil), errFull)
}

// TestProgress: off a terminal it is a line every five seconds.
func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, got := newScreen("")
		p := s.Progress("purging", 2000)
		p.Set(1)
		time.Sleep(10 * time.Second)
		p.Set(1000)
		p.Set(1001)
		p.End()
		require.Equal(t, "purging: 1,000 of 2,000, 100/s, 10s left\n", got.stderr.String())
	})
	synctest.Test(t, func(t *testing.T) {
		s, got := newScreen("")
		p := s.Progress("counting", 0)
		p.Follow(func() int { return 5000 })
		time.Sleep(6 * time.Second)
		p.End()
		require.Equal(t, "counting: 5,000, 1000/s\n", got.stderr.String())
		require.NoError(t, p.Above(func() error { return nil }))
	})
}

// TestUTF8: the first of the variables that is set decides.
func TestUTF8(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, true},
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "de_DE.utf8", "LC_ALL": "C"}, false},
		{map[string]string{"LANG": "C", "LC_CTYPE": "C.UTF-8"}, true},
	} {
		require.Equal(t, test.want, (&screen.Screen{Env: test.env}).UTF8(), test.env)
	}
}
