package httpapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/httpapi"
)

// FuzzRoute checks that no path breaks the reading, and that every path that is read can be written again.
func FuzzRoute(f *testing.F) {
	f.Fuzz(func(t *testing.T, method, path string) {
		route, ok := httpapi.ParseRoute(method, path)
		if !ok {
			return
		}
		op, name, id := route.Parts()
		again, ok := httpapi.ParseRoute(method, pathOf(op, name, id))
		require.True(t, ok, pathOf(op, name, id))
		require.Equal(t, route, again)
	})
}

// pathOf writes the path of an operation.
func pathOf(op, name, id string) string {
	name, id = "/"+url.PathEscape(name), "/"+url.PathEscape(id)
	switch op {
	case "start":
		return strings.TrimSuffix("orchestrators"+name+id, "/")
	case "list", "purge by filter":
		return "instances"
	case "status", "purge":
		return "instances" + id
	case "raise event":
		return "instances" + id + "/raiseEvent" + name
	case "list entities":
		return strings.TrimSuffix("entities"+name, "/")
	case "read entity":
		if id == "/" {
			id = "/$"
		}
		return "entities" + name + id
	case "signal entity", "delete entity":
		return "entities" + name + id
	}
	return "instances" + id + "/" + op
}

// FuzzQuery checks that no query breaks the reading, and that parameters that were read as something can be read again
// when they are written properly.
func FuzzQuery(f *testing.F) {
	f.Fuzz(func(t *testing.T, query string) {
		p, err := httpapi.ParseParams(query)
		if err != nil {
			return
		}
		again, err := httpapi.ParseParams(url.Values(p).Encode())
		require.NoError(t, err)
		require.Equal(t, p, again)
		require.Equal(t, p.ReadAll() == nil, again.ReadAll() == nil)
	})
}
