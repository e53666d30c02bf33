package azstore_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/storage"
)

func TestDecodePage(t *testing.T) {
	t.Parallel()
	page := `{"odata.metadata":"https://acc/$metadata#T","value":[
		{"odata.etag":"W/\"datetime'2026'\"","PartitionKey":"p\u0041\"","RowKey":"","Timestamp":"2026-01-02T03:04:05.1234567Z",
		 "S":"line\r\n\u00e9\ud83d\ude00\/\b\f\t\\","Empty":"","I":-5,"B":true,"F":false,
		 "L@odata.type":"Edm.Int64","L":"9223372036854775807","D":5.0,"E":1E+100,
		 "N@odata.type":"Edm.Double","N":"NaN","T@odata.type":"Edm.DateTime","T":"2026-01-02T03:04:05Z",
		 "G@odata.type":"Edm.Guid","G":"0123abcd-4567-89ab-cdef-0123456789ab","Y@odata.type":"Edm.Binary","Y":"AAE="},
		{ "PartitionKey" : "q" , "RowKey":"r", "Null":null, "Late":"7", "Late@odata.type":"Edm.Int64", "Big":2147483648, "odata.type":{"a":[1,{}]},
		  "Timestamp@odata.type":"Edm.DateTime","Timestamp":"2026-01-02T03:04:05Z"}
	]}`
	got, err := azstore.DecodePage([]byte(page))
	require.NoError(t, err)
	require.Equal(t, []storage.Entity{
		{
			PartitionKey: `pA"`, ETag: `W/"datetime'2026'"`,
			Timestamp: storage.Value{Type: storage.DateTime, Text: "2026-01-02T03:04:05.1234567Z"},
			Columns: []storage.Column{
				column("S", storage.String, "line\r\né😀/\b\f\t\\"), column("Empty", storage.String, ""), column("I", storage.Int32, "-5"),
				column("B", storage.Bool, "true"), column("F", storage.Bool, "false"), column("L", storage.Int64, "9223372036854775807"),
				column("D", storage.Double, "5.0"), column("E", storage.Double, "1E+100"), column("N", storage.Double, "NaN"),
				column("T", storage.DateTime, "2026-01-02T03:04:05Z"), column("G", storage.GUID, "0123abcd-4567-89ab-cdef-0123456789ab"),
				column("Y", storage.Binary, "AAE="),
			},
		},
		{
			PartitionKey: "q", RowKey: "r", Timestamp: storage.Value{Type: storage.DateTime, Text: "2026-01-02T03:04:05Z"},
			Columns: []storage.Column{column("Late", storage.Int64, "7"), column("Big", storage.Double, "2147483648")},
		},
	}, got)
}

func TestDecodeEmptyPages(t *testing.T) {
	t.Parallel()
	for _, page := range []string{`{"value":[]}`, ` { "a" : [ { } , 1 ] , "value" : [ ] } `, "\ufeff{\"value\":[]}"} {
		got, err := azstore.DecodePage([]byte(page))
		require.NoError(t, err, page)
		require.Empty(t, got)
	}
}

