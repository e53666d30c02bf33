package screen

// List is a list that is written while it comes to be: as text or lines of JSON one by one, in other formats at its end.
type List struct {
	screen *Screen
	format string
	docs   []any
}

// ListFound begins a list of what is found: text on a terminal, lines of JSON otherwise, unless the user has asked for
// something else.
func (s *Screen) ListFound() *List {
	otherwise := FormatJSONL
	if IsTerminal(s.Stdout) {
		otherwise = FormatTable
	}
	return s.list(otherwise)
}

// ListDone begins a list of what is done: text, unless the user has asked for something else.
func (s *Screen) ListDone() *List { return s.list(FormatTable) }

func (s *Screen) list(otherwise string) *List {
	return &List{screen: s, format: s.FormatOr(otherwise), docs: []any{}}
}

// IsText reports whether the list is written for people.
func (l *List) IsText() bool { return l.format == FormatTable }

// Add adds a document, or shows it in its place. A bar, if it is not nil, stays below the list.
func (l *List) Add(bar *Progress, doc any, show func() error) error {
	switch l.format {
	case FormatTable:
		return bar.Above(show)
	case FormatJSONL:
		return bar.Above(func() error { return l.screen.WriteAs(FormatJSONL, doc) })
	}
	l.docs = append(l.docs, doc)
	return nil
}

// End writes what is not written yet.
func (l *List) End() error {
	if l.format == FormatTable || l.format == FormatJSONL {
		return nil
	}
	return l.screen.WriteAs(l.format, l.docs)
}
