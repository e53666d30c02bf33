package golden

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Options say how [Diff] compares.
type Options struct {
	// Skip names tables, queues and containers that are not compared, without the hub's name: "Partitions",
	// "workitems", "leases".
	Skip []string
	// IgnoreColumns names columns that are not compared, in whatever table.
	IgnoreColumns []string
	// KeepTimes compares times as they are.
	KeepTimes bool
	// PlainGUIDs takes all GUIDs for equal. Otherwise they are numbered in the order of the rows, messages and blobs,
	// so that it shows where one stands in the place of another. Numbering needs keys that are not mere GUIDs, or rows
	// that differ otherwise.
	PlainGUIDs bool
	// AnyOrder compares the messages of a queue whatever their order.
	AnyOrder bool
	// AnyEncoding does not compare in which encoding messages lie.
	AnyEncoding bool
	// Hidden also compares how many messages of each queue are not visible.
	Hidden bool
}

// Diff says how two dumps differ, one "-" line for what only the first has and one "+" line for what only the second
// has, each block headed by the row, message or blob that it is about. It returns "" if they do not differ.
//
// Texts are compared as [NormalizeText] makes them, under the name of the first hub; the order of the members in a JSON
// text counts, that of the columns in a row does not. Service timestamps, ETags, dequeue counts and the types of blobs
// are not compared.
func Diff(want, got *Dump, opts Options) string {
	w, g := items(want, &opts), items(got.Rename(want.Hub), &opts)
	names := slices.Sorted(maps.Keys(w))
	for name := range g {
		if _, ok := w[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out strings.Builder
	for _, name := range names {
		wantLines, inWant := w[name]
		gotLines, inGot := g[name]
		switch {
		case !inGot:
			fmt.Fprintf(&out, "- %s\n", name)
			writeLines(&out, "-", wantLines)
		case !inWant:
			fmt.Fprintf(&out, "+ %s\n", name)
			writeLines(&out, "+", gotLines)
		default:
			diffLines(&out, name, wantLines, gotLines)
		}
	}
	return out.String()
}

func writeLines(out *strings.Builder, sign string, lines []string) {
	for _, line := range lines {
		fmt.Fprintf(out, "%s     %s\n", sign, shorten(line))
	}
}

func diffLines(out *strings.Builder, name string, want, got []string) {
	if slices.Equal(want, got) {
		return
	}
	fmt.Fprintf(out, "  %s\n", name)
	common := commonLengths(want, got)
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && common[i+1][j] >= common[i][j+1]:
			writeLines(out, "-", want[i:i+1])
			i++
		default:
			writeLines(out, "+", got[j:j+1])
			j++
		}
	}
}

// commonLengths returns the lengths of the longest common subsequences of want[i:] and got[j:].
func commonLengths(want, got []string) [][]int {
	n := make([][]int, len(want)+1)
	for i := range n {
		n[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	return n
}

// shorten keeps large payloads out of a test's output; the hash still shows that they differ.
func shorten(line string) string {
	const limit, head, tail = 400, 200, 100
	if len(line) <= limit {
		return line
	}
	return fmt.Sprintf("%s ... %d bytes, SHA-256 %.4x ... %s",
		strings.ToValidUTF8(line[:head], ""), len(line), sha256.Sum256([]byte(line)),
		strings.ToValidUTF8(line[len(line)-tail:], ""))
}
