package taskhub_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

func TestWritePayload(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	require.NoError(t, b.WritePayload(t.Context(), "x/a.json.gz", []byte("one")))
	first := len(b.fault.Calls())
	require.NoError(t, b.WritePayload(t.Context(), "x/b.json.gz", []byte("two")))
	require.Len(t, b.fault.Calls(), first+1, "the container is made once")

	for name, want := range map[string]string{"x/a.json.gz": "one", "x/b.json.gz": "two"} {
		got, err := b.ReadPayload(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	r, err := b.store.Account().Blobs.Open(t.Context(), "myhub-largemessages", "x/a.json.gz")
	require.NoError(t, err)
	raw, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(raw, []byte{0x1f, 0x8b}), "it lies zipped")
}

func TestWritePayloadWithoutHub(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyHub", taskhub.Options{})
	require.ErrorIs(t, b.WritePayload(t.Context(), "x/a.json.gz", []byte("one")), taskhub.ErrHubNotFound)
	require.Empty(t, b.resources(t)["containers"], "nothing of a hub that does not exist is made")
}

func TestReadPayload(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{MaxPayload: 3})
	_, err := b.ReadPayload(t.Context(), "x/a.json.gz")
	require.ErrorIs(t, err, taskhub.ErrPayloadMissing)
	require.ErrorIs(t, err, storage.ErrContainerNotFound)
	require.NoError(t, b.WritePayload(t.Context(), "x/a.json.gz", []byte("one")))
	_, err = b.ReadPayload(t.Context(), "x/b.json.gz")
	require.ErrorIs(t, err, taskhub.ErrPayloadMissing)
	require.ErrorIs(t, err, storage.ErrNotFound)

	_, err = b.ReadPayload(t.Context(), "x/a.json.gz")
	require.NoError(t, err)
	require.NoError(t, b.WritePayload(t.Context(), "x/a.json.gz", []byte("four")))
	_, err = b.ReadPayload(t.Context(), "x/a.json.gz")
	require.ErrorIs(t, err, wire.ErrPayloadTooLarge)

	require.NoError(t, b.Blobs.Write(t.Context(), b.LargeMessages(), "x/bad.json.gz", storage.Blob{Content: []byte("secret")}))
	_, err = b.ReadPayload(t.Context(), "x/bad.json.gz")
	require.Error(t, err)
	require.NotErrorIs(t, err, taskhub.ErrPayloadMissing)
	require.NotContains(t, err.Error(), "secret")
}

func TestPayloadURL(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"http://127.0.0.1:1/acct", "http://127.0.0.1:1/acct/"} {
		b := setup(t, "MyHub", taskhub.Options{BlobEndpoint: endpoint})
		require.Equal(t, "http://127.0.0.1:1/acct/myhub-largemessages/a%5Eb/c.json.gz", b.PayloadURL("a^b/c.json.gz"))
	}
	b := setup(t, "MyHub", taskhub.Options{})
	require.Equal(t, "/myhub-largemessages/x.json.gz", b.PayloadURL("x.json.gz"))
}

func TestReference(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyH", taskhub.Options{})
	const name = "x/message-1-ExecutionStarted.json.gz"
	tests := []struct {
		name, text, blobName, want string
	}{
		{"plain", `"x"`, "", ""},
		{"URL", "http://h/myh-largemessages/" + name, "", name},
		{"URL of a hub that begins with our name", "http://h/myhub-largemessages/" + name, "", ""},
		{"bare", name, "", name},
		{"beside it", "", name, name},
		{"beside it, but the text has come since", `"x"`, name, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := b.Reference("x", storage.StringValue(test.text), storage.StringValue(test.blobName))
			require.Equal(t, test.want, got)
		})
	}
}

func TestReadText(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	input := `{"a":1}`
	write := func(name string, payload []byte) {
		require.NoError(t, b.WritePayload(t.Context(), name, payload))
	}
	start := wire.Start{InstanceID: "x", ExecutionID: "e", Name: "N", Input: &input, Created: noon}
	write("x/history-1-Input.json.gz", []byte(input))
	write("x/message-1-ExecutionStarted.json.gz", start.StartMessage().JSON())
	start.Input = nil
	write("x/message-2-ExecutionStarted.json.gz", start.StartMessage().JSON())
	write("x/message-3-ExecutionStarted.json.gz", []byte("secret"))

	for blob, want := range map[string]storage.Value{
		"x/history-1-Input.json.gz":            storage.StringValue(input),
		"x/message-1-ExecutionStarted.json.gz": storage.StringValue(input),
		"x/message-2-ExecutionStarted.json.gz": {},
	} {
		got, err := b.ReadText(t.Context(), blob)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := b.ReadText(t.Context(), "x/message-3-ExecutionStarted.json.gz")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
	_, err = b.ReadText(t.Context(), "x/message-4-ExecutionStarted.json.gz")
	require.ErrorIs(t, err, taskhub.ErrPayloadMissing)
}
