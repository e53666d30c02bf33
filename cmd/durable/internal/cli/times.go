package cli

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// layouts are the forms in which a time can be given. Without a zone it is in UTC.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04",
	"2006-01-02 15:04:05.999999999", "2006-01-02 15:04", time.DateOnly,
}

// parseTime reads a time: a point in time, a word for a day, or how long ago it was.
func parseTime(given string, now time.Time) (time.Time, error) {
	now = now.UTC()
	today := now.Truncate(24 * time.Hour)
	switch strings.ToLower(strings.TrimSpace(given)) {
	case "now":
		return now, nil
	case "today":
		return today, nil
	case "yesterday":
		return today.AddDate(0, 0, -1), nil
	case "tomorrow":
		return today.AddDate(0, 0, 1), nil
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, strings.TrimSpace(given), time.UTC); err == nil {
			return t.UTC(), nil
		}
	}
	d, err := parseDuration(given)
	if err != nil {
		return time.Time{}, usageError("%q is no time; give one as 2018-03-10T10:01:00Z, 2018-03-10, yesterday, 7d or 2h", given)
	}
	return now.Add(-d), nil
}

// parseDuration reads a duration that may also have days and weeks: 2w, 7d, 1d12h, 90s. It refuses what is longer than a
// time.Duration can be, which is 292 years.
func parseDuration(given string) (time.Duration, error) {
	invalid := usageError("%q is no duration; give one as 7d, 2h, 30m or 90s", given)
	rest := strings.ToLower(strings.TrimSpace(given))
	var total time.Duration
	for _, unit := range []struct {
		name string
		d    time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, found := strings.Cut(rest, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || time.Duration(n) > (math.MaxInt64-total)/unit.d {
			return 0, invalid
		}
		total += time.Duration(n) * unit.d
		if rest = after; rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > math.MaxInt64-total {
		return 0, invalid
	}
	return total + d, nil
}

// timeFlag and durationFlag are flags of these kinds.
type timeFlag struct {
	text string
	t    time.Time
	now  func() time.Time
}

func (f *timeFlag) Set(given string) (err error) {
	f.text = given
	f.t, err = parseTime(given, f.now())
	return err
}
func (f *timeFlag) String() string { return f.text }
func (f *timeFlag) Type() string   { return "time" }

type durationFlag struct{ d time.Duration }

func (f *durationFlag) Set(given string) (err error) {
	f.d, err = parseDuration(given)
	return err
}

func (f *durationFlag) String() string {
	if f.d == 0 {
		return ""
	}
	return text.Duration(f.d)
}
func (f *durationFlag) Type() string { return "duration" }
