// Package text puts what people read into words: numbers, times, JSON, and lines that fit on a terminal. It does no I/O.
package text
