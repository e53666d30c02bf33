package azstore_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/storage"
)

func TestWrites(t *testing.T) {
	t.Parallel()
	e := entity("it's", "50%", column("Z", storage.Int64, "9007199254740993"), column("A", storage.Double, "5.0"))
	body := `{"PartitionKey":"it's","RowKey":"50%","Z@odata.type":"Edm.Int64","Z":"9007199254740993","A@odata.type":"Edm.Double","A":5.0}`
	path := "/Table(PartitionKey='it%27%27s',RowKey='50%25')"
	tests := []struct {
		name                 string
		write                func(storage.Tables) (storage.ETag, error)
		method, path, header string
	}{
		{"Insert", func(s storage.Tables) (storage.ETag, error) { return s.Insert(t.Context(), "Table", e) }, "POST", "/Table", "Prefer=return-no-content"},
		{"Merge", func(s storage.Tables) (storage.ETag, error) {
			return s.Update(t.Context(), "Table", e, storage.Merge, "old")
		}, "PATCH", path, "If-Match=old"},
		{"MergeAny", func(s storage.Tables) (storage.ETag, error) {
			return s.Update(t.Context(), "Table", e, storage.Merge, storage.Any)
		}, "PATCH", path, "If-Match=*"},
		{"Replace", func(s storage.Tables) (storage.ETag, error) {
			return s.Update(t.Context(), "Table", e, storage.Replace, "old")
		}, "PUT", path, "If-Match=old"},
		{"UpsertMerge", func(s storage.Tables) (storage.ETag, error) {
			return s.Update(t.Context(), "Table", e, storage.Merge, "")
		}, "PATCH", path, "If-Match="},
		{"UpsertReplace", func(s storage.Tables) (storage.ETag, error) {
			return s.Update(t.Context(), "Table", e, storage.Replace, "")
		}, "PUT", path, "If-Match="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := answering(204, "", "ETag", "new")
			tag, err := tt.write(fake(t, w).Tables)
			require.NoError(t, err)
			require.Equal(t, storage.ETag("new"), tag)
			require.Equal(t, [3]string{tt.method, tt.path, body}, [3]string{w.sent[0].Method, w.sent[0].URL.EscapedPath(), w.bodies[0]})
			require.Equal(t, strconv.Itoa(len(body)), w.sent[0].Header.Get("Content-Length"))
			require.Equal(t, "application/json", w.sent[0].Header.Get("Content-Type"))
			name, value, _ := strings.Cut(tt.header, "=")
			require.Equal(t, value, strings.Join(headerValues(w.sent[0].Header, name), ","))
		})
	}
}

