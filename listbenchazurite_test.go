package durable_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/connstr"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// benchRows is how many instances the benchmark at the emulator lists: few by default, since loading them takes longer
// than listing them.
func benchRows(b *testing.B) int {
	b.Helper()
	s := os.Getenv("DURABLE_BENCH_ROWS")
	if s == "" {
		return 3000
	}
	n, err := strconv.Atoi(s)
	require.NoError(b, err)
	return n
}

// Listing at the storage emulator, beside a bare client that sends the same requests and throws the answers away.
func BenchmarkListAzurite(b *testing.B) {
	cs := azurite.ConnectionString(b)
	account, err := connstr.Parse(cs)
	require.NoError(b, err)
	f := openAzurite(b, newHubName())
	f.create(b)
	rows := benchRows(b)
	f.loadRows(b, rows)

	sign := sharedKeyLite(b, account)
	columns := "Name,Version,Output,CustomStatus,CreatedTime,LastUpdatedTime,CompletedTime,ScheduledStartTime,RuntimeStatus," +
		"ExecutionId,Generation,Tags,TagsBlobName,Input,InputBlobName,PartitionKey,RowKey"
	first := account.Table + f.names.Instances() + "()?$top=1000&$select=" + url.QueryEscape(columns) +
		"&$filter=" + url.QueryEscape("PartitionKey lt '@' or PartitionKey ge 'A'")
	listAll(b, f.OrchestrationClient)
	var floor, ours time.Duration
	for b.Loop() {
		floor += costOf(func() { readAll(b, http.DefaultClient, first, sign) }).time
		ours += costOf(func() { require.Equal(b, rows, listAll(b, f.OrchestrationClient)) }).time
	}
	b.ReportMetric(float64(ours)/float64(floor), "x-floor")
	b.ReportMetric(float64(b.N*rows)/ours.Seconds(), "rows/s")
	b.ReportMetric(0, "ns/op")
}

// loadRows writes instances that have completed.
func (f *fixture) loadRows(b *testing.B, n int) {
	b.Helper()
	ids := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range ids {
				input := fmt.Sprintf(`{"item":%d,"note":"a note of some length"}`, i)
				s := &wire.Start{
					InstanceID: fmt.Sprintf("order-%08d", i), ExecutionID: "0123456789abcdef0123456789abcdef", Name: "ProcessOrder",
					Input: &input, Created: time.Now(),
				}
				row := s.Row(f.names.Hub(), &input, time.Now())
				row.Set(wire.ColRuntimeStatus, storage.StringValue(wire.StatusCompleted))
				row.Set(wire.ColOutput, storage.StringValue(`["Hello Tokyo!","Hello Seattle!","Hello London!"]`))
				row.Set(wire.ColCustomStatus, storage.StringValue(`"shipped"`))
				row.Set(wire.ColCompletedTime, storage.TimeValue(time.Now()))
				if _, err := f.storage.Tables.Insert(b.Context(), f.names.Instances(), row); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range n {
		ids <- i
	}
	close(ids)
	wg.Wait()
}

// sharedKeyLite returns what signs a request to the table service.
func sharedKeyLite(tb testing.TB, account *connstr.Account) func(*http.Request) {
	tb.Helper()
	key, err := base64.StdEncoding.DecodeString(account.Key)
	require.NoError(tb, err)
	return func(r *http.Request) {
		date := time.Now().UTC().Format(http.TimeFormat)
		r.Header.Set("x-ms-date", date)
		r.Header.Set("x-ms-version", "2019-02-02")
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(strings.Join([]string{date, "/" + account.Name + r.URL.EscapedPath()}, "\n")))
		r.Header.Set("Authorization", "SharedKeyLite "+account.Name+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
}
