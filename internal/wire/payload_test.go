package wire_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
)

func TestMessageTooLarge(t *testing.T) {
	t.Parallel()
	require.False(t, wire.MessageTooLarge(make([]byte, 46080)))
	require.True(t, wire.MessageTooLarge(make([]byte, 46081)))
}

func TestColumnTooLarge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, unit string
		fits       int // how many of them fit
	}{
		{"ASCII", "x", 30720},
		{"two bytes, one unit", "é", 30720},
		{"three bytes, one unit", "日", 30720},
		{"four bytes, two units", "😀", 15360},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.False(t, wire.ColumnTooLarge(strings.Repeat(test.unit, test.fits)))
			require.True(t, wire.ColumnTooLarge(strings.Repeat(test.unit, test.fits)+"x"))
		})
	}
}

func TestBlobNames(t *testing.T) {
	t.Parallel()
	m := &wire.Message{InstanceID: "a^b c", ActivityID: anActivityID, EventType: wire.EventRaised}
	require.Equal(t, "a^b c/message-5406d36943694673afae6671a2fa1e57-EventRaised.json.gz", wire.MessageBlobName(m))
	require.Equal(t, "a^^b c/history--Input-1A2B3C4D-Input.json.gz",
		wire.ColumnBlobName(wire.EscapeKey("a^b c"), wire.ColInput, "1A2B3C4D"))
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"order-1/"}, wire.Prefixes("order-1"))
	require.Equal(t, []string{"a^b/", "a^^b/"}, wire.Prefixes("a^b"))
	require.Equal(t, []string{"@c@k/1/", "@c@k^01/"}, wire.Prefixes("@c@k/1"))
}

func TestBlobURL(t *testing.T) {
	t.Parallel()
	const container = "https://acct.blob.core.windows.net/myhub-largemessages"
	const rest = "history-0000000000000001-ExecutionStarted-1A2B3C4D-Input.json.gz"
	tests := []struct{ id, escaped string }{
		{"plain", "plain"},
		{"@counter@k", "%40counter%40k"},
		{"a^^b:c!", "a%5E%5Eb%3Ac%21"},
		{"A.b-c_d~e", "A.b-c_d~e"},
		{"a b%20+&=$'(),;", "a%20b%2520%2B%26%3D%24%27%28%29%2C%3B"},
		{"ção 日本😀", "%C3%A7%C3%A3o%20%E6%97%A5%E6%9C%AC%F0%9F%98%80"},
	}
	for _, test := range tests {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			want := container + "/" + test.escaped + "/" + rest
			require.Equal(t, want, wire.BlobURL(container, test.id+"/"+rest))
			require.Equal(t, want, wire.BlobURL(container+"/", test.id+"/"+rest))

			name, ok := wire.BlobReference(want, "myhub-largemessages", "whatever")
			require.True(t, ok)
			require.Equal(t, test.id+"/"+rest, name)
		})
	}
}

func TestBlobReference(t *testing.T) {
	t.Parallel()
	const (
		container = "myhub-largemessages"
		message   = "message-5406d36943694673afae6671a2fa1e57-ExecutionStarted.json.gz"
		history   = "history-0000000000000001-ExecutionStarted-Input.json.gz"
	)
	tests := []struct{ name, text, id, want string }{
		{"public cloud", "https://acct.blob.core.windows.net/myhub-largemessages/x/" + message, "x", "x/" + message},
		{"secondary", "https://acct-secondary.blob.core.windows.net/myhub-largemessages/x/" + message, "x", "x/" + message},
		{"custom domain, http", "http://blobs.example.com/myhub-largemessages/x/" + message, "x", "x/" + message},
		{"emulator", "http://127.0.0.1:10000/devstoreaccount1/myhub-largemessages/x/" + message, "x", "x/" + message},
		{"hostile host: only the name counts", "https://evil.example/myhub-largemessages/x/" + message, "x", "x/" + message},
		{"user and host", "https://a:b@evil.example/myhub-largemessages/x/" + message, "x", "x/" + message},
		{"no host", "http:///myhub-largemessages/x/" + message, "x", "x/" + message},
		{"climbing is a name like any other", "https://h/myhub-largemessages/../x/" + message, "x", "../x/" + message},
		{"escaped", "https://h/myhub-largemessages/%40c%40k%5E01/" + history, "@c@k/1", "@c@k^01/" + history},
		{"escaped slash", "https://h/myhub-largemessages/a%2Fb/" + message, "a/b", "a/b/" + message},
		{"never escaped (2.0, 2.1)", "https://h/myhub-largemessages/100%/" + message, "100%", "100%/" + message},
		{"account of the container's name", "http://h/myhub-largemessages/myhub-largemessages/x.json.gz", "x", "myhub-largemessages/x.json.gz"},
		{"bare message name (1.9.1)", "x/" + message, "x", "x/" + message},
		{"bare history name", "x/" + history, "x", "x/" + history},
		{"bare name under the escaped ID", "a^0b/" + history, "a/b", "a^0b/" + history},
		{"bare name under the raw ID", "a/b/" + message, "a/b", "a/b/" + message},
		{"lower-cased bare name (1.6.4)", "upper/message-000000000000000a-executionstarted.json.gz", "UPPER", "upper/message-000000000000000a-executionstarted.json.gz"},

		{"another container", "https://h/other-largemessages/x/" + message, "x", ""},
		{"an instance of another hub, named as our container", "https://h/other-largemessages/myhub-largemessages/" + message, "x", ""},
		{"a hub with ours as prefix", "https://h/myhub-largemessages2/x/" + message, "x", ""},
		{"a hub with ours as suffix", "https://h/notmyhub-largemessages/x/" + message, "x", ""},
		{"the container in upper case", "https://h/MYHUB-LARGEMESSAGES/x/" + message, "x", ""},
		{"the container too deep", "https://h/a/b/myhub-largemessages/x/" + message, "x", ""},
		{"the container as host", "https://myhub-largemessages/x/" + message, "x", ""},
		{"the container in the query", "https://h/?myhub-largemessages/x/" + message, "x", ""},
		{"the container itself", "https://h/myhub-largemessages/", "x", ""},
		{"the container, ending like a name", "https://h/myhub-largemessages?.json.gz", "x", ""},
		{"another ending", "https://h/myhub-largemessages/x/message-1.json", "x", ""},
		{"a SAS behind it", "https://h/myhub-largemessages/x/" + message + "?sv=1&sig=2", "x", ""},
		{"another scheme", "ftp://h/myhub-largemessages/x/" + message, "x", ""},
		{"quoted: a string that somebody passed", `"https://h/myhub-largemessages/x/` + message + `"`, "x", ""},
		{"quoted bare name", `"x/` + message + `"`, "x", ""},
		{"bare name of another instance", "y/" + message, "x", ""},
		{"bare name of a neighbour", "x2/" + message, "x", ""},
		{"bare name, deeper", "x/y/" + message, "x", ""},
		{"bare name of something else", "x/file.json.gz", "x", ""},
		{"JSON", `{"a":".json.gz"}`, "x", ""},
		{"plain reason", "ticket.json.gz", "x", ""},
		{"empty", "", "x", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			name, ok := wire.BlobReference(test.text, container, test.id)
			require.Equal(t, test.want, name)
			require.Equal(t, test.want != "", ok)
		})
	}
}

