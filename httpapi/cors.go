package httpapi

import (
	"net/http"
	"net/url"
	"slices"
)

// cors says which pages may use the API in a browser.
type cors struct {
	origins []string
	any     bool
	// protection refuses what a browser sends for a page of another origin without asking first.
	protection *http.CrossOriginProtection
}

func newCORS(origins []string) (*cors, error) {
	c := &cors{origins: origins, protection: http.NewCrossOriginProtection()}
	for _, o := range origins {
		if o == "*" {
			c.any = true
			continue
		}
		u, err := url.Parse(o)
		if err != nil || u.Scheme+"://"+u.Host != o || u.Host == "" {
			return nil, invalid("%q is no origin: scheme://host[:port], or *", o)
		}
		if err := c.protection.AddTrustedOrigin(o); err != nil {
			return nil, invalid("%q is no origin: %w", o, err)
		}
	}
	return c, nil
}

const (
	allowedMethods = "GET, POST, DELETE"
	allowedHeaders = "Content-Type, X-Functions-Key, Authorization, X-Ms-Continuation-Token, Traceparent, Tracestate"
	exposedHeaders = "Location, Retry-After, X-Ms-Continuation-Token, X-Ms-Request-Id"
	preflightAge   = "3600" // seconds
)

// handle sets the headers for the page that a request comes from. It reports whether the request was only the question
// whether another one is allowed, which is answered then.
func (c *cors) handle(w http.ResponseWriter, r *http.Request) (done bool, err error) {
	if len(c.origins) > 0 {
		w.Header().Add("Vary", "Origin")
	}
	origin := r.Header.Get("Origin")
	if origin == "" || !c.any && !slices.Contains(c.origins, origin) {
		if err := c.protection.Check(r); err != nil && !c.any {
			return false, &apiError{status: http.StatusForbidden, message: "Pages of this origin may not use the API", cause: err}
		}
		return false, nil
	}
	allowed := origin
	if c.any {
		allowed = "*"
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", allowed)
	h.Set("Access-Control-Expose-Headers", exposedHeaders)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false, nil
	}
	h.Set("Access-Control-Allow-Methods", allowedMethods)
	h.Set("Access-Control-Allow-Headers", allowedHeaders)
	h.Set("Access-Control-Max-Age", preflightAge)
	w.WriteHeader(http.StatusNoContent)
	return true, nil
}
