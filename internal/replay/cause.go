package replay

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/wire"
)

// verdict is what became of a failure.
type verdict int

const (
	fatal   verdict = iota
	retried         // tried once more
	handled         // the orchestrator went on, by other means
)

// cause is a failure and what became of it.
type cause struct {
	action  *Action
	episode int // the one that acted on the failure
	verdict verdict
	why     string
	// reaction is what the orchestrator did because of a fatal failure, as far as it can be told.
	reaction []*Action
	// sure says that nothing else can have been behind what the episode did.
	sure bool
}

// judge tells the failures that were fatal to the run from those that were not.
func (p *planner) judge() []*cause {
	h, endEpisode := p.History, p.endEpisode()
	var causes []*cause
	for _, a := range h.actions {
		if a.Failed() {
			causes = append(causes, &cause{action: a, episode: h.episode[a.done[0]]})
		}
	}
	slices.SortFunc(causes, func(a, b *cause) int { return cmp.Compare(a.action.done[0], b.action.done[0]) })
	claimed := map[*Action]bool{}
	for _, c := range causes {
		h.judgeOne(c, endEpisode, claimed)
		// A failure that an earlier rewind left standing was not fatal then. What was done because of it may have been
		// done again since, in another episode.
		if c.verdict == fatal && c.action.done[0] < p.from {
			c.verdict, c.sure = handled, h.messages[c.episode] == 1 && h.tookAny(c.episode)
		}
	}
	return causes
}

// tookAny reports whether an action was taken in an episode, even if it was taken back since.
func (h *History) tookAny(episode int) bool {
	for i := range h.rows {
		if h.episode[i] == episode && isAction(original(h.rows[i])) {
			return true
		}
	}
	return false
}

func (h *History) judgeOne(c *cause, endEpisode int, claimed map[*Action]bool) {
	did := h.taken[c.episode]
	timers, others := split(did)
	alone := h.messages[c.episode] == 1
	switch {
	case c.episode == endEpisode:
		c.why, c.sure = "the orchestration ended when it arrived", true
	case len(timers) > 0:
		h.judgeRetry(c, timers, endEpisode, claimed)
		if c.verdict == fatal && alone {
			c.reaction = did
		}
		c.sure = alone && (c.sure || len(others) > 0 && c.verdict != fatal)
	case len(did) > 0:
		c.verdict, c.sure = handled, alone
	default:
		c.why = "the orchestration did nothing in answer to it"
	}
}

// judgeRetry looks at what followed the timers of a retry policy.
func (h *History) judgeRetry(c *cause, timers []*Action, endEpisode int, claimed map[*Action]bool) {
	var next []*Action
	for _, t := range timers {
		if t.Open() {
			continue
		}
		fired := h.episode[t.done[0]]
		_, others := split(h.taken[fired])
		for _, a := range others {
			if fired != endEpisode || a.same(c.action) {
				next = append(next, a)
				c.sure = c.sure || h.messages[fired] == 1
			}
		}
	}
	i := slices.IndexFunc(next, func(a *Action) bool { return a.same(c.action) && !claimed[a] })
	switch {
	case i >= 0:
		claimed[next[i]] = true
		c.verdict = retried
	case len(next) > 0:
		c.verdict = handled
	default:
		c.reaction = timers
		c.why = "nothing followed the timers that were set in answer to it: its retries were exhausted, or did not come about"
	}
}

// split parts timers from all other actions.
func split(actions []*Action) (timers, others []*Action) {
	for _, a := range actions {
		if a.Type == wire.TimerCreated {
			timers = append(timers, a)
		} else {
			others = append(others, a)
		}
	}
	return timers, others
}

// rethrown picks the failure that the orchestrator caught and then ended by, if none is fatal in itself, and reports
// whether the end names it.
func rethrown(causes []*cause, end *wire.Event) (c *cause, named bool) {
	for _, c := range slices.Backward(causes) {
		if c.namedBy(end) {
			return c, true
		}
	}
	return causes[len(causes)-1], false
}

// namedBy reports whether an end names what failed.
func (c *cause) namedBy(end *wire.Event) bool {
	name := c.action.Name
	return name != "" && (strings.Contains(end.Result, name) || strings.Contains(end.FailureDetails, name))
}
