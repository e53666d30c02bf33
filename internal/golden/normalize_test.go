package golden_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
)

const (
	guidA = "0a44a176-7c4c-4781-b2eb-43e4b63b5c00"
	guidB = "e91cb1a4-6956-4ecd-80fe-02c28b5ae425"
	bareA = "0a44a1767c4c4781b2eb43e4b63b5c00"
)

func TestNormalizeText(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing", `{"a":[1,null,"x"]}`, `{"a":[1,null,"x"]}`},
		{"time", "2026-11-22T06:59:33.6097460Z", "<time>"},
		{"time of a second", "2026-11-22T06:59:33Z", "<time>"},
		{"time with offset", "2026-11-22T06:59:33.1+02:00", "<time+02:00>"},
		{"time without zone", `"2026-11-22T06:59:33"`, `"<time local>"`},
		{"time in a URL", "datetime'2026-11-22T06%3A03%3A12.3505479Z'", "datetime'<time>'"},
		{"time in a name", "op@2026-11-22T06:59:33.6097460Z", "op@<time>"},
		{"time of HTTP", "Sun, 22 Nov 2026 05:59:33 GMT", "<time>"},
		{"first time", "0001-01-01T00:00:00", "0001-01-01T00:00:00"},
		{"last time", "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"},
		{"GUIDs", guidA + " " + guidB + " " + guidA, "<guid-1> <guid-2> <guid-1>"},
		{"GUID in both forms", guidA + " " + bareA, "<guid-1> <guid-1:N>"},
		{"GUID in an ID", bareA + ":0003", "<guid-1:N>:0003"},
		{"no GUID", "a" + bareA, "a" + bareA},
		{"empty GUID", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
		{"lease ID", "811c9dc5-0000-0000-0000-000000000000", "811c9dc5-0000-0000-0000-000000000000"},
		{
			"payload at the emulator",
			"http://127.0.0.1:20000/devstoreaccount1/hub-largemessages/a/message-" + bareA + "-ExecutionStarted.json.gz",
			"<blobs>/hub-largemessages/a/message-<guid-1:N>-ExecutionStarted.json.gz",
		},
		{
			"payload in an account", "https://x.blob.core.windows.net/hub-largemessages/a/b.json.gz",
			"<blobs>/hub-largemessages/a/b.json.gz",
		},
		{
			"payload of a history row", "a/history-0000000000000001-ExecutionStarted-2A33E4C0-Input.json.gz",
			"a/history-0000000000000001-ExecutionStarted-<random>-Input.json.gz",
		},
		{
			"payload of an instance row", "a/history--Input-2BD3C36C-Input.json.gz",
			"a/history--Input-<random>-Input.json.gz",
		},
		{"local host", "http://localhost:7071/runtime?code=x", "<host>/runtime?code=x"},
		{
			"message numbers", `{"SequenceNumber":0,"b":{"SequenceNumber":12}}`,
			`{"SequenceNumber":0,"b":{"SequenceNumber":"<number>"}}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, golden.NormalizeText(test.text))
		})
	}
}

func TestNormalizer(t *testing.T) {
	t.Parallel()
	var n golden.Normalizer
	require.Equal(t, "<guid-1>", n.Text(guidA))
	require.Equal(t, "<guid-2>", n.Text(guidB))
	require.Equal(t, "<guid-1:N>", n.Text(bareA))

	plain := golden.Normalizer{PlainGUIDs: true, KeepTimes: true}
	require.Equal(t, "<guid> <guid:N> 2026-11-22T06:59:33Z", plain.Text(guidB+" "+bareA+" 2026-11-22T06:59:33Z"))
}

func FuzzNormalizeText(f *testing.F) {
	f.Add(`{"ActivityId":"`, `","Timestamp":"2026-11-22T05:59:33.097069Z","SequenceNumber":6}`)
	f.Add("http://127.0.0.1:20000/devstoreaccount1/h-largemessages/a/", " history-1-A-2A33E4C0-Input.json.gz")
	f.Fuzz(func(t *testing.T, before, after string) {
		require.Equal(t,
			golden.NormalizeText(before+" "+guidA+" "+after),
			golden.NormalizeText(before+" "+guidB+" "+after), "another GUID makes no difference")
	})
}
