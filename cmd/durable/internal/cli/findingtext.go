package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-durable/durable/operate"
)

// block is a text of a head and lines below it that have names.
type block struct {
	text strings.Builder
	last string
}

// newBlock begins a block with the words of its head. Empty ones are left out.
func newBlock(head ...string) *block {
	b := &block{}
	for _, word := range head {
		switch {
		case word == "":
			continue
		case b.text.Len() > 0:
			b.text.WriteString("  ")
		}
		b.text.WriteString(oneLine(word))
	}
	return b
}

// add adds lines, of which the first one shows the name. Empty ones are left out.
func (b *block) add(name string, lines ...string) *block {
	for _, text := range lines {
		if text == "" {
			continue
		}
		shown := name
		if name == b.last {
			shown = ""
		}
		b.last = name
		fmt.Fprintf(&b.text, "\n  %-8s  %s", shown, oneLine(text))
	}
	return b
}

func (b *block) String() string { return b.text.String() }

// showFinding prints a finding.
func (a *app) showFinding(f *operate.Finding) error {
	repair := f.Repair
	if repair == "" {
		repair = "only by people or hosts"
	}
	text := findingBlock(f).add("evidence", f.Evidence...).add("repair", plainWords(repair)...).String()
	return a.print("%s  %s", a.paint(a.stdout, severityColour(f.Severity), string(f.Severity)), hang(text, a.columns()))
}

// findingBlock is what a finding is about, and below what is wrong.
func findingBlock(f *operate.Finding) *block {
	message := ""
	if f.MessageID != "" {
		message = f.Queue + "  " + f.MessageID
	}
	return newBlock(string(f.Kind), subject(f)).add("what", f.Summary).add("message", message)
}

// subject is what a finding is about.
func subject(f *operate.Finding) string {
	switch {
	case f.InstanceID != "" && f.EventID != nil:
		return fmt.Sprintf("%s, event %d", f.InstanceID, *f.EventID)
	case f.InstanceID != "":
		return f.InstanceID
	case f.Queue != "":
		return f.Queue
	}
	return "the task hub"
}

// goName is the name of a function behind a text.
var goName = regexp.MustCompile(` \([A-Z]\w+( with \w+)?\)$`)

// plainWords makes texts of package operate say flags, and leaves out functions: both are for those who write programs.
func plainWords(texts ...string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = strings.ReplaceAll(goName.ReplaceAllString(t, ""), "RepairOptions.PartitionCount", "--partition-count")
	}
	return out
}

// resultLine is what came of something, in a line.
func resultLine(why string, words ...string) string {
	line := newBlock(words...).String()
	if why != "" {
		line += ": " + oneLine(why)
	}
	return line
}
