package durable_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// httpTraffic is a policy that notes every HTTP request.
type httpTraffic struct {
	mu       sync.Mutex
	requests []string
	messages []put
}

func (h *httpTraffic) Do(req *policy.Request) (*http.Response, error) {
	raw := req.Raw()
	h.mu.Lock()
	h.requests = append(h.requests, raw.Method+" "+raw.URL.Path)
	h.mu.Unlock()
	if raw.Method == http.MethodPost && strings.HasSuffix(raw.URL.Path, "/messages") && req.Body() != nil {
		h.note(raw, req.Body())
		if err := req.RewindBody(); err != nil {
			return nil, err
		}
	}
	return req.Next()
}

func (h *httpTraffic) note(raw *http.Request, body io.Reader) {
	var m struct{ MessageText string }
	text, _ := io.ReadAll(body)
	_ = xml.Unmarshal(text, &m)
	delay, _ := strconv.Atoi(raw.URL.Query().Get("visibilitytimeout"))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages = append(h.messages, put{
		queue: path.Base(path.Dir(raw.URL.Path)), text: m.MessageText, delay: time.Duration(delay) * time.Second,
	})
}

func (h *httpTraffic) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.requests)
}

func (h *httpTraffic) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests, h.messages = nil, nil
}

func (h *httpTraffic) puts() []put {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]put(nil), h.messages...)
}
