package text

import (
	"fmt"
	"strings"
)

// Block is a text of a head and lines below it that have names.
type Block struct {
	text strings.Builder
	last string
}

// NewBlock begins a block with the words of its head. Empty ones are left out.
func NewBlock(head ...string) *Block {
	b := &Block{}
	for _, word := range head {
		switch {
		case word == "":
			continue
		case b.text.Len() > 0:
			b.text.WriteString("  ")
		}
		b.text.WriteString(OneLine(word))
	}
	return b
}

// Add adds lines, of which the first one shows the name. Empty ones are left out.
func (b *Block) Add(name string, lines ...string) *Block {
	for _, line := range lines {
		if line == "" {
			continue
		}
		shown := name
		if name == b.last {
			shown = ""
		}
		b.last = name
		fmt.Fprintf(&b.text, "\n  %-8s  %s", shown, OneLine(line))
	}
	return b
}

// String is the whole text.
func (b *Block) String() string { return b.text.String() }