func TestHoldsStart(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"x/message-5406d36943694673afae6671a2fa1e57-ExecutionStarted.json.gz":   true,
		"x/message-000000000000000a-executionstarted.json.gz":                   true,
		"x/message-5406d36943694673afae6671a2fa1e57-EventRaised.json.gz":        false,
		"x/history-0000000000000001-ExecutionStarted-1A2B3C4D-Input.json.gz":    false,
		"x/history--Input-1A2B3C4D-Input.json.gz":                               false,
		"ExecutionStarted.json.gz":                                              true,
		"tarted.json.gz":                                                        false,
		"":                                                                      false,
		"x/message-5406d36943694673afae6671a2fa1e57-ExecutionStarted.json.gz.x": false,
	} {
		require.Equal(t, want, wire.HoldsStart(name), name)
	}
}

func TestStartInput(t *testing.T) {
	t.Parallel()
	input, err := wire.StartInput(sample(t, "start"))
	require.NoError(t, err)
	require.Equal(t, `{"city":"Tōkyō"}`, *input)

	none := (&wire.Start{InstanceID: "x", ExecutionID: "y", Name: "z", Created: at}).StartMessage()
	input, err = wire.StartInput(none.JSON())
	require.NoError(t, err)
	require.Nil(t, input)

	for _, text := range []string{"", "secret", string(sample(t, "start"))[1:]} {
		_, err = wire.StartInput([]byte(text))
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	}
	wrong := bytes.Replace(sample(t, "start"), []byte(`"Input":"{\"city\":\"Tōkyō\"}"`), []byte(`"Input":{"secret":1}`), 1)
	_, err = wire.StartInput(wrong)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}

func TestUnzip(t *testing.T) {
	t.Parallel()
	payload := []byte(strings.Repeat("payload", 1000))
	zipped := wire.Zip(payload)
	require.Less(t, len(zipped), len(payload))
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	require.NoError(t, err)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, payload, plain)

	for _, limit := range []int64{7000, 7001, math.MaxInt64 - 1, math.MaxInt64} {
		got, err := wire.Unzip(bytes.NewReader(zipped), limit)
		require.NoError(t, err, limit)
		require.Equal(t, payload, got)
	}
	for _, limit := range []int64{6999, 1, 0} {
		_, err := wire.Unzip(bytes.NewReader(zipped), limit)
		require.ErrorIs(t, err, wire.ErrPayloadTooLarge)
	}
	empty, err := wire.Unzip(bytes.NewReader(wire.Zip(nil)), 0)
	require.NoError(t, err)
	require.Empty(t, empty)
}

// A bomb is not unpacked beyond the limit.
func TestUnzipStopsAtLimit(t *testing.T) {
	t.Parallel()
	zipped := bytes.NewReader(wire.Zip(make([]byte, 8<<20)))
	size := zipped.Len()
	_, err := wire.Unzip(zipped, 1<<10)
	require.ErrorIs(t, err, wire.ErrPayloadTooLarge)
	require.Greater(t, zipped.Len(), size/2, "most of it was not even read")
}

func TestUnzipDamaged(t *testing.T) {
	t.Parallel()
	zipped := wire.Zip([]byte(strings.Repeat("secret", 1000)))
	flipped := bytes.Clone(zipped)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	for name, in := range map[string][]byte{
		"empty": nil, "not zipped": []byte(`{"secret":1}`), "cut short": zipped[:len(zipped)-9], "flipped": flipped,
		"something behind it": append(bytes.Clone(zipped), "secret"...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := wire.Unzip(bytes.NewReader(in), 1<<20)
			require.Error(t, err)
			require.NotErrorIs(t, err, wire.ErrPayloadTooLarge)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestLoweredBlob(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"upper/message-000000000000000a-executionstarted.json.gz":            true,
		"a/b/history-0000000000000002-taskcompleted-result.json.gz":          true,
		"UPPER/message-000000000000000a-executionstarted.json.gz":            false,
		"lower/message-8e1807f0000000000000000000000000-EventRaised.json.gz": false,
		"lower/other.json.gz": false,
		"lower/message-1":     false,
	} {
		require.Equal(t, want, wire.LoweredBlob(name), name)
	}
}
