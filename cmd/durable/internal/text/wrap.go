package text

import (
	"regexp"
	"strings"
)

// Reflow breaks the paragraphs of a text anew. Lines with the same indentation are a paragraph; those with gaps in them
// are tables and stay.
func Reflow(s string, width int) string {
	var out []string
	var words []string
	indent := ""
	flush := func() {
		if len(words) > 0 {
			out = append(out, wrap(strings.Join(words, " "), indent, indent, width))
		}
		words = nil
	}
	for line := range strings.SplitSeq(s, "\n") {
		body := strings.TrimLeft(line, " ")
		in := line[:len(line)-len(body)]
		if in != indent || body == "" {
			flush()
		}
		indent = in
		if body == "" || strings.Contains(body, "   ") {
			flush()
			out = append(out, line)
			continue
		}
		words = append(words, body)
	}
	flush()
	return strings.Join(out, "\n")
}

// wrap breaks a text into lines, the first of which begins with lead and the others with indent. A word that is wider
// than a line stays whole, so that it can be copied.
func wrap(s, lead, indent string, width int) string {
	var lines []string
	line, empty := lead, true
	for word := range strings.FieldsSeq(s) {
		if !empty && Width(line)+1+Width(word) > width {
			lines = append(lines, line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	return strings.Join(append(lines, line), "\n")
}

// label is what a line begins with that has a name in front of a text: "  name    text".
var label = regexp.MustCompile(`^ *(?:[a-z]+(?: [a-z]+)? {2,})?`)

// Hang breaks the lines of a text that are wider than a terminal. What is left of one goes on where its text began. A
// width of 0 is none.
func Hang(s string, width int) string {
	if width == 0 {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if Width(line) <= width {
			continue
		}
		lead := label.FindString(line)
		lines[i] = wrap(line[len(lead):], lead, strings.Repeat(" ", len(lead)), width)
	}
	return strings.Join(lines, "\n")
}
