package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// readInput reads a payload: JSON from a file (@path) or from standard input (-), or what stands there. As with Core
// Tools a text that is no JSON is a string; but JSON is JSON, and what begins as JSON must end as such.
func (a *app) readInput(ctx context.Context, flag, given string) (json.RawMessage, error) {
	if given == "" {
		return nil, nil
	}
	if path, ok := strings.CutPrefix(given, "@"); ok || given == "-" {
		b, err := a.readFile(ctx, path, given == "-" || path == "-")
		switch {
		case ctx.Err() != nil:
			return nil, coded(codeFailed, "interrupted")
		case err != nil:
			return nil, usageError("--%s: %w", flag, err)
		}
		b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
		if err := checkJSON(b); err != nil {
			return nil, usageError("--%s: %s: %w", flag, strings.TrimPrefix(given, "@"), err)
		}
		return b, nil
	}
	trimmed := strings.TrimSpace(given)
	err := checkJSON([]byte(trimmed))
	if err == nil {
		return json.RawMessage(trimmed), nil
	}
	if trimmed != "" && strings.ContainsRune(`{["`, rune(trimmed[0])) {
		return nil, usageError("--%s: %w", flag, err)
	}
	b, err := text.JSON(given)
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
