package storage

// CompareKeys compares two keys, or two values of type String, as the table service does, and returns -1, 0 or +1.
//
// The service orders strings by their UTF-16 code units, and Go orders them by their UTF-8 bytes. The two orders are
// the same but for one thing: UTF-16 writes characters above U+FFFF as surrogates, D800 to DFFF, and so puts them before
// U+E000 to U+FFFF. In UTF-8 the former begin with the bytes F0 to F4, the latter with EE or EF, and no other character
// holds one of these bytes. Comparing bytes with EE and EF moved behind all others is therefore the order of UTF-16,
// without decoding anything, and it stays a total order for strings that are not valid UTF-8.
func CompareKeys(a, b string) int {
	n := min(len(a), len(b))
	i := 0
	for i+8 <= n && a[i:i+8] == b[i:i+8] { // keys have long prefixes in common; eight bytes are one comparison
		i += 8
	}
	for ; i < n; i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if (x == 0xEE || x == 0xEF) != (y == 0xEE || y == 0xEF) && x >= 0xEE && y >= 0xEE {
			x, y = y, x
		}
		if x < y {
			return -1
		}
		return 1
	}
	switch {
	case len(a) < len(b):
		return -1
	case len(a) > len(b):
		return 1
	}
	return 0
}
