package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// readInput reads a payload: JSON from a file (@path) or from standard input (-), or what stands there. As with Core
// Tools a text that is no JSON is a string; but JSON is JSON, and what begins as JSON must end as such.
func (a *app) readInput(ctx context.Context, flag, text string) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	if path, ok := strings.CutPrefix(text, "@"); ok || text == "-" {
		b, err := a.readFile(ctx, path, text == "-" || path == "-")
		switch {
		case ctx.Err() != nil:
			return nil, coded(codeFailed, "interrupted")
		case err != nil:
			return nil, usageError("--%s: %w", flag, err)
		}
		b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
		if err := checkJSON(b); err != nil {
			return nil, usageError("--%s: %s: %w", flag, strings.TrimPrefix(text, "@"), err)
		}
		return b, nil
	}
	trimmed := strings.TrimSpace(text)
	err := checkJSON([]byte(trimmed))
	if err == nil {
		return json.RawMessage(trimmed), nil
	}
	if trimmed != "" && strings.ContainsRune(`{["`, rune(trimmed[0])) {
		return nil, usageError("--%s: %w", flag, err)
	}
	b, err := marshal(text)
	if err != nil {
		return nil, usageError("--%s: %w", flag, err)
	}
	return b, nil
}

// readFile reads a file, named from the working directory, or standard input.
func (a *app) readFile(ctx context.Context, path string, standardInput bool) ([]byte, error) {
	if standardInput {
		return interruptible(ctx, func() ([]byte, error) { return io.ReadAll(a.stdin) })
	}
	return os.ReadFile(a.path(path)) //nolint:gosec // the user names it
}

func (a *app) path(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.dir, path)
}

// checkJSON says what is wrong with a JSON text, without showing it.
func checkJSON(b []byte) error {
	if len(b) == 0 {
		return usageError("it is empty, not JSON")
	}
	var v json.RawMessage
	if err := json.Unmarshal(b, &v); err != nil {
		return usageError("it is not JSON: %w", err)
	}
	return nil
}

// marshal is json.Marshal without the escaping of <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
