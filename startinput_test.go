package durable_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/wire"
)

// TestInputForms: any JSON goes in; what is raw stays as it is to the byte.
func TestInputForms(t *testing.T) {
	t.Parallel()
	var typedNil *struct{ A int }
	null := "null"
	str := func(s string) *string { return &s }
	tests := map[string]struct {
		input any
		want  *string
	}{
		"nil":              {nil, nil},
		"nil RawMessage":   {json.RawMessage(nil), nil},
		"RawMessage null":  {json.RawMessage("null"), &null},
		"typed nil":        {typedNil, &null},
		"nil map":          {map[string]int(nil), &null},
		"nil slice":        {[]string(nil), &null},
		"white space":      {json.RawMessage(" {\r\n\t\"b\" : 1.0 ,\"a\":1e100, \"b\":2 }\n "), str(" {\r\n\t\"b\" : 1.0 ,\"a\":1e100, \"b\":2 }\n ")},
		"a date":           {json.RawMessage(`"2020-01-02T03:04:05+09:00"`), str(`"2020-01-02T03:04:05+09:00"`)},
		"escapes":          {json.RawMessage(`"\u00e9\/\ud83d\ude00\ud800"`), str(`"\u00e9\/\ud83d\ude00\ud800"`)},
		"$type":            {json.RawMessage(`{"$type":"X"}`), str(`{"$type":"X"}`)},
		"no HTML escapes":  {"<a href=\"x\">&</a>", str(`"<a href=\"x\">&</a>"`)},
		"a struct":         {struct{ A, B int }{1, 2}, str(`{"A":1,"B":2}`)},
		"non-ASCII":        {"é😀\u2028", str(`"é😀\u2028"`)},
		"a number":         {int64(12345678901234567), str(`12345678901234567`)},
		"an empty string":  {"", str(`""`)},
		"false":            {false, str("false")},
		"raw in a pointer": {&json.RawMessage{'1'}, str("1")},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		for name, test := range tests {
			f.start(t, "id", test.input)
			_, s := f.onlyStart(t)
			require.Equal(t, test.want, s.Input, name)
			row := f.row(t, "id")
			require.Equal(t, test.want != nil, row.Has(wire.ColInput), name)
			status, err := f.GetStatus(t.Context(), "id", nil)
			require.NoError(t, err)
			if test.want == nil {
				require.Nil(t, status.Input, name)
			} else {
				require.Equal(t, *test.want, row.Text(wire.ColInput), name)
				require.Equal(t, strings.TrimSpace(*test.want), string(status.Input), name)
			}
			f.complete(t, "id", "1")
		}
	})
}

// TestLargeInputs: around each limit, wherever the input lies, it comes back whole, and row and message refer to one
// blob.
func TestLargeInputs(t *testing.T) {
	t.Parallel()
	quoted := func(s string, units int) json.RawMessage { // with the quotes, units UTF-16 code units long
		return json.RawMessage(`"` + strings.Repeat(s, (units-2)/wire.UTF16Len(s)) + `"`)
	}
	tests := map[string]struct {
		input json.RawMessage
		blob  bool
	}{
		"ASCII, longest in the row":         {quoted("a", 30720), false},
		"ASCII, shortest not in the row":    {quoted("a", 30721), true},
		"ASCII, longest for the queue":      {quoted("a", 45000), true},
		"ASCII, too long for the queue":     {quoted("a", 46200), true},
		"é, fits row and queue":             {quoted("é", 20000), false},
		"é, fits the row, not the queue":    {quoted("é", 30720), true},
		"é, fits neither":                   {quoted("é", 30721), true},
		"emoji, fits row and queue":         {quoted("😀", 20000), false},
		"emoji, fits the row, not queue":    {quoted("😀", 30720), true},
		"emoji, fits neither":               {quoted("😀", 30722), true},
		"quotes grow in the message":        {json.RawMessage(`[` + strings.Repeat(`"",`, 8000) + `1]`), false},
		"quotes outgrow the queue":          {json.RawMessage(`[` + strings.Repeat(`"",`, 10_000) + `1]`), true},
		"a megabyte":                        {quoted("0123456789", 1<<20), true},
		"white space in a blob":             {json.RawMessage("[1, \n" + strings.Repeat(" ", 50_000) + "2]"), true},
		"JSON escapes, longest in the row":  {quoted(`\u00e9`, 30720), false},
		"backslashes, longest for the rows": {quoted(`\\`, 30720), true},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		for name, test := range tests {
			if !test.blob && f.damages(string(test.input)) {
				continue
			}
			f.start(t, "a b^", test.input)
			m, s := f.onlyStart(t)
			require.Equal(t, string(test.input), *s.Input, name)
			require.Equal(t, test.blob, m.BlobName != "", name)
			text := f.row(t, "a b^").Text(wire.ColInput)
			if test.blob {
				require.Equal(t, []string{m.BlobName}, f.blobs(t), name)
				require.Regexp(t, "^a b\\^/message-[0-9a-f]{32}-ExecutionStarted.json.gz$", m.BlobName)
				require.True(t, strings.HasSuffix(text, "/"+f.names.LargeMessages()+"/a%20b%5E/"+m.BlobName[5:]), text)
			} else {
				require.Equal(t, string(test.input), text, name)
				require.Empty(t, f.blobs(t), name)
			}
			status, err := f.GetStatus(t.Context(), "a b^", nil)
			require.NoError(t, err)
			require.Equal(t, string(test.input), string(status.Input), name)
			f.complete(t, "a b^", "1")
			if test.blob {
				require.NoError(t, f.storage.Blobs.Delete(t.Context(), f.names.LargeMessages(), m.BlobName))
			}
		}
	})
}

// TestLargeTags: what fits is in the row; the limit is a clear error.
func TestLargeTags(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		longest := map[string]string{"k": strings.Repeat("é", 30720-len(`{"k":""}`))}
		if f.damages(longest["k"]) {
			longest["k"] = strings.Repeat("e", 30720-len(`{"k":""}`))
		}
		_, err := f.StartNew(t.Context(), "Orchestrator", nil, &durable.StartNewOptions{InstanceID: "id", Tags: longest})
		require.NoError(t, err)
		s, err := f.GetStatus(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Equal(t, longest, s.Tags)
		f.traffic.reset()
		longest["k"] += "e"
		_, err = f.StartNew(t.Context(), "Orchestrator", nil, &durable.StartNewOptions{Tags: longest})
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
		require.Zero(t, f.traffic.count())
	})
}
