package report

// What the tests look at from outside.
var (
	Width         = width
	Fit           = fit
	Duration      = duration
	OneLine       = oneLine
	MermaidEscape = mermaidEscape
)

// Readable is a payload as the page shows it.
func Readable(payload string, limit int) string {
	return readable(text{"", cutString(payload, limit), len(payload)})
}
