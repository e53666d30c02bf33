package storage_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-durable/durable/internal/storage"
)

// This is a parser for the part of OData that Render writes, and for nothing else: it knows no tolerance, so that text
// which gets out of its quotes cannot go unseen.
//
//	filter     = and | or | operand
//	and        = operand 1*(" and " operand)
//	or         = operand 1*(" or " operand)
//	operand    = "(" ( and | or ) ")" | comparison
//	comparison = name " " op " " literal

var errSyntax = errors.New("syntax")

type parser struct{ rest string }

// parseFilter reads a whole filter; "" is the one that holds everywhere.
func parseFilter(s string) (storage.Filter, error) {
	if s == "" {
		return nil, nil
	}
	p := &parser{s}
	f, err := p.list()
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%w: %q is left over", errSyntax, p.rest)
	}
	return f, err
}

func (p *parser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

func (p *parser) list() (storage.Filter, error) {
	first, err := p.operand()
	if err != nil {
		return nil, err
	}
	word := ""
	parts := []storage.Filter{first}
	for _, w := range []string{" and ", " or "} {
		for p.take(w) {
			if word != "" && word != w {
				return nil, fmt.Errorf("%w: both words in one list", errSyntax)
			}
			word = w
			next, err := p.operand()
			if err != nil {
				return nil, err
			}
			parts = append(parts, next)
		}
	}
	switch word {
	case " and ":
		return storage.And(parts), nil
	case " or ":
		return storage.Or(parts), nil
	}
	return first, nil
}

func (p *parser) operand() (storage.Filter, error) {
	if !p.take("(") {
		return p.comparison()
	}
	f, err := p.list()
	if err != nil {
		return nil, err
	}
	if _, ok := f.(storage.Cmp); ok || !p.take(")") {
		return nil, fmt.Errorf("%w: bad parentheses", errSyntax)
	}
	return f, nil
}

var head = regexp.MustCompile(`^([\p{L}_][\p{L}\p{Nd}\p{Mn}\p{Mc}\p{Pc}]*) (eq|ne|lt|le|gt|ge) `)

func (p *parser) comparison() (storage.Filter, error) {
	m := head.FindStringSubmatch(p.rest)
	if m == nil {
		return nil, fmt.Errorf("%w: no comparison at %q", errSyntax, p.rest)
	}
	p.rest = p.rest[len(m[0]):]
	v, err := p.literal()
	return storage.Cmp{Column: m[1], Op: storage.CmpOp(m[2]), Value: v}, err
}

// literals are tried in this order: a Double would begin like an Int32.
var literals = []struct {
	typ     storage.Type
	pattern *regexp.Regexp
}{
	{storage.Double, regexp.MustCompile(`^-?[0-9]+(?:\.[0-9]+(?:E[+-][0-9]+)?|E[+-][0-9]+)`)},
	{storage.Int64, regexp.MustCompile(`^(-?[0-9]+)L`)},
	{storage.Int32, regexp.MustCompile(`^-?[0-9]+`)},
	{storage.Bool, regexp.MustCompile(`^(?:true|false)`)},
	{storage.DateTime, regexp.MustCompile(`^datetime'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z)'`)},
	{storage.GUID, regexp.MustCompile(`^guid'([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})'`)},
	{storage.Binary, regexp.MustCompile(`^X'((?:[0-9a-f]{2})*)'`)},
}

func (p *parser) literal() (storage.Value, error) {
	if p.take("'") {
		s, err := p.quoted()
		return storage.StringValue(s), err
	}
	for _, l := range literals {
		m := l.pattern.FindStringSubmatch(p.rest)
		if m == nil {
			continue
		}
		p.rest = p.rest[len(m[0]):]
		text := m[len(m)-1]
		if l.typ == storage.Binary {
			b, _ := hex.DecodeString(text)
			text = base64.StdEncoding.EncodeToString(b)
		}
		return storage.Value{Type: l.typ, Text: text}, nil
	}
	return storage.Value{}, fmt.Errorf("%w: no literal at %q", errSyntax, p.rest)
}

// quoted reads a string whose first quote is read already.
func (p *parser) quoted() (string, error) {
	var b strings.Builder
	for {
		text, rest, ok := strings.Cut(p.rest, "'")
		if !ok {
			return "", fmt.Errorf("%w: open string", errSyntax)
		}
		b.WriteString(text)
		p.rest = rest
		if !p.take("'") {
			return b.String(), nil
		}
		b.WriteByte('\'')
	}
}
