package report

import (
	"slices"
	"time"
)

// What the tests look at from outside.
var (
	Width         = width
	Fit           = fit
	Duration      = duration
	OneLine       = oneLine
	MermaidEscape = mermaidEscape
	PlainText     = plainText
)

// Readable is a payload as the page shows it.
func Readable(payload string, limit int) string {
	return readable(text{"", cutString(payload, limit), len(payload)})
}

// OpenActions are the event IDs of the actions that an instance waits for, in order.
func OpenActions(i *Instance, now time.Time) []int {
	var ids []int
	for _, s := range newRun(i, now).open() {
		if s.id >= 0 {
			ids = append(ids, s.id)
		}
	}
	slices.Sort(ids)
	return ids
}