// headerValues finds a header whatever the case in which the SDK wrote its name.
func headerValues(h http.Header, name string) []string {
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// TestWritesAreRepeated: the body is still ours at the second attempt.
func TestWritesAreRepeated(t *testing.T) {
	t.Parallel()
	w := &wire{answer: func(n int, _ *http.Request) (*http.Response, error) {
		if n == 0 {
			return response(500, ""), nil
		}
		return response(204, "", "ETag", "new"), nil
	}}
	_, err := fake(t, w).Tables.Insert(t.Context(), "Table", entity("p", "r", column("A", storage.Double, "5.0")))
	require.NoError(t, err)
	require.Len(t, w.bodies, 2)
	require.Equal(t, w.bodies[0], w.bodies[1])
	require.Contains(t, w.bodies[1], `"A":5.0`)
}

func TestTableArguments(t *testing.T) {
	t.Parallel()
	w := answering(204, "")
	s := fake(t, w).Tables
	ctx := t.Context()
	keys := [][2]string{{"", "r"}, {"a/b", "r"}, {"p", `a\b`}, {"p", "a#b"}, {"p", "a?b"}, {"p", "a\nb"}, {"p", "\u007f"}, {"p", "\u0085"}, {"\xff", "r"}}
	for _, k := range keys {
		err1 := storage.ErrInvalid
		if k[0] != "" { // which only an insert takes
			_, err1 = s.Insert(ctx, "Table", entity(k[0], k[1]))
		}
		_, err2 := s.Update(ctx, "Table", entity(k[0], k[1]), storage.Merge, "")
		_, err3 := s.Get(ctx, "Table", k[0], k[1])
		for _, err := range []error{err1, err2, err3, s.Delete(ctx, "Table", k[0], k[1], storage.Any)} {
			require.ErrorIs(t, err, storage.ErrInvalid, "%q", k)
		}
	}
	for _, top := range []int{-1, 1001} {
		_, err := s.Query(ctx, "Table", storage.Query{Top: top})
		require.ErrorIs(t, err, storage.ErrInvalid)
	}
	_, err := s.Query(ctx, "", storage.Query{})
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorIs(t, s.CreateTable(ctx, ""), storage.ErrInvalid)
	require.ErrorIs(t, s.DeleteTable(ctx, ""), storage.ErrInvalid)
	require.ErrorIs(t, s.Batch(ctx, "", nil), storage.ErrInvalid)
	require.Zero(t, w.count())
	_, err = s.Insert(ctx, "Table", entity("", "r"))
	require.NoError(t, err)
	require.Equal(t, `{"PartitionKey":"","RowKey":"r"}`, w.bodies[0])
}

func TestQueryRequest(t *testing.T) {
	t.Parallel()
	w := answering(200, `{"value":[{"odata.etag":"tag","PartitionKey":"p","RowKey":"r","A":1}]}`,
		"x-ms-continuation-NextPartitionKey", "1!8!cA==")
	page, err := fake(t, w).Tables.Query(t.Context(), "Table", storage.Query{
		Filter:  storage.Cmp{Column: "A", Op: storage.EQ, Value: storage.StringValue("it's & 100%")},
		Columns: []string{"B", "RowKey", "A", "B"},
		Top:     7,
		From:    storage.Token{NextPartitionKey: "a b", NextRowKey: "c&d"},
	})
	require.NoError(t, err)
	require.Equal(t, storage.Token{NextPartitionKey: "1!8!cA=="}, page.Next, "without a row key, and yet not the end")
	require.Equal(t, []storage.Entity{{PartitionKey: "p", RowKey: "r", ETag: "tag", Columns: []storage.Column{column("A", storage.Int32, "1")}}}, page.Entities)
	q := w.sent[0].URL.Query()
	require.Equal(t, "A eq 'it''s & 100%'", q.Get("$filter"))
	require.Equal(t, "PartitionKey,RowKey,B,A", q.Get("$select"))
	require.Equal(t, "7", q.Get("$top"))
	require.Equal(t, [2]string{"a b", "c&d"}, [2]string{q.Get("NextPartitionKey"), q.Get("NextRowKey")})
	require.Equal(t, "application/json;odata=minimalmetadata", w.sent[0].Header.Get("Accept"))
}

func TestQueryNeverAsks(t *testing.T) {
	t.Parallel()
	w := answering(500, "")
	page, err := fake(t, w).Tables.Query(t.Context(), "Table", storage.Query{Filter: storage.Or{}})
	require.NoError(t, err)
	require.Equal(t, &storage.Page{}, page)
	require.Zero(t, w.count())
}

func TestGetRequest(t *testing.T) {
	t.Parallel()
	w := answering(200, `{"PartitionKey":"p","RowKey":"r","D":5.0,"L@odata.type":"Edm.Int64","L":"9007199254740993"}`, "ETag", "tag")
	e, err := fake(t, w).Tables.Get(t.Context(), "Table", "it's", "r", "D", "L")
	require.NoError(t, err)
	require.Equal(t, &storage.Entity{PartitionKey: "p", RowKey: "r", ETag: "tag", Columns: []storage.Column{
		column("D", storage.Double, "5.0"), column("L", storage.Int64, "9007199254740993"),
	}}, e)
	require.Equal(t, "PartitionKey,RowKey,D,L", w.sent[0].URL.Query().Get("$select"))
	require.Equal(t, secret, w.sent[0].URL.Query().Get("sig"))
	require.Equal(t, "/Table(PartitionKey='it%27%27s',RowKey='r')", w.sent[0].URL.EscapedPath())
}

// TestCallersPoliciesSeeTheWire: what the SDK is shown in place of bodies stays between it and us.
func TestCallersPoliciesSeeTheWire(t *testing.T) {
	t.Parallel()
	page := `{"value":[{"PartitionKey":"p","RowKey":"r"}]}`
	w := answering(200, page)
	o := quick(w)
	var seen string
	o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		resp, err := req.Next()
		if err == nil {
			b, _ := io.ReadAll(resp.Body)
			seen = string(b)
		}
		return resp, err
	})}
	a, err := azstore.NewWithSAS(endpoints, sas, o)
	require.NoError(t, err)
	p, err := a.Tables.Query(t.Context(), "Table", storage.Query{})
	require.NoError(t, err)
	require.Len(t, p.Entities, 1)
	require.Equal(t, page, seen)
}

