package cli

import (
	"fmt"

	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

// showFinding prints a finding.
func (a *app) showFinding(f *operate.Finding) error {
	repair := f.Repair
	if repair == "" {
		repair = "only by people or hosts"
	}
	shown := findingBlock(f).Add("evidence", f.Evidence...).Add("repair", repair).String()
	return a.out.Print("%s  %s", a.out.Paint(severityColour(f.Severity), string(f.Severity)), text.Hang(shown, a.out.Columns()))
}

// findingBlock is what a finding is about, and below what is wrong.
func findingBlock(f *operate.Finding) *text.Block {
	message := ""
	if f.MessageID != "" {
		message = f.Queue + "  " + f.MessageID
	}
	return text.NewBlock(string(f.Kind), subject(f)).Add("what", f.Summary).Add("message", message)
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

// resultLine is what came of something, in a line.
func resultLine(why string, words ...string) string {
	line := text.NewBlock(words...).String()
	if why != "" {
		line += ": " + text.OneLine(why)
	}
	return line
}
