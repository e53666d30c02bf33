package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/wire"
)

// suspect is something that may be wrong.
type suspect struct {
	kind    FindingKind
	id, key string
	// rows is how long its history is.
	rows   int
	folder *scan.Folder
	// noted is when, by a clock that only goes forward, and queues what the queues were like then.
	noted  time.Time
	queues *queueLook
	// again says that the suspect was put off once.
	again bool
	// undecided says that there may be a message or work item for it that cannot be seen.
	undecided bool
}

// restsOnQueues reports whether the suspicion rests on there being no message.
func (s *suspect) restsOnQueues() bool {
	return s.kind != KindRowBehindHistory && s.kind != KindBrokenByRewind && s.kind != KindIncomplete
}

// explained reports whether a look at the queues shows, or cannot rule out, what explains the suspicion.
func (s *suspect) explained(look *queueLook) bool {
	switch {
	case !s.restsOnQueues():
		return false
	case s.kind == KindHistoryWithoutRow, s.kind == KindWakeNotSent:
		return !look.idle(s.id)
	default:
		return !look.none(s.id)
	}
}

// tooEarly reports whether the queues were busy at first and are not any more: this is the first look, then.
func (s *suspect) tooEarly(now *queueLook) bool {
	if s.again {
		return false
	}
	return s.explained(s.queues) && !s.explained(now) || s.kind == KindActivityLost && !s.queues.idle(s.id) && now.idle(s.id)
}

const (
	// maxSuspects bounds the suspects that wait for their second look: some ten megabytes. When there are as many, the
	// walk waits with them, which takes an interval.
	maxSuspects = 1 << 16
	// longHistory is from how many rows on they are read of one suspect at a time.
	longHistory = 5_000
	// lookedAtOnce is how many of them are looked at before what was found is reported.
	lookedAtOnce = 4096
)

func (d *doctor) suspect(kind FindingKind, g *digest) error {
	wanted := []FindingKind{kind}
	if kind == KindActivityLost {
		wanted = append(wanted, KindTimerLost, KindAnswerLost)
	}
	if !d.wants(wanted...) {
		return nil
	}
	if g.rows > d.most.rows && kind != KindHistoryWithoutRow {
		return d.report(g.finding(KindIncomplete, "its history is too long to be looked at again by itself",
			fmt.Sprintf("%s, suspected of %s", count(g.rows, "row"), kind)))
	}
	key := strings.Clone(g.key) // what is cut out of an answer keeps the whole page in memory
	return d.add(suspect{kind: kind, id: wire.UnescapeKey(key), key: key, rows: g.rows})
}

// suspectFolder suspects payloads of belonging to nobody.
func (d *doctor) suspectFolder(f *scan.Folder) error {
	if f.Name == "" || d.in.Hub.Now().Sub(f.Newest) < d.opts.PayloadGrace {
		return nil
	}
	return d.add(suspect{kind: KindPayloadsWithoutInstance, id: f.Name, key: f.Name, folder: f})
}

func (d *doctor) add(s suspect) error {
	if s.restsOnQueues() && d.queues.shows(s.id) {
		return nil // it goes on when that is handled
	}
	s.noted, s.queues = time.Now(), d.queues
	d.suspects = append(d.suspects, s)
	if len(d.suspects) < maxSuspects {
		return nil
	}
	return d.confirm(true)
}

// batch is how many suspects must be due before the queues are looked at again for them.
const batch = 256

// confirm looks again at the suspects whose time has come: at all of them, if it shall wait for that.
func (d *doctor) confirm(wait bool) error {
	for len(d.suspects) > 0 {
		due := d.due()
		if !wait && due < batch {
			return nil
		}
		if due < len(d.suspects) && wait {
			if err := parallel.SleepUntil(d.ctx, d.suspects[len(d.suspects)-1].noted.Add(d.opts.Interval)); err != nil {
				return err
			}
			due = len(d.suspects)
		}
		due = min(due, lookedAtOnce)
		now := d.suspects[:due]
		d.suspects = append([]suspect(nil), d.suspects[due:]...)
		if err := d.lookAgain(now); err != nil {
			return err
		}
	}
	return nil
}

// due is how many suspects have waited for long enough.
func (d *doctor) due() int {
	n := 0
	for n < len(d.suspects) && time.Since(d.suspects[n].noted) >= d.opts.Interval {
		n++
	}
	return n
}

// lookAgain looks at the queues and then at each suspect by itself. In this order: what has left the queues by then is in
// the tables.
func (d *doctor) lookAgain(suspects []suspect) error {
	var err error
	if d.queues, err = lookAtQueues(d.ctx, d.in.Hub); err != nil {
		return err
	}
	found := make([][]Finding, len(suspects))
	err = untilError(d.ctx, len(suspects), func(ctx context.Context, i int) (err error) {
		switch s := &suspects[i]; {
		case s.tooEarly(d.queues):
		case s.explained(s.queues), s.explained(d.queues):
			s.undecided = !d.queues.shows(s.id)
		default:
			if found[i], err = d.examine(ctx, s); err != nil {
				err = fmt.Errorf("look at %q: %w", s.id, err)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for i, findings := range found {
		if s := suspects[i]; s.tooEarly(d.queues) {
			s.again = true
			if err := d.add(s); err != nil {
				return err
			}
		}
		if suspects[i].undecided {
			d.progress.Undecided++
		}
		for _, f := range findings {
			if err := d.report(f); err != nil {
				return err
			}
		}
	}
	return nil
}
