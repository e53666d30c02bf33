package screen

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// reportEvery is how often progress is told where there is no terminal.
const reportEvery = 5 * time.Second

// Progress tells how far a command is: with a bar on a terminal, with a line every few seconds otherwise. It is safe
// for concurrent use.
type Progress struct {
	screen *Screen
	what   string
	total  int

	mu      sync.Mutex
	bar     *progressbar.ProgressBar
	begun   time.Time
	told    time.Time
	current int

	// stop and followed are about the goroutine that Follow has started, if any.
	stop     chan struct{}
	followed sync.WaitGroup
}

// Progress begins to tell. A total of 0 is not known.
func (s *Screen) Progress(what string, total int) *Progress {
	now := time.Now()
	p := &Progress{screen: s, what: what, total: total, begun: now, told: now}
	if IsTerminal(s.Stderr) {
		limit := total
		if total == 0 {
			limit = -1
		}
		p.bar = progressbar.NewOptions(limit,
			progressbar.OptionSetWriter(s.Stderr), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(barWidth),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("instances"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSpinnerType(14), progressbar.OptionSetSpinnerChangeInterval(0),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]"}),
		)
	}
	return p
}

const (
	barWidth    = 24
	followEvery = 200 * time.Millisecond
)

// Set says how many are done.
func (p *Progress) Set(done int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = done
	if p.bar != nil {
		_ = p.bar.Set(done)
		return
	}
	if now := time.Now(); now.Sub(p.told) >= reportEvery {
		p.told = now
		p.screen.Say("%s", p.line(now))
	}
}

// Follow asks again and again how many are done, until the end.
func (p *Progress) Follow(done func() int) {
	p.stop = make(chan struct{})
	p.followed.Go(func() {
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				p.Set(done())
			}
		}
	})
}

// Above writes something while the bar is off the screen. On a nil Progress it only writes.
func (p *Progress) Above(write func() error) error {
	if p == nil {
		return write()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	return write()
}

// line tells how many are done, how fast it goes, and how long it will take.
func (p *Progress) line(now time.Time) string {
	rate := float64(p.current) / now.Sub(p.begun).Seconds()
	if p.total == 0 {
		return fmt.Sprintf("%s: %s, %.0f/s", p.what, text.Number(p.current), rate)
	}
	left := ""
	if rate > 0 && p.current < p.total {
		left = ", " + text.Duration(time.Duration(float64(p.total-p.current)/rate*float64(time.Second)).Round(time.Second)) + " left"
	}
	return fmt.Sprintf("%s: %s of %s, %.0f/s%s", p.what, text.Number(p.current), text.Number(p.total), rate, left)
}

// End takes the bar off the screen.
func (p *Progress) End() {
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
