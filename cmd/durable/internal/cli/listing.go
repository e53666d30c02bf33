package cli

// listing is a list that is written while it comes to be: as text or lines of JSON one by one, in other formats at its end.
type listing struct {
	a      *app
	format string
	docs   []any
}

// streamed begins a list of what is found: text on a terminal, lines of JSON otherwise.
func (a *app) streamed() (*listing, error) {
	otherwise := formatJSONL
	if a.isTerminal(a.stdout) {
		otherwise = formatTable
	}
	f, err := a.format(otherwise)
	return &listing{a: a, format: f, docs: []any{}}, err
}

// told begins a list of what is done: text, unless the user has asked for something else.
func (a *app) told() (*listing, error) {
	f, err := a.format(formatTable)
	return &listing{a: a, format: f, docs: []any{}}, err
}

// add adds a document, or shows it in its place. A bar, if there is one, stays below the list.
func (l *listing) add(bar *progress, doc any, show func() error) error {
	switch l.format {
	case formatTable:
		return bar.above(show)
	case formatJSONL:
		return bar.above(func() error { return l.a.write(formatJSONL, doc) })
	}
	l.docs = append(l.docs, doc)
	return nil
}

// end writes what is not written yet.
func (l *listing) end() error {
	if l.format == formatTable || l.format == formatJSONL {
		return nil
	}
	return l.a.write(l.format, l.docs)
}

// above writes something while the bar is off the screen. The progress may be nil.
func (p *progress) above(write func() error) error {
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
