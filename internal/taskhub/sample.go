package taskhub

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// SampleKeys returns up to n-1 keys of the Instances table between from and to ("" is no bound), in order, that cut the
// range into parts of about the same number of instances, and how many requests that took: about as many as the budget
// at most.
//
// It looks at the tree that the keys' characters form: a node's children are found by asking for the first key behind
// the child before. Siblings are taken to be of the same size. The largest node is looked into until none is larger
// than half a part.
func (h *Hub) SampleKeys(
	ctx context.Context, from, to string, n, budget int,
) (cuts []string, requests int, err error) {
	if n < 2 || to != "" && storage.CompareKeys(from, to) >= 0 {
		return nil, 0, nil
	}
	s := &sampler{hub: h, budget: budget}
	nodes := []keyNode{{from: from, to: to, weight: 1}}
	for s.requests < s.budget {
		i := heaviest(nodes)
		if i < 0 || nodes[i].weight <= 1/float64(2*n) {
			break
		}
		children, err := s.expand(ctx, nodes[i])
		if err != nil {
			return nil, s.requests, err
		}
		nodes = slices.Replace(nodes, i, i+1, children...)
	}
	return cut(nodes, n), s.requests, nil
}

// keyNode is a range of keys, all of which begin with prefix.
type keyNode struct {
	from, to string
	prefix   string
	weight   float64
	// leaf says that the node cannot be looked into: it is a single key.
	leaf bool
}

func heaviest(nodes []keyNode) int {
	best := -1
	for i, n := range nodes {
		if !n.leaf && (best < 0 || n.weight > nodes[best].weight) {
			best = i
		}
	}
	return best
}

// cut picks the starts of nodes that come nearest to equal parts.
func cut(nodes []keyNode, n int) []string {
	var total, sum float64
	for _, node := range nodes {
		total += node.weight
	}
	var cuts []string
	for _, node := range nodes {
		if target := total * float64(len(cuts)+1) / float64(n); sum > 0 && sum+node.weight/2 >= target && len(cuts) < n-1 {
			cuts = append(cuts, node.from)
		}
		sum += node.weight
	}
	return cuts
}

type sampler struct {
	hub              *Hub
	requests, budget int
}

// expand returns the children of a node: the ranges of its keys that share one more character than all of them do.
func (s *sampler) expand(ctx context.Context, n keyNode) ([]keyNode, error) {
	first, ok, err := s.firstKey(ctx, storage.GE, n.from, n.to)
	if err != nil || !ok {
		return nil, err
	}
	prefix, err := s.commonPrefix(ctx, n, first)
	if err != nil {
		return nil, err
	}
	if prefix == first {
		return s.expandBelow(ctx, n, first)
	}
	return s.children(ctx, n, prefix, first)
}

// expandBelow handles a node whose first key is a prefix of all others: it is a child by itself.
func (s *sampler) expandBelow(ctx context.Context, n keyNode, first string) ([]keyNode, error) {
	next, ok, err := s.firstKey(ctx, storage.GT, first, n.to)
	if err != nil || !ok {
		return []keyNode{{from: n.from, to: n.to, weight: n.weight, leaf: true}}, err
	}
	rest, err := s.children(ctx, keyNode{from: next, to: n.to, weight: n.weight}, first, next)
	if err != nil {
		return nil, err
	}
	weight := n.weight / float64(len(rest)+1)
	for i := range rest {
		rest[i].weight = weight
	}
	return append([]keyNode{{from: n.from, to: rest[0].from, weight: weight, leaf: true}}, rest...), nil
}

// children lists the ranges below a prefix that all keys of n share. Where the budget ends before they do, the last one
// holds all that are left.
func (s *sampler) children(ctx context.Context, n keyNode, prefix, first string) ([]keyNode, error) {
	var nodes []keyNode
	for k, more := first, true; more; {
		_, size := utf8.DecodeRuneInString(k[len(prefix):])
		child := k[:len(prefix)+size]
		end := wire.PrefixEnd(child)
		if s.requests >= s.budget {
			child, end = prefix, ""
		}
		nodes = append(nodes, keyNode{from: k, prefix: child})
		if end == "" {
			break
		}
		var err error
		if k, more, err = s.firstKey(ctx, storage.GE, end, n.to); err != nil {
			return nil, err
		}
		more = more && strings.HasPrefix(k, prefix)
	}
	nodes[0].from = n.from
	for i := range nodes {
		nodes[i].to = n.to
		if i+1 < len(nodes) {
			nodes[i].to = nodes[i+1].from
		}
		nodes[i].weight = n.weight / float64(len(nodes))
	}
	return nodes, nil
}

// commonPrefix returns the longest prefix that all keys of n share. That a prefix of the first key is shared by all can
// be seen from whether there is a key behind its end, so the length is found by steps that double, then by halving.
func (s *sampler) commonPrefix(ctx context.Context, n keyNode, first string) (string, error) {
	runes := []rune(first)
	low, high := utf8.RuneCountInString(n.prefix), len(runes)
	for step := 1; low < high; {
		mid := min(low+step, (low+high+1)/2)
		end := wire.PrefixEnd(string(runes[:mid]))
		shared := end == ""
		if !shared {
			_, more, err := s.firstKey(ctx, storage.GE, end, n.to)
			if err != nil {
				return "", err
			}
			shared = !more
		}
		if shared {
			low, step = mid, 2*step
		} else {
			high, step = mid-1, len(runes)
		}
	}
	return string(runes[:low]), nil
}

// firstKey returns the first key that is at least from, or greater than it, and less than to.
func (s *sampler) firstKey(ctx context.Context, op storage.CmpOp, from, to string) (string, bool, error) {
	f := storage.And{storage.Cmp{Column: "PartitionKey", Op: op, Value: storage.StringValue(from)}}
	if to != "" {
		f = append(f, storage.Cmp{Column: "PartitionKey", Op: storage.LT, Value: storage.StringValue(to)})
	}
	q := storage.Query{Filter: f, Columns: []string{"PartitionKey"}, Top: 1}
	for {
		s.requests++
		page, err := s.hub.Tables.Query(ctx, s.hub.Instances(), q)
		if err != nil {
			return "", false, hubError(err)
		}
		if len(page.Entities) > 0 {
			return page.Entities[0].PartitionKey, true, nil
		}
		if page.Next == (storage.Token{}) {
			return "", false, nil
		}
		q.From = page.Next
	}
}
