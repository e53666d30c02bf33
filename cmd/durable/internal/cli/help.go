package cli

import (
	"regexp"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
)

// polish makes the help of a command and of those below it fit a terminal of 80 columns.
func polish(cmd *cobra.Command) {
	cmd.Long = reflow(cmd.Long, defaultWidth)
	cmd.SetUsageTemplate(strings.NewReplacer(
		".LocalFlags.FlagUsages ", "(wrappedFlags .LocalFlags) ",
		".InheritedFlags.FlagUsages ", "(wrappedFlags .InheritedFlags) ",
		"rpad .Name .NamePadding ", "rpad .Name (nameColumn .NamePadding) ",
	).Replace(cmd.UsageTemplate()))
	for _, sub := range cmd.Commands() {
		polish(sub)
	}
}

// reflow breaks the paragraphs of a text anew. Lines with the same indentation are a paragraph; those with gaps in them
// are tables and stay.
func reflow(s string, width int) string {
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
		if !empty && text.StringWidthWithoutEscSequences(line)+1+text.StringWidthWithoutEscSequences(word) > width {
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

// hang breaks the lines of a text that are wider than a terminal. What is left of one goes on where its text began. A
// width of 0 is none.
func hang(s string, width int) string {
	if width == 0 {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if text.StringWidthWithoutEscSequences(line) <= width {
			continue
		}
		lead := label.FindString(line)
		lines[i] = wrap(line[len(lead):], lead, strings.Repeat(" ", len(lead)), width)
	}
	return strings.Join(lines, "\n")
}
