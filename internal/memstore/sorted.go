package memstore

import (
	"iter"
	"slices"
	"sort"
)

// chunkSize is when a chunk is split. It bounds what one insert or removal moves.
const chunkSize = 512

// sorted holds items in order. Finding, adding and removing one take about log n steps and move no more than a chunk,
// so that a table of 100,000 rows fills in random order, and is queried from anywhere, without being sorted again.
type sorted[T any] struct {
	compare func(a, b T) int
	chunks  [][]T // none is empty
	n       int
}

func newSorted[T any](compare func(a, b T) int) sorted[T] { return sorted[T]{compare: compare} }

func (s *sorted[T]) len() int { return s.n }

// seek returns where the first item not before x is, or would be.
func (s *sorted[T]) seek(x T) (chunk, index int, found bool) {
	return s.seekBy(func(item T) int { return s.compare(item, x) })
}

// seekBy is seek for what compare compares items with.
func (s *sorted[T]) seekBy(compare func(item T) int) (chunk, index int, found bool) {
	chunk = sort.Search(len(s.chunks), func(i int) bool {
		c := s.chunks[i]
		return compare(c[len(c)-1]) >= 0
	})
	if chunk == len(s.chunks) {
		return chunk, 0, false
	}
	index, found = sort.Find(len(s.chunks[chunk]), func(i int) int { return -compare(s.chunks[chunk][i]) })
	return chunk, index, found
}

// get returns the item that compares as equal to x.
func (s *sorted[T]) get(x T) (item T, found bool) {
	return s.find(func(item T) int { return s.compare(item, x) })
}

// find returns the item for which compare returns 0. It allocates nothing.
func (s *sorted[T]) find(compare func(item T) int) (item T, found bool) {
	chunk, index, found := s.seekBy(compare)
	if !found {
		return item, false
	}
	return s.chunks[chunk][index], true
}

// put adds x, in place of the item that compares as equal if there is one.
func (s *sorted[T]) put(x T) {
	chunk, index, found := s.seek(x)
	if found {
		s.chunks[chunk][index] = x
		return
	}
	s.n++
	if chunk == len(s.chunks) { // after everything
		if chunk == 0 {
			s.chunks = append(s.chunks, []T{x})
			return
		}
		chunk--
		index = len(s.chunks[chunk])
	}
	c := slices.Insert(s.chunks[chunk], index, x)
	s.chunks[chunk] = c
	if len(c) < chunkSize {
		return
	}
	half := len(c) / 2
	if index == len(c)-1 {
		half = index // rising keys leave full chunks behind
	}
	s.chunks = slices.Insert(s.chunks, chunk+1, slices.Clone(c[half:]))
	clear(c[half:])
	s.chunks[chunk] = c[:half]
}

// remove drops the item that compares as equal to x.
func (s *sorted[T]) remove(x T) {
	chunk, index, found := s.seek(x)
	if !found {
		return
	}
	s.n--
	s.chunks[chunk] = slices.Delete(s.chunks[chunk], index, index+1)
	if len(s.chunks[chunk]) == 0 {
		s.chunks = slices.Delete(s.chunks, chunk, chunk+1)
	}
}

// from yields the items that are not before x, in order.
func (s *sorted[T]) from(x T) iter.Seq[T] {
	return func(yield func(T) bool) {
		chunk, index, _ := s.seek(x)
		for ; chunk < len(s.chunks); chunk, index = chunk+1, 0 {
			for _, item := range s.chunks[chunk][index:] {
				if !yield(item) {
					return
				}
			}
		}
	}
}

// all yields the items in order.
func (s *sorted[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, c := range s.chunks {
			for _, item := range c {
				if !yield(item) {
					return
				}
			}
		}
	}
}