// TestDecodeColumnsAreApart: columns of entities of a page lie side by side, and still do not run into each other.
func TestDecodeColumnsAreApart(t *testing.T) {
	t.Parallel()
	got, err := azstore.DecodePage([]byte(`{"value":[{"A":"1"},{"A":"2","B":"3"},{"B":"4"},{}]}`))
	require.NoError(t, err)
	got[0].Set("X", storage.StringValue("x"))
	require.Equal(t, []storage.Column{column("A", storage.String, "2"), column("B", storage.String, "3")}, got[1].Columns)
	require.Equal(t, []storage.Column{column("B", storage.String, "4")}, got[2].Columns)
	require.Empty(t, got[3].Columns)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	entities := []string{
		`{"A":1 "B":2}`, `{"A":1,}`, `{"A"}`, `{"A":}`, `{A:1}`, `{"A":01}`, `{"A":1.}`, `{"A":.5}`, `{"A":1e}`, `{"A":-}`, `{"A":+1}`, `{"A":NaN}`,
		`{"A":tru}`, `{"A":"x}`, `{"A":"\x"}`, `{"A":"\u12"}`, `{"A":"\u12g4"}`, "{\"A\":\"\n\"}", "{\"A\":\"\\n\x01\"}", `{"A":[1]}`, `{"A":{}}`,
		`{"A":1,"A":2}`, `{"A":null,"A":2}`, `{"A@odata.type":"Edm.Odd","A":1}`, `{"A@odata.type":1,"A":1}`, `{"A@odata.type":"Edm.Int64","A":true}`,
		`{"A":1.5,"A@odata.type":"Edm.Int64"}`, `{"A@odata.type":"Edm.Int32","A":"1"}`, `{"A@odata.type":"Edm.Boolean","A":"true"}`,
		`{"A@odata.type":"Edm.DateTime","A":5}`, `{"A@odata.type":"Edm.String","A":5}`, `{"A@odata.type":"Edm.Double","A":true}`, `{"PartitionKey":5}`, `[]`, `"x"`, ``, `{`,
		"{\"A\":\"\xff\"}", `{"odata.x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	}
	for _, e := range entities {
		_, err := azstore.DecodeEntity([]byte(e))
		require.Error(t, err, e)
		_, err = azstore.DecodePage([]byte(`{"value":[` + e + `]}`))
		if e != "" {
			require.Error(t, err, e)
		}
	}
	for _, page := range []string{``, `{}`, `[]`, `{"value":[]`, `{"value":[]}x`, `{"value":[],"value":[]}`, `{"value":[{},]}`, `{"value":[{} {}]}`, `{"value":{}}`, `{"value":null}`} {
		_, err := azstore.DecodePage([]byte(page))
		require.Error(t, err, page)
	}
	_, err := azstore.DecodeEntity([]byte(`{}{}`))
	require.Error(t, err)
}

func TestDecodeErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	_, err := azstore.DecodeEntity([]byte(`{"A":"` + secret + `","A":1}`))
	require.Error(t, err)
	require.NotContains(t, err.Error(), secret)
}

// reference decodes a page by encoding/json, in the plain way.
func reference(body []byte) ([]storage.Entity, error) {
	var page map[string]json.RawMessage // not a struct: that would take a Value for a value
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, err
	}
	var entities []json.RawMessage
	if err := json.Unmarshal(page["value"], &entities); err != nil {
		return nil, err
	}
	var list []storage.Entity
	for _, raw := range entities {
		e, err := referenceEntity(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func referenceEntity(raw []byte) (e storage.Entity, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	members := map[string]any{}
	if err := d.Decode(&members); err != nil {
		return e, err
	}
	d = json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_, _ = d.Token()
	for d.More() {
		name, _ := d.Token()
		var v any
		if err := d.Decode(&v); err != nil {
			return e, err
		}
		referenceMember(&e, name.(string), v, members)
	}
	return e, nil
}

func referenceMember(e *storage.Entity, name string, v any, members map[string]any) {
	s, _ := v.(string)
	switch {
	case name == "PartitionKey":
		e.PartitionKey = s
	case name == "RowKey":
		e.RowKey = s
	case name == "odata.etag":
		e.ETag = storage.ETag(s)
	case name == "Timestamp":
		e.Timestamp = storage.Value{Type: storage.DateTime, Text: s}
	case strings.HasPrefix(name, "odata.") || strings.HasSuffix(name, "@odata.type") || v == nil:
	default:
		e.Columns = append(e.Columns, storage.Column{Name: name, Value: referenceValue(v, members[name+"@odata.type"])})
	}
}

func referenceValue(v, annotation any) storage.Value {
	var r storage.Value
	switch v := v.(type) {
	case string:
		r = storage.StringValue(v)
	case bool:
		r = storage.BoolValue(v)
	case json.Number:
		r = storage.Value{Type: storage.Double, Text: v.String()}
		if _, err := strconv.ParseInt(v.String(), 10, 32); err == nil {
			r.Type = storage.Int32
		}
	}
	types := map[any]storage.Type{
		"Edm.String": storage.String, "Edm.Int32": storage.Int32, "Edm.Int64": storage.Int64, "Edm.Double": storage.Double,
		"Edm.Boolean": storage.Bool, "Edm.DateTime": storage.DateTime, "Edm.Guid": storage.GUID, "Edm.Binary": storage.Binary,
	}
	if t, ok := types[annotation]; ok {
		r.Type = t
	}
	return r
}

// FuzzDecodePage: whatever the decoder accepts is JSON, and it reads the same out of it as encoding/json does.
func FuzzDecodePage(f *testing.F) {
	f.Add([]byte(`{"value":[]}`))
	f.Add([]byte(`{"odata.metadata":"m","value":[{"odata.etag":"W/\"1\"","PartitionKey":"p","RowKey":"r","A":1,"B@odata.type":"Edm.Int64","B":"5"}]}`))
	f.Add([]byte(`{"value":[{"A":"\ud83d\ude00 \ud800 x","B":-0.5e-7,"C":null,"D":true},{"B":2147483648,"A":""}]}`))
	f.Add([]byte(`{"Value":[{}],"value":[{"PartitionKey":"p","PartitionKey":null,"odata.etag":"1","odata.etag":null}],"VALUE":1}`))
	f.Add(randomPage(rand.New(rand.NewPCG(1, 2)), 5))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := azstore.DecodePage(body)
		if err != nil {
			return
		}
		body = bytes.TrimPrefix(body, []byte("\ufeff"))
		require.True(t, json.Valid(body))
		want, err := reference(body)
		require.NoError(t, err)
		require.Equal(t, len(want), len(got))
		for i := range want {
			require.Equal(t, want[i], got[i])
		}
	})
}

// TestDecodeRandom compares pages of random entities, as services write them.
func TestDecodeRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		body := randomPage(rand.New(rand.NewPCG(seed, 1)), int(seed%40)) //nolint:gosec // tests repeat
		got, err := azstore.DecodePage(body)
		require.NoError(t, err)
		want, err := reference(body)
		require.NoError(t, err)
		require.Equal(t, want, got, "seed %d", seed)
	}
}

// TestEncodeRandom: what is written for an entity is read again as the same entity, by the decoder and by
// encoding/json.
func TestEncodeRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // tests repeat
		e := &storage.Entity{PartitionKey: randomText(r), RowKey: randomText(r), Columns: randomColumns(r)}
		body, err := azstore.EncodeEntity(e)
		require.NoError(t, err)
		got, err := azstore.DecodeEntity(body)
		require.NoError(t, err)
		require.Equal(t, e, got)
		want, err := referenceEntity(body)
		require.NoError(t, err)
		require.Equal(t, want, *got)
	}
}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(12) {
		b.WriteString([]string{"a", "Z", "7", " ", `"`, `\`, "/", "\n", "\x00", "\x1f", "'", "é", "\u2028", "\u2029", "\u20ac", "日", "😀", "\ufffd", "<", "&"}[r.IntN(20)])
	}
	return b.String()
}

func randomColumns(r *rand.Rand) []storage.Column {
	var list []storage.Column
	for _, i := range r.Perm(r.IntN(24)) {
		v := storage.StringValue(randomText(r))
		switch r.IntN(9) {
		case 0:
			v = storage.Int32Value(int32(r.Uint32())) //nolint:gosec // any will do
		case 1:
			v = storage.Value{Type: storage.Int64, Text: strconv.FormatInt(int64(r.Uint64()), 10)} //nolint:gosec // any will do
		case 2:
			v = storage.Value{Type: storage.Double, Text: []string{"5.0", "5", "-0.5", "1E+100", "NaN", "-Infinity", "1e-7", "9007199254740993"}[r.IntN(8)]}
		case 3:
			v = storage.BoolValue(r.IntN(2) == 0)
		case 4:
			v = storage.Value{Type: storage.DateTime, Text: "2026-01-02T03:04:05.1234567Z"}
		case 5:
			v = storage.Value{Type: storage.GUID, Text: "0123abcd-4567-89ab-cdef-0123456789ab"}
		case 6:
			v = storage.Value{Type: storage.Binary, Text: "AAE="}
		}
		list = append(list, storage.Column{Name: "Column" + strconv.Itoa(i), Value: v})
	}
	return list
}

// randomPage makes a page as a service writes it.
func randomPage(r *rand.Rand, rows int) []byte {
	var list []string
	for i := range rows {
		e := &storage.Entity{PartitionKey: "p" + randomText(r), RowKey: strconv.Itoa(i), Columns: randomColumns(r)}
		b, err := azstore.EncodeEntity(e)
		if err != nil {
			panic(err)
		}
		list = append(list, fmt.Sprintf(`{"odata.etag":"W/\"%d\"","Timestamp":"2026-01-02T03:04:05Z",%s`, i, b[1:]))
	}
	return []byte(`{"odata.metadata":"https://acc/$metadata#T","value":[` + strings.Join(list, ",") + `]}`)
}

func TestEncodeEntity(t *testing.T) {
	t.Parallel()
	got, err := azstore.EncodeEntity(entity("it's", "r",
		column("S", storage.String, "a\"\\\n\u2028\u2029\u20ac<&>\x01"), column("None", storage.None, "x"), column("I", storage.Int32, "-1"),
		column("L", storage.Int64, "-9223372036854775808"), column("D", storage.Double, "5.0"), column("X", storage.Double, "Infinity"),
		column("B", storage.Bool, "false"), column("T", storage.DateTime, "2026-01-02T03:04:05Z"),
		column("G", storage.GUID, "0123abcd-4567-89ab-cdef-0123456789ab"), column("Y", storage.Binary, "AAE="),
	))
	require.NoError(t, err)
	require.Equal(t, `{"PartitionKey":"it's","RowKey":"r","S":"a\"\\\n\u2028\u2029€<&>\u0001","I":-1,`+
		`"L@odata.type":"Edm.Int64","L":"-9223372036854775808","D@odata.type":"Edm.Double","D":5.0,"X@odata.type":"Edm.Double","X":"Infinity",`+
		`"B":false,"T@odata.type":"Edm.DateTime","T":"2026-01-02T03:04:05Z","G@odata.type":"Edm.Guid","G":"0123abcd-4567-89ab-cdef-0123456789ab",`+
		`"Y@odata.type":"Edm.Binary","Y":"AAE="}`, string(got))
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []storage.Column{
		column("", storage.String, ""), column("a@odata.type", storage.String, ""), column("odata.etag", storage.String, ""), column("\xff", storage.String, ""),
		column("PartitionKey", storage.String, ""), column("RowKey", storage.String, ""), column("Timestamp", storage.String, ""),
		column("A", storage.String, "\xff"), column("A", storage.Int32, `1,"B":2`), column("A", storage.Int32, ""), column("A", storage.Int32, "+1"), column("A", storage.Int32, "01"), column("A", storage.Int32, "2147483648"),
		column("A", storage.Int64, "x"), column("A", storage.Int64, "9223372036854775808"), column("A", storage.Double, "Inf"), column("A", storage.Double, "0x1p3"), column("A", storage.Double, "1_0"), column("A", storage.Double, ""), column("A", storage.Double, "1E+999"),
		column("A", storage.Bool, "True"), column("A", storage.DateTime, "yesterday"), column("A", storage.GUID, "x"), column("A", storage.Binary, "%"), column("A", 99, ""),
	} {
		_, err := azstore.EncodeEntity(entity("p", "r", c))
		require.ErrorIs(t, err, storage.ErrInvalid, "%q %v", c.Name, c.Value)
	}
	_, err := azstore.EncodeEntity(entity("\xff", "r"))
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.True(t, utf8.ValidString(err.Error()))
}

// instancesPage is a page of an instances table: 14 columns, about 900 bytes a row.
func instancesPage(rows int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"odata.metadata":"https://acc.table.core.windows.net/$metadata#HubInstances","value":[`)
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"odata.etag":"W/\"datetime'2026-11-22T07%%3A27%%3A00.%07dZ'\"","PartitionKey":"order-%08d","RowKey":"","Timestamp":"2026-11-22T07:27:00.1234567Z",`+
			`"CreatedTime@odata.type":"Edm.DateTime","CreatedTime":"2026-11-22T07:26:59.1234567Z","CustomStatus":"{\"step\":3}","ExecutionId":"0123abcd456789abcdef0123456789ab",`+
			`"Input":"{\"id\":%d,\"customer\":\"somebody\",\"items\":[1,2,3,4,5,6,7,8,9,10],\"note\":\"nothing in particular\"}","LastUpdatedTime@odata.type":"Edm.DateTime","LastUpdatedTime":"2026-11-22T07:27:00.1234567Z",`+
			`"Name":"ProcessOrder","Output":"\"done\"","RuntimeStatus":"Completed","TaskHubName":"Hub","Version":"","CompletedTime@odata.type":"Edm.DateTime","CompletedTime":"2026-11-22T07:27:00.1234567Z",`+
			`"Generation":0,"Tags":"{\"env\":\"test\",\"team\":\"none\"}","ScheduledStartTime@odata.type":"Edm.DateTime","ScheduledStartTime":"2026-11-22T07:26:00Z"}`, i, i, i)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func BenchmarkDecodePage(b *testing.B) {
	const rows = storage.MaxPage
	body := instancesPage(rows)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		list, err := azstore.DecodePage(body)
		if err != nil || len(list) != rows {
			b.Fatal(err, len(list))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
	b.ReportMetric(testing.AllocsPerRun(1, func() { _, _ = azstore.DecodePage(body) })/rows, "allocs/row")
}

// TestDecodeIsCheap: an entity of a page costs hardly more than the strings in it that have escapes.
func TestDecodeIsCheap(t *testing.T) {
	body := instancesPage(storage.MaxPage)
	allocs := testing.AllocsPerRun(5, func() { _, _ = azstore.DecodePage(body) }) / storage.MaxPage
	require.Less(t, allocs, 12.0)
}
