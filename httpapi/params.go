package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-durable/durable"
)

// params are the parameters of a query, by their names in lower case. What cannot be read is an error, never the
// default: a parameter that was meant to narrow must not widen.
type params map[string][]string

// parseParams reads a query. Only & separates: clients leave ; in reasons as it is.
func parseParams(query string) (params, error) {
	p := params{}
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, badRequest("The query holds an escape that cannot be read")
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, badParam(name, "holds an escape that cannot be read")
		}
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			p[name] = append(p[name], value)
		}
	}
	return p, nil
}

// badParam is the error for a parameter.
func badParam(name, why string) error {
	return badRequest(fmt.Sprintf("The parameter '%s' %s", name, why))
}

func badRequest(message string) error {
	return &apiError{status: http.StatusBadRequest, message: message}
}

// first returns the first value of a parameter, or "".
func (p params) first(name string) string {
	if values := p[strings.ToLower(name)]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// single returns the value of a parameter, without the blanks around it; "" if it is absent.
func (p params) single(name string) (string, error) {
	if len(p[strings.ToLower(name)]) > 1 {
		return "", badParam(name, "is given more than once")
	}
	return strings.TrimSpace(p.first(name)), nil
}

// parse reads a parameter. One that is absent or blank has the default.
func parse[T any](p params, name string, absent T, kind string, read func(string) (T, bool)) (T, error) {
	text, err := p.single(name)
	if err != nil || text == "" {
		return absent, err
	}
	v, ok := read(text)
	if !ok {
		return absent, badParam(name, "is not "+kind)
	}
	return v, nil
}

func (p params) bool(name string, absent bool) (bool, error) {
	return parse(p, name, absent, "true or false", func(s string) (bool, bool) {
		return strings.EqualFold(s, "true"), strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
	})
}

// top returns how many rows are wanted, 0 if the caller does not say.
func (p params) top() (int, error) {
	return parse(p, "top", 0, "a whole number above 0", func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil && n > 0
	})
}

// seconds returns a duration, and whether there is one.
func (p params) seconds(name string) (d time.Duration, given bool, err error) {
	const none = time.Duration(-1)
	d, err = parse(p, name, none, "a number of seconds", func(s string) (time.Duration, bool) {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) || n < 0 {
			return none, false
		}
		return time.Duration(min(n*float64(time.Second), float64(math.MaxInt64/2))), true
	})
	return d, d != none, err
}

// timeForms are the forms of times that clients send: the JavaScript SDK sends milliseconds, the Python SDK
// microseconds, both in UTC; people send dates.
var timeForms = []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly}

var (
	// shortYear is how Python writes years before 1000 on Linux.
	shortYear = regexp.MustCompile(`^\d{1,3}-`)
	// lostPlus is an offset whose plus sign was not escaped, so that it reads as a blank.
	lostPlus = regexp.MustCompile(`(T\d\d:\d\d[\d:.]*) (\d\d:\d\d)$`)
)

func readTime(s string) (time.Time, bool) {
	if year := shortYear.FindString(s); year != "" {
		s = strings.Repeat("0", len("0000-")-len(year)) + s
	}
	s = lostPlus.ReplaceAllString(s, "$1+$2")
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// dawn is the first time that the table service knows. Nothing is older, so it stands for all times before it.
var dawn = time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)

// time returns a bound in time, zero if there is none.
func (p params) time(name string) (time.Time, error) {
	return parse(p, name, time.Time{}, "a time such as 2006-01-02T15:04:05Z, or a date such as 2006-01-02",
		func(s string) (time.Time, bool) {
			t, ok := readTime(s)
			if t.Before(dawn) {
				t = dawn
			}
			return t, ok
		})
}

var statuses = []durable.RuntimeStatus{
	durable.RuntimeStatusPending, durable.RuntimeStatusRunning, durable.RuntimeStatusSuspended,
	durable.RuntimeStatusContinuedAsNew, durable.RuntimeStatusCompleted, durable.RuntimeStatusFailed,
	durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated,
}

// statuses returns the states wanted, separated by commas or given in several parameters; none if the caller names
// none. Names are compared without case.
func (p params) statuses() ([]durable.RuntimeStatus, error) {
	const name = "runtimeStatus"
	var found []durable.RuntimeStatus
	for _, value := range p[strings.ToLower(name)] {
		for text := range strings.SplitSeq(value, ",") {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			i := slices.IndexFunc(statuses, func(s durable.RuntimeStatus) bool { return strings.EqualFold(string(s), text) })
			if i < 0 {
				return nil, badParam(name, fmt.Sprintf("names the state '%s', which does not exist", text))
			}
			if !slices.Contains(found, statuses[i]) {
				found = append(found, statuses[i])
			}
		}
	}
	return found, nil
}
