package operate

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/wire"
)

// judge suspects an instance, or reports at once what needs no second look.
func (d *doctor) judge(g *digest) error {
	if g.row == nil {
		if d.old(g.written) {
			return d.suspect(KindHistoryWithoutRow, g)
		}
		return nil
	}
	if err := d.checkTexts(g); err != nil {
		return err
	}
	status := g.row.RuntimeStatus
	switch {
	case !wire.KnownStatus(status) && d.old(g.row.Timestamp):
		return d.report(g.finding(KindIncomplete, "its row has no state that is known, and nothing else was looked for",
			fmt.Sprintf("RuntimeStatus is %q", status)))
	case g.damaged && !wire.Terminal(status) && g.current() && d.old(g.written):
		return d.suspect(KindIncomplete, g)
	case status == wire.StatusFailed:
		if g.rewound && g.current() {
			return d.suspect(KindBrokenByRewind, g)
		}
		return nil
	case wire.Terminal(status):
		return nil
	case isEntity(g.row.ID, g.row.Name):
		s, ok := wire.DecodeEntityStatus([]byte(g.row.CustomStatus.Text))
		if ok && s.LockedBy != "" && d.old(g.row.Timestamp) {
			return d.suspect(KindEntityLockOrphaned, g)
		}
		return nil
	}
	if err := d.checkCase(g); err != nil {
		return err
	}
	return d.judgeRunning(g)
}

// judgeRunning suspects an orchestration that has not ended by its row.
func (d *doctor) judgeRunning(g *digest) error {
	switch {
	case !g.current():
		due := later(g.row.CreatedTime.Time(), g.row.ScheduledStartTime.Time())
		if g.row.RuntimeStatus == wire.StatusPending && d.old(due) && d.old(g.row.Timestamp) {
			return d.suspect(KindStartNotSent, g)
		}
	case !d.old(g.written) || !g.sentinel || !g.complete:
	case wire.Terminal(g.ended):
		return d.suspect(KindRowBehindHistory, g)
	case g.ended != "" || g.suspended:
	case g.unwoken():
		return d.suspect(KindWakeNotSent, g)
	case g.crowded:
		return d.suspect(KindActivityLost, g) // it is too long to be looked at
	case running(g.row.RuntimeStatus):
		for _, a := range g.open {
			if d.overdue(a.eventType, a.since, a.due) {
				return d.suspect(KindActivityLost, g) // whatever it is that is lost
			}
		}
	}
	return nil
}

// old reports whether a time lies far enough back.
func (d *doctor) old(t time.Time) bool { return d.in.Hub.Now().Sub(t) >= d.opts.Grace }

// overdue reports whether an open action has had time enough.
func (d *doctor) overdue(eventType string, since, due time.Time) bool {
	return d.old(since) && (eventType != wire.TimerCreated || d.old(due))
}

// checkTexts reports texts that .NET takes for URLs.
func (d *doctor) checkTexts(g *digest) error {
	l := &look{inside: d.in, row: g.row}
	for _, c := range unreadableColumns(l) {
		f := g.finding(KindUnreadableForDotNet,
			fmt.Sprintf("its %s reads as a URI, so that .NET clients and the HTTP API fail to read the instance", c.Name),
			fmt.Sprintf("%s, %s", c.Name, count(utf8.RuneCountInString(c.Text), "character")))
		if err := d.report(f); err != nil {
			return err
		}
	}
	return nil
}

// checkCase reports IDs that differ only in case: engines delay such instances by seconds (observed on 1.17.5). In the
// order of keys upper case comes before lower case, so that of two such IDs the first holds an upper-case letter.
func (d *doctor) checkCase(g *digest) error {
	if !d.wants(KindIDsDifferByCase, KindIncomplete) {
		return nil
	}
	id := g.row.ID
	folded := strings.ToLower(id)
	other, found := d.names[folded]
	switch {
	case found && other != id:
		return d.report(newFinding(KindIDsDifferByCase, id, fmt.Sprintf("%q and %q differ only in case, and neither has ended", other, id),
			"the other one is "+other))
	case folded == id, found:
		return nil
	case len(d.names) < d.most.names:
		d.names[folded] = strings.Clone(id) // as in suspect
		return nil
	case d.full:
		return nil
	}
	d.full = true
	return d.report(newFinding(KindIncomplete, "", "there are too many IDs with upper-case letters to find those that differ only in case",
		fmt.Sprintf("more than %d of them have not ended", d.most.names)))
}
