package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// grid is a table on its way to the screen.
type grid struct {
	headers []string
	rows    [][]string
	// right says which columns are numbers.
	right map[int]bool
	// colour returns the colour of a cell, or "".
	colour func(column int, cell string) string
	// optional are columns that are left out of a narrow terminal, the first one first; the others are cut if need be,
	// beginning with cut.
	optional []int
	cut      []int
}

func (g *grid) add(cells ...string) {
	for i, c := range cells {
		cells[i] = oneLine(c)
	}
	g.rows = append(g.rows, cells)
}

const (
	columnGap = 2
	narrowest = 8
)

// show prints the table; with nothing in it, only the fact.
func (a *app) show(g *grid, none string) error {
	if len(g.rows) == 0 {
		a.say("%s", none)
		return nil
	}
	widths, hidden := g.fit(a.columns())
	w := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", strings.Repeat(" ", columnGap)
	style.Format.Header = text.FormatDefault
	w.SetStyle(style)
	configs := make([]table.ColumnConfig, len(g.headers))
	for i := range g.headers {
		configs[i] = table.ColumnConfig{Number: i + 1, Hidden: hidden[i]}
		if g.right[i] {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	w.SetColumnConfigs(configs)
	w.AppendHeader(a.row(g, g.headers, widths, bold))
	for _, r := range g.rows {
		w.AppendRow(a.row(g, r, widths, ""))
	}
	for line := range strings.Lines(w.Render() + "\n") {
		if err := a.print("%s", strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// row makes a row of cells that are as wide as they may be.
func (a *app) row(g *grid, cells []string, widths []int, colour string) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		paint := colour
		if paint == "" && g.colour != nil {
			paint = g.colour(i, c)
		}
		row[i] = a.paint(a.stdout, paint, shorten(c, widths[i]))
	}
	return row
}

// fit returns how wide each column may be, and which are left out. A limit of 0 is none.
func (g *grid) fit(limit int) (widths []int, hidden map[int]bool) {
	widths, hidden = make([]int, len(g.headers)), make(map[int]bool)
	for _, r := range append([][]string{g.headers}, g.rows...) {
		for i, c := range r {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(c))
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
	for _, i := range g.optional {
		if over() > 0 {
			hidden[i] = true
		}
	}
	for _, i := range g.cut {
		if n := over(); n > 0 {
			widths[i] = max(widths[i]-n, min(widths[i], narrowest))
		}
	}
	return widths, hidden
}

// shorten cuts a text to a width.
func shorten(s string, width int) string {
	if text.StringWidthWithoutEscSequences(s) <= width {
		return s
	}
	return text.Trim(s, width-1) + "…"
}

// oneLine makes one line of printable characters.
func oneLine(s string) string { return printable(strings.Join(strings.Fields(s), " ")) }

// details prints names and values, one a line; empty values are left out.
type details struct {
	a   *app
	err error
}

const nameWidth = 15

func (d *details) add(name, value string) {
	if value == "" || d.err != nil {
		return
	}
	value = strings.TrimRight(printable(value), "\n")
	if limit := d.a.columns(); limit > 0 {
		value = hang(value, max(limit-nameWidth, narrowest))
	}
	for line := range strings.SplitSeq(value, "\n") {
		d.line(name, line)
		name = ""
	}
}

// styled adds a value that has its colours already.
func (d *details) styled(name, value string) {
	if value != "" {
		d.line(name, value)
	}
}

func (d *details) line(name, value string) {
	if d.err == nil {
		d.err = d.a.print("%s%s", d.a.paint(d.a.stdout, dim, fmt.Sprintf("%-*s", nameWidth, name)), value)
	}
}

// json adds a payload: in one line if it fits, else indented.
func (d *details) json(name string, payload json.RawMessage) {
	if len(payload) == 0 || string(payload) == "null" {
		return
	}
	var s string
	if json.Unmarshal(payload, &s) == nil && strings.ContainsAny(s, "\n") {
		d.add(name, s) // a text of several lines, such as a stack trace
		return
	}
	one := compact(payload)
	limit := d.a.columns()
	if limit == 0 || nameWidth+text.StringWidthWithoutEscSequences(one) <= limit {
		d.add(name, one)
		return
	}
	d.add(name, indented(payload))
}

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }
