package connstr_test

import (
	"testing"

	"github.com/go-durable/durable/internal/connstr"
)

func BenchmarkParse(b *testing.B) {
	const in = "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=" + key + ";EndpointSuffix=core.windows.net"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := connstr.Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}
