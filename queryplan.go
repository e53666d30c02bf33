package durable

import (
	"strings"
	"sync"

	"github.com/go-durable/durable/internal/storage"
)

// QueryPlan tells how a query is evaluated and what it has cost.
type QueryPlan struct {
	// Pushed is the condition that the table service evaluates, in its language; "" is none.
	Pushed string
	// Local are the conditions that are evaluated here alone, on every row that the service returns.
	Local []string
	// Columns are the columns that are fetched.
	Columns []string

	mu    sync.Mutex
	stats QueryStats
}

// QueryStats is what a query has cost.
type QueryStats struct {
	// Scanned is the number of rows that the table service returned, Returned that of the instances that matched.
	Scanned, Returned int
	// Pages is the number of pages, Requests that of all requests, payloads included.
	Pages, Requests int
}

// Stats returns what the query has cost so far. It is safe to call while the query runs.
func (p *QueryPlan) Stats() QueryStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// Explain tells how QueryInstances would evaluate a filter. It sends nothing. To see what a query costs, give the plan
// to it in [QueryOptions]. It returns [ErrInvalidArgument].
func (c *OrchestrationClient) Explain(filter *InstanceFilter) (*QueryPlan, error) {
	q, err := filter.compile()
	if err != nil {
		return nil, c.fail("Explain", "", err)
	}
	q.columns = q.statusColumns()
	p := &QueryPlan{}
	q.describe(p)
	return p, nil
}

func (q *query) describe(p *QueryPlan) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Pushed, p.Local, p.Columns, p.stats = storage.Render(q.pushed), q.local, q.columns, QueryStats{}
}

// String returns the plan for a person to read.
func (p *QueryPlan) String() string {
	pushed := p.Pushed
	if pushed == "" {
		pushed = "everything"
	}
	local := "nothing"
	if len(p.Local) > 0 {
		local = strings.Join(p.Local, ", ")
	}
	return "service: " + pushed + "\nhere: " + local + "\ncolumns: " + strings.Join(p.Columns, ", ")
}

func (p *QueryPlan) add(change func(*QueryStats)) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.stats)
}

func (p *QueryPlan) addPage(rows int) {
	p.add(func(s *QueryStats) { s.Pages++; s.Requests++; s.Scanned += rows })
}

func (p *QueryPlan) addRequests(n int) { p.add(func(s *QueryStats) { s.Requests += n }) }

func (p *QueryPlan) addReturned(n int) { p.add(func(s *QueryStats) { s.Returned += n }) }
