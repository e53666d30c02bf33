package report_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	_ "image/png" // what browsers write
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/report"
)

// browser is a Chromium or Chrome that is installed, or the test is skipped.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no browser: neither chromium nor chromium-browser nor google-chrome is installed")
	return ""
}

// runBrowser shows a URL in a browser without a window, and returns what it logged.
func runBrowser(t *testing.T, path, url string, flags ...string) string {
	t.Helper()
	_, log := browse(t, path, append(append([]string{
		"--disable-quic", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
	}, flags...), url)...)
	return log
}

// browse runs a browser without a window, and returns what it wrote and logged. Browsers crash now and then where they have
// no desktop, which says nothing about a page: one that a signal ended is started again.
func browse(t *testing.T, path string, args ...string) (out []byte, log string) {
	t.Helper()
	const attempts = 4
	for i := 1; ; i++ {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, path, append([]string{
			"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
			"--user-data-dir=" + t.TempDir(),
		}, args...)...)
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, 5*time.Second
		err := cmd.Run()
		var exit *exec.ExitError
		if errors.As(err, &exit) && (exit.ExitCode() < 0 || exit.ExitCode() > 128) && ctx.Err() == nil && i < attempts {
			continue // 128 and the signal is what a shell around it says
		}
		require.NoError(t, err, "%s", &stderr)
		return stdout.Bytes(), stderr.String()
	}
}

// site serves pages and counts what is asked of it.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newSite(t *testing.T, pages map[string][]byte) *site {
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		s.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(pages[r.URL.Path]) //nolint:errcheck // the browser tells
	}))
	t.Cleanup(s.Close)
	return s
}

// picture is a screenshot, and how much of it there is to see.
type picture struct {
	colours, light int
	size           image.Point
}

func look(t *testing.T, file string) picture {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // only read
	img, _, err := image.Decode(f)
	require.NoError(t, err)
	p := picture{size: img.Bounds().Size()}
	seen := make(map[[3]uint32]bool)
	sum, n := 0, 0
	for y := 0; y < p.size.Y; y += 2 {
		for x := 0; x < p.size.X; x += 2 {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
			sum += int(r+g+b) / 3 >> 8
			n++
		}
	}
	p.colours, p.light = len(seen), sum/n
	return p
}

// TestInBrowser looks at pages as a reader does. It needs a browser and is skipped where there is none. With
// REPORT_SCREENSHOTS set to a folder, the pictures stay there.
func TestInBrowser(t *testing.T) {
	t.Parallel()
	path := browser(t)
	tree := load(t, "v2/rewind-causal", "failed", "c-TwoChildrenFailUntilFixed")
	var everything strings.Builder
	for _, text := range hostile {
		everything.WriteString(text[:min(len(text), 2000)])
	}
	// Everything is open, so that what is hidden at first is looked at as well.
	open := func(page []byte) []byte { return bytes.ReplaceAll(page, []byte("<details"), []byte("<details open")) }
	s := newSite(t, map[string][]byte{
		"/tree":    html(t, tree, report.HTMLOptions{TaskHub: "MyHub", Now: later(tree, 0)}),
		"/saga":    html(t, load(t, "v2/rewind-causal", "completed", "c-SagaFails"), report.HTMLOptions{TaskHub: "MyHub"}),
		"/hostile": open(html(t, evil(everything.String()), report.HTMLOptions{TaskHub: everything.String(), Now: epoch.Add(time.Hour)})),
		"/large":   open(html(t, thousand(), report.HTMLOptions{})),
	})
	dark := []string{"--force-dark-mode", "--blink-settings=preferredColorScheme=0"}
	views := []struct {
		name, page string
		flags      []string
		dark       bool
	}{
		{"tree-light", "/tree", []string{"--window-size=1200,1600"}, false},
		{"tree-dark", "/tree", append(dark, "--window-size=1200,1600"), true},
		{"tree-narrow", "/tree", []string{"--window-size=500,1600"}, false},
		{"saga-dark", "/saga", append(dark, "--window-size=1920,1200"), true},
		{"hostile-light", "/hostile", []string{"--window-size=1200,3000"}, false},
		{"large-dark", "/large", append(dark, "--window-size=1200,3000"), true},
	}
	folder := os.Getenv("REPORT_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	for _, v := range views {
		file := filepath.Join(folder, v.name+".png")
		log := runBrowser(t, path, s.URL+v.page, append(v.flags, "--screenshot="+file)...)
		require.NotContains(t, log, "CONSOLE", v.name)
		p := look(t, file)
		require.Greater(t, p.colours, 16, v.name)
		require.Equal(t, v.dark, p.light < 100, "%s: light %d of 255", v.name, p.light)
	}
	print := filepath.Join(folder, "tree.pdf")
	runBrowser(t, path, s.URL+"/tree", "--print-to-pdf="+print)
	pdf, err := os.ReadFile(print)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(pdf, []byte("%PDF-")))
	require.Greater(t, len(pdf), 10_000)

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		require.Contains(t, []string{"/tree", "/saga", "/hostile", "/large", "/favicon.ico"}, asked)
	}
}

// TestDocumentInBrowser: a browser makes the same elements of a hostile page as were written, and no script runs.
func TestDocumentInBrowser(t *testing.T) {
	t.Parallel()
	path := browser(t)
	root := newForge("Root", "root", "Running").Instance
	for _, text := range hostile {
		i := evil(text)
		i.ID += "-" // an ID of its own
		root.Children = append(root.Children, i)
	}
	page := html(t, root, report.HTMLOptions{Now: epoch.Add(time.Hour)})
	requireHarmless(t, page)
	file := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(file, page, 0o644))
	dom, _ := browse(t, path, "--dump-dom", "file://"+file)
	require.Equal(t, elementCounts(page), elementCounts(dom))
}

// elementCounts counts the elements of a page by name.
func elementCounts(page []byte) map[string]int {
	counts := make(map[string]int)
	for _, m := range tag.FindAllSubmatch(page, -1) {
		if name := string(m[2]); len(m[1]) == 0 && name != "!doctype" && name != "!DOCTYPE" {
			counts[name]++
		}
	}
	return counts
}
