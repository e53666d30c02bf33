package screen

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	pretty "github.com/jedib0t/go-pretty/v6/text"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// Table is a table on its way to the screen.
type Table struct {
	Headers []string
	// Right says which columns are numbers.
	Right map[int]bool
	// Colour returns the colour of a cell; nil is none.
	Colour func(column int, cell string) Colour
	// Optional are columns that are left out on a narrow terminal, the first one first. Where that is not enough those in
	// Cut are made narrower, beginning with the first.
	Optional, Cut []int

	rows [][]string
}

// Add adds a row.
func (t *Table) Add(cells ...string) {
	for i, c := range cells {
		cells[i] = text.OneLine(c)
	}
	t.rows = append(t.rows, cells)
}

// Len is how many rows there are.
func (t *Table) Len() int { return len(t.rows) }

// Limit leaves out all rows but the first n, and returns how many these are.
func (t *Table) Limit(n int) (left int) {
	left = max(len(t.rows)-n, 0)
	t.rows = t.rows[:len(t.rows)-left]
	return left
}

const columnGap = 2

// Table prints a table; with nothing in it, it only says so.
func (s *Screen) Table(t *Table, none string) error {
	if len(t.rows) == 0 {
		s.Say("%s", none)
		return nil
	}
	widths, hidden := t.fit(s.Columns())
	w := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", strings.Repeat(" ", columnGap)
	style.Format.Header = pretty.FormatDefault
	w.SetStyle(style)
	configs := make([]table.ColumnConfig, len(t.Headers))
	for i := range t.Headers {
		configs[i] = table.ColumnConfig{Number: i + 1, Hidden: hidden[i]}
		if t.Right[i] {
			configs[i].Align, configs[i].AlignHeader = pretty.AlignRight, pretty.AlignRight
		}
	}
	w.SetColumnConfigs(configs)
	w.AppendHeader(s.row(t, t.Headers, widths, Bold))
	for _, r := range t.rows {
		w.AppendRow(s.row(t, r, widths, ""))
	}
	for line := range strings.Lines(w.Render() + "\n") {
		if err := s.Print("%s", strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// row makes a row of cells that are as wide as they may be.
func (s *Screen) row(t *Table, cells []string, widths []int, colour Colour) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		paint := colour
		if paint == "" && t.Colour != nil {
			paint = t.Colour(i, c)
		}
		row[i] = s.Paint(paint, text.Shorten(c, widths[i]))
	}
	return row
}

// fit returns how wide each column may be, and which are left out. A limit of 0 is none.
func (t *Table) fit(limit int) (widths []int, hidden map[int]bool) {
	widths, hidden = make([]int, len(t.Headers)), make(map[int]bool)
	for _, r := range append([][]string{t.Headers}, t.rows...) {
		for i, c := range r {
			widths[i] = max(widths[i], text.Width(c))
		}
	}
	over := func() int {
		sum := -columnGap
		for i, w := range widths {
			if !hidden[i] {
				sum += w + columnGap
			}
		}
		return sum - limit
	}
	if limit == 0 {
		return widths, hidden
	}
	for _, i := range t.Optional {
		if over() > 0 {
			hidden[i] = true
		}
	}
	for _, i := range t.Cut {
		if n := over(); n > 0 {
			widths[i] = max(widths[i]-n, min(widths[i], text.Narrowest))
		}
	}
	return widths, hidden
}
