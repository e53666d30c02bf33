package storage

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxComparisons is how many comparisons the table service allows in one filter.
const MaxComparisons = 15

// nothing is a condition that no entity meets.
const nothing = "(PartitionKey eq '' and PartitionKey ne '')"

// outcome is what is known of a filter without looking at entities.
type outcome int8

const (
	depends outcome = iota
	always
	never
)

// Render writes a filter in the OData of the table service. It returns "" for a filter that holds everywhere, which
// is how a query without one is written, and a contradiction for one for which [Never] reports true.
//
// This is the one place that writes filters. Whatever strings a filter holds, its text means the same as [Match] and
// nothing else: strings are quoted, and all other values are written anew from what was read from their text.
func Render(f Filter) string {
	switch judge(f) {
	case always:
		return ""
	case never:
		return nothing
	default:
		var b strings.Builder
		render(&b, f, false)
		return b.String()
	}
}

// Never reports whether a filter can be seen to hold nowhere, so that a query needs no request: an empty [Or], an
// [And] with such a part, or a comparison that means nothing (a column name or an operator that the service does not
// know, a value whose text is not of its type, a Double that is not finite).
func Never(f Filter) bool { return judge(f) == never }

// Comparisons returns how many comparisons [Render] writes. The service allows [MaxComparisons].
func Comparisons(f Filter) int {
	if judge(f) != depends {
		return 0
	}
	parts, _ := partsOf(f)
	if parts == nil {
		return 1
	}
	n := 0
	for _, p := range parts {
		n += Comparisons(p)
	}
	return n
}

func judge(f Filter) outcome {
	switch f := f.(type) {
	case nil:
		return always
	case Cmp:
		if _, ok := f.literal(); ok {
			return depends
		}
		return never
	case And:
		return fold(f, always, never)
	case Or:
		return fold(f, never, always)
	}
	panic(fmt.Sprintf("storage: unknown filter %T", f))
}

// fold judges a list: neutral parts do not count, and a decisive one decides.
func fold(parts []Filter, neutral, decisive outcome) outcome {
	all := neutral
	for _, p := range parts {
		if o := judge(p); o == decisive {
			return decisive
		} else if o == depends {
			all = depends
		}
	}
	return all
}

// partsOf returns the parts of a list and the word between them, and nil for a comparison.
func partsOf(f Filter) (parts []Filter, word string) {
	switch f := f.(type) {
	case And:
		return f, " and "
	case Or:
		return f, " or "
	}
	return nil, ""
}

// render writes a filter that [judge] could not decide, and so has a part that it could not decide either.
func render(b *strings.Builder, f Filter, nested bool) {
	if c, ok := f.(Cmp); ok {
		b.WriteString(c.Column)
		b.WriteByte(' ')
		b.WriteString(string(c.Op))
		b.WriteByte(' ')
		writeLiteral(b, c.Value)
		return
	}
	parts, word := partsOf(f)
	var left []Filter
	for _, p := range parts {
		if judge(p) == depends {
			left = append(left, p)
		}
	}
	if len(left) == 1 {
		render(b, left[0], nested)
		return
	}
	if nested {
		b.WriteByte('(')
	}
	for i, p := range left {
		if i > 0 {
			b.WriteString(word)
		}
		render(b, p, true)
	}
	if nested {
		b.WriteByte(')')
	}
}

// ValidColumnName reports whether a name can be that of a column: the service demands identifiers as C# has them. It
// does not look at the length.
func ValidColumnName(name string) bool {
	if name != "" && plainName(name) {
		return true
	}
	for i, r := range name {
		letter := r == '_' || unicode.IsLetter(r)
		if !letter && (i == 0 || !unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Pc)) {
			return false
		}
	}
	return name != "" && utf8.ValidString(name)
}

// plainName reports whether a name has ASCII letters only, as nearly all have.
func plainName(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}
