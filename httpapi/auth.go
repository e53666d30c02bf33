package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
)

// keyHeader is where a caller shows his key if he does not put it into the URL.
const keyHeader = "X-Functions-Key"

var errNoKey = errors.New("no key that is accepted")

// CheckKey returns nil if the request shows one of the keys: in the header x-functions-key, or without that header in
// the query parameter code, as a Functions host wants it. The comparison takes the same time whatever is shown. An empty
// key is never accepted.
func CheckKey(r *http.Request, keys ...string) error {
	if _, ok := acceptedKey(r, keys); !ok {
		return errNoKey
	}
	return nil
}

// acceptedKey returns the key that a request shows, if it is one of the keys.
func acceptedKey(r *http.Request, keys []string) (key string, ok bool) {
	shown := shownKey(r)
	sum := sha256.Sum256([]byte(shown))
	found := 0
	for _, k := range keys {
		if k == "" {
			continue
		}
		s := sha256.Sum256([]byte(k))
		found |= subtle.ConstantTimeCompare(sum[:], s[:])
	}
	return shown, found == 1
}

func shownKey(r *http.Request) string {
	if _, ok := r.Header[keyHeader]; ok {
		return r.Header.Get(keyHeader)
	}
	p, err := parseParams(r.URL.RawQuery)
	if err != nil {
		return ""
	}
	return p.first("code")
}

// authorize returns the key that the caller showed, or the error for one who may not.
func (h *handler) authorize(r *http.Request) (key string, err error) {
	if len(h.o.Keys) > 0 {
		var ok bool
		if key, ok = acceptedKey(r, h.o.Keys); !ok {
			return "", unauthorized(errNoKey)
		}
	}
	if h.o.Authorize == nil {
		return key, nil
	}
	switch err := h.o.Authorize(r); {
	case errors.Is(err, ErrForbidden):
		return "", &apiError{status: http.StatusForbidden, message: "This is not allowed", cause: err}
	case err != nil:
		return "", unauthorized(err)
	}
	return key, nil
}

func unauthorized(cause error) error {
	return &apiError{
		status: http.StatusUnauthorized, cause: cause,
		message: "The request shows no key that is accepted, or nothing else that would allow it",
	}
}