type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(req *policy.Request) (*http.Response, error) { return f(req) }

func TestPageWithoutEnd(t *testing.T) {
	t.Parallel()
	w := answering(200, `{"value":[{"PartitionKey":"p"`)
	_, err := fake(t, w).Tables.Query(t.Context(), "Table", storage.Query{})
	require.ErrorContains(t, err, "answer of the table service")
}

func TestListTablesFilter(t *testing.T) {
	t.Parallel()
	w := &wire{answer: func(n int, _ *http.Request) (*http.Response, error) {
		if n == 0 {
			return response(200, `{"value":[{"TableName":"HubA"},{"TableName":"hubB"},{}]}`, "x-ms-continuation-NextTableName", "next"), nil
		}
		return response(200, `{"value":[{"TableName":"HubC"}]}`), nil
	}}
	names, err := fake(t, w).Tables.ListTables(t.Context(), "Hub")
	require.NoError(t, err)
	require.Equal(t, []string{"HubA", "HubC"}, names)
	require.Equal(t, "TableName ge 'Hub' and TableName lt 'Hub{'", w.sent[0].URL.Query().Get("$filter"))
	require.Equal(t, "next", w.sent[1].URL.Query().Get("NextTableName"))
}

// listing serves the pages of a table of 100,000 instances.
func listing(b *testing.B) (endpoint string, rows int) {
	b.Helper()
	const pages = 100
	page := instancesPage(storage.MaxPage)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("NextPartitionKey"))
		if n+1 < pages {
			w.Header().Set("x-ms-continuation-NextPartitionKey", strconv.Itoa(n+1))
		}
		for rest := page; len(rest) > 0; { // in chunks, as the service does
			n := min(len(rest), 32<<10)
			_, _ = w.Write(rest[:n])
			rest = rest[n:]
		}
	}))
	b.Cleanup(s.Close)
	return s.URL, pages * storage.MaxPage
}

// BenchmarkList lists 100,000 instances, and reads the same answers without looking at them.
func BenchmarkList(b *testing.B) {
	endpoint, rows := listing(b)
	b.Run("Query", func(b *testing.B) {
		a, err := azstore.NewWithSharedKey(azstore.Endpoints{Table: endpoint, Queue: endpoint, Blob: endpoint}, "acc", secret, nil)
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			require.Equal(b, rows, countRows(b, a.Tables))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
	})
	b.Run("Bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, discard(endpoint))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
	})
}

func countRows(b *testing.B, s storage.Tables) int {
	n := 0
	for q := (storage.Query{}); ; {
		p, err := s.Query(b.Context(), "Table", q)
		require.NoError(b, err)
		n += len(p.Entities)
		if q.From = p.Next; q.From == (storage.Token{}) {
			return n
		}
	}
}

func discard(endpoint string) error {
	for n := "0"; n != ""; {
		resp, err := http.Get(fmt.Sprintf("%s/Table()?NextPartitionKey=%s", endpoint, n)) //nolint:noctx,gosec // a benchmark
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		n = resp.Header.Get("x-ms-continuation-NextPartitionKey")
	}
	return nil
}

var _ azcore.TokenCredential = tokens{}
