package cli

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// reportEvery is how often progress is told where there is no terminal.
const reportEvery = 5 * time.Second

// progress tells how far a command is: with a bar on a terminal, with a line every few seconds otherwise. It is safe
// for concurrent use.
type progress struct {
	a     *app
	what  string
	total int

	mu      sync.Mutex
	bar     *progressbar.ProgressBar
	begun   time.Time
	told    time.Time
	current int

	// stop and followed are about the goroutine that follow has started, if any.
	stop     chan struct{}
	followed sync.WaitGroup
}

// progress begins to tell. A total of 0 is not known.
func (a *app) progress(what string, total int) *progress {
	now := time.Now()
	p := &progress{a: a, what: what, total: total, begun: now, told: now}
	if a.isTerminal(a.stderr) {
		limit := total
		if total == 0 {
			limit = -1
		}
		p.bar = progressbar.NewOptions(limit,
			progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(barWidth),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("instances"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSpinnerType(14), progressbar.OptionSetSpinnerChangeInterval(0),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]"}),
		)
	}
	return p
}

const barWidth = 24

// set says how many are done.
func (p *progress) set(done int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = done
	if p.bar != nil {
		_ = p.bar.Set(done)
		return
	}
	if now := time.Now(); now.Sub(p.told) >= reportEvery {
		p.told = now
		p.a.say("%s", p.line(now))
	}
}

// line tells how many are done, how fast it goes, and how long it will take.
func (p *progress) line(now time.Time) string {
	rate := float64(p.current) / now.Sub(p.begun).Seconds()
	if p.total == 0 {
		return fmt.Sprintf("%s: %s, %.0f/s", p.what, number(p.current), rate)
	}
	left := ""
	if rate > 0 && p.current < p.total {
		left = ", " + duration(time.Duration(float64(p.total-p.current)/rate*float64(time.Second)).Round(time.Second)) + " left"
	}
	return fmt.Sprintf("%s: %s of %s, %.0f/s%s", p.what, number(p.current), number(p.total), rate, left)
}

// end takes the bar off the screen.
func (p *progress) end() {
	if p.stop != nil {
		close(p.stop)
		p.followed.Wait()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
		_ = p.bar.Exit()
	}
}
