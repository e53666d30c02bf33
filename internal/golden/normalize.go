package golden

import (
	"fmt"
	"regexp"
	"strings"
)

// Normalizer replaces what differs in every run: times, GUIDs, random parts of names, hosts, message numbers. The zero
// value is ready; use one for all texts that belong together, so that a GUID keeps its number.
type Normalizer struct {
	// KeepTimes leaves times as they are.
	KeepTimes bool
	// PlainGUIDs writes every GUID as <guid>, without a number.
	PlainGUIDs bool

	numbers map[string]int
}

// NormalizeText normalises one text by itself.
//
//   - A time becomes <time>, or <time+02:00> with an offset and <time local> without any zone, since these differ in
//     meaning. Years 1 and 9999 are constants of .NET and stay.
//   - A GUID becomes <guid-1>, or <guid-1:N> if it is written without dashes; the number counts the GUIDs of the text. A
//     GUID that is zero from its fifth byte on is a constant and stays.
//   - The part before the container of a reference to a large payload becomes <blobs>/, and a local host <host>.
//   - The random part of a payload's name becomes <random>.
//   - A SequenceNumber other than 0 becomes "<number>".
func NormalizeText(text string) string { return new(Normalizer).Text(text) }

// Patterns begin with a literal wherever they can: payloads are long.
var (
	payloadURL  = regexp.MustCompile(`https?://[^/"\s\\]+/(?:devstoreaccount1/)?([a-z0-9-]+-largemessages/)`)
	localHost   = regexp.MustCompile(`https?://(?:127\.0\.0\.1|localhost)(?::\d+)?`)
	payloadName = regexp.MustCompile(`(history-[0-9A-F]*-\w*-)[0-9A-F]{8}(-\w+\.json\.gz)`)
	sequenceNo  = regexp.MustCompile(`"SequenceNumber":[1-9]\d*`)
	httpTime    = regexp.MustCompile(`\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT`)
	isoTime     = regexp.MustCompile(
		`^(\d{4})-\d\d-\d\dT\d\d(?::|%3A)\d\d(?::|%3A)\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)?`)
	guid    = regexp.MustCompile(`^(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-f]{32})\b`)
	fixGUID = regexp.MustCompile(`^[0-9a-f]{8}-0000-0000-0000-000000000000$`)
)

// Text normalises a text as [NormalizeText] does, but numbers GUIDs on from the texts before.
func (n *Normalizer) Text(text string) string { return n.normalize(text, true) }

// peek is Text, but gives no new number: an unknown GUID is written <guid-?>.
func (n *Normalizer) peek(text string) string { return n.normalize(text, false) }

func (n *Normalizer) normalize(text string, number bool) string {
	text = payloadURL.ReplaceAllString(text, "<blobs>/$1")
	text = localHost.ReplaceAllString(text, "<host>")
	text = payloadName.ReplaceAllString(text, "$1<random>$2")
	text = sequenceNo.ReplaceAllString(text, `"SequenceNumber":"<number>"`)
	if !n.KeepTimes && strings.Contains(text, " GMT") {
		text = httpTime.ReplaceAllString(text, "<time>")
	}
	return n.words(text, number)
}

// words replaces times and GUIDs. It looks at the beginnings of words by hand, because a pattern that begins with a
// digit is tried at every byte.
func (n *Normalizer) words(text string, number bool) string {
	var out strings.Builder
	done := 0
	for i := 0; i < len(text); i++ {
		if !isWord(text[i]) || i > 0 && isWord(text[i-1]) {
			continue
		}
		found, replacement := n.word(text[i:], number)
		if found == "" {
			continue
		}
		out.WriteString(text[done:i])
		out.WriteString(replacement)
		done = i + len(found)
		i = done - 1
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// word returns the time or GUID that the text begins with, and what replaces it.
func (n *Normalizer) word(text string, number bool) (found, replacement string) {
	const date, bare = len("2006-01-02"), 32
	switch {
	case len(text) > date && text[4] == '-' && text[date] == 'T':
		if found = isoTime.FindString(text); found == "" || n.KeepTimes {
			return "", ""
		}
		return found, normalizeTime(found)
	case len(text) >= bare:
		if found = guid.FindString(text[:min(len(text), bare+6)]); found == "" {
			return "", ""
		}
		return found, n.guid(found, number)
	}
	return "", ""
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func normalizeTime(text string) string {
	parts := isoTime.FindStringSubmatch(text)
	year, zone := parts[1], parts[2]
	switch {
	case year == "0001" || year == "9999":
		return text
	case zone == "Z":
		return "<time>"
	case zone == "":
		return "<time local>"
	}
	return "<time" + zone + ">"
}

func (n *Normalizer) guid(text string, number bool) string {
	if fixGUID.MatchString(text) {
		return text
	}
	format := ""
	if !strings.Contains(text, "-") {
		format = ":N"
	}
	if n.PlainGUIDs {
		return "<guid" + format + ">"
	}
	key := strings.ToLower(strings.ReplaceAll(text, "-", ""))
	switch {
	case n.numbers[key] > 0:
	case !number:
		return "<guid-?" + format + ">"
	default:
		if n.numbers == nil {
			n.numbers = map[string]int{}
		}
		n.numbers[key] = len(n.numbers) + 1
	}
	return fmt.Sprintf("<guid-%d%s>", n.numbers[key], format)
}
