package cli

import (
	"strconv"
	"strings"
	"time"
)

// layouts are the forms in which a time can be given. Without a zone it is in UTC.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04",
	"2006-01-02 15:04:05.999999999", "2006-01-02 15:04", time.DateOnly,
}

// parseTime reads a time: a point in time, a word for a day, or how long ago it was.
func parseTime(text string, now time.Time) (time.Time, error) {
	now = now.UTC()
	today := now.Truncate(24 * time.Hour)
	switch strings.ToLower(strings.TrimSpace(text)) {
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
		if t, err := time.ParseInLocation(layout, strings.TrimSpace(text), time.UTC); err == nil {
			return t.UTC(), nil
		}
	}
	d, err := parseDuration(text)
	if err != nil {
		return time.Time{}, usageError("%q is no time; give one as 2018-03-10T10:01:00Z, 2018-03-10, yesterday, 7d or 2h", text)
	}
	return now.Add(-d), nil
}

// parseDuration reads a duration that may also have days and weeks: 2w, 7d, 1d12h, 90s.
func parseDuration(text string) (time.Duration, error) {
	rest := strings.ToLower(strings.TrimSpace(text))
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
		if err != nil {
			return 0, usageError("%q is no duration; give one as 7d, 2h, 30m or 90s", text)
		}
		total += time.Duration(n) * unit.d
		if rest = after; rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || total+d < total {
		return 0, usageError("%q is no duration; give one as 7d, 2h, 30m or 90s", text)
	}
	return total + d, nil
}

// timeFlag and durationFlag are flags of these kinds.
type timeFlag struct {
	text string
	t    time.Time
	now  func() time.Time
}

func (f *timeFlag) Set(text string) (err error) {
	f.text = text
	f.t, err = parseTime(text, f.now())
	return err
}
func (f *timeFlag) String() string { return f.text }
func (f *timeFlag) Type() string   { return "time" }

type durationFlag struct{ d time.Duration }

func (f *durationFlag) Set(text string) (err error) {
	f.d, err = parseDuration(text)
	return err
}

func (f *durationFlag) String() string {
	if f.d == 0 {
		return ""
	}
	return duration(f.d)
}
func (f *durationFlag) Type() string { return "duration" }

// stamp writes a time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// duration writes a duration, rounded to what a person cares about.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
