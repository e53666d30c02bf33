// Package docs_test keeps the guides true: it runs the Go code and the HTTP requests in them. The command lines are run
// by the tests of the program (cmd/durable).
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// guides are the documents whose code is run.
var guides = []string{"porting.md", "runbook.md", "safety.md", readme}

const readme = "../README.md"

// documents also are those that have no code to run.
var documents = append([]string{"benchmarks.md", "deviations.md", "../ARCHITECTURE.md", "../CONTRIBUTING.md"}, guides...)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// sources are the lines of the tests here, without their indentation.
func sources(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var all strings.Builder
	for _, f := range files {
		all.WriteString(unindented(read(t, f)) + "\n")
	}
	return all.String()
}

func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

var (
	goBlock = regexp.MustCompile("(?s)```go\n(.*?)\n```")
	goCell  = regexp.MustCompile("(?m)^\\| Go[^|]*\\| `([^`]+)` \\|$")
)

// Every piece of Go in the guides stands in a test of this package, word for word, and so is compiled and run. Tests may
// have more lines than a guide shows.
func TestGoIsRun(t *testing.T) {
	t.Parallel()
	all := sources(t)
	found := 0
	for _, name := range guides {
		text := read(t, name)
		pieces := append(goBlock.FindAllStringSubmatch(text, -1), goCell.FindAllStringSubmatch(text, -1)...)
		for _, m := range pieces {
			if strings.HasPrefix(m[1], "package main") {
				continue // TestReadmeProgram
			}
			found++
			require.True(t, shown(all, unindented(m[1])), "%s: not in a test:\n%s", name, m[1])
		}
	}
	require.Greater(t, found, 40)
}

// shown says whether the lines of a piece follow each other in the sources. Lines that record what happened may stand
// between them: those with "seen".
func shown(all, piece string) bool {
	var lines []string
	for _, line := range strings.Split(all, "\n") {
		if !strings.HasPrefix(line, "seen = ") && line != "default:" {
			lines = append(lines, line)
		}
	}
	return strings.Contains(strings.Join(lines, "\n"), piece)
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

// Links lead to files and folders of the repository, and to headings that exist.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, name := range documents {
		for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			file, heading, _ := strings.Cut(m[1], "#")
			file = filepath.Join(filepath.Dir(name), file)
			if heading == "" {
				_, err := os.Stat(file)
				require.NoError(t, err, "%s links to %s", name, m[1])
				continue
			}
			if strings.HasPrefix(m[1], "#") {
				file = name
			}
			require.Contains(t, headings(read(t, file)), heading, "%s links to %s", name, m[1])
		}
	}
}

var notInAnchors = regexp.MustCompile(`[^a-z0-9 -]`)

func headings(text string) []string {
	var all []string
	for _, line := range strings.Split(text, "\n") {
		if h, ok := strings.CutPrefix(line, "#"); ok {
			h = notInAnchors.ReplaceAllString(strings.ToLower(strings.TrimLeft(h, "# ")), "")
			all = append(all, strings.ReplaceAll(h, " ", "-"))
		}
	}
	return all
}

var test = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]*)`")

// Numbers and promises name the test that measures them: it exists.
func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		all.WriteString(read(t, path))
		return nil
	}))
	for _, name := range documents {
		for _, m := range test.FindAllStringSubmatch(read(t, name), -1) {
			require.True(t, strings.Contains(all.String(), "func "+m[1]+"("), "%s names %s", name, m[1])
		}
	}
}
