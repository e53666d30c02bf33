package httpapi

import (
	"net/http"
	"net/url"
	"strings"
)

// operation is what a request asks for.
type operation string

const (
	opStart        operation = "start"
	opStatus       operation = "status"
	opList         operation = "list"
	opPurge        operation = "purge"
	opPurgeMany    operation = "purge by filter"
	opRaiseEvent   operation = "raise event"
	opTerminate    operation = "terminate"
	opSuspend      operation = "suspend"
	opResume       operation = "resume"
	opRewind       operation = "rewind"
	opRestart      operation = "restart"
	opListEntities operation = "list entities"
	opReadEntity   operation = "read entity"
	opSignalEntity operation = "signal entity"
	opDeleteEntity operation = "delete entity"
)

// route is a path and method, read.
type route struct {
	op operation
	// name is the orchestrator's, the event's or the entity's name.
	name string
	// id is the instance's ID or the entity's key.
	id string
	// wrongOperation says that there is no route, but that the path begins as one of an instance.
	wrongOperation bool
}

// hostPaths are where Functions hosts have the API: 2.x and later, 1.x.
var hostPaths = []string{"/runtime/webhooks/durabletask", "/admin/extensions/DurableTaskExtension"}

// belowHostPath returns the part of an escaped path that belongs to the API.
func belowHostPath(path string) string {
	for _, p := range hostPaths {
		if len(path) >= len(p) && strings.EqualFold(path[:len(p)], p) && (len(path) == len(p) || path[len(p)] == '/') {
			return path[len(p):]
		}
	}
	return path
}

// parseRoute reads the API's part of a path, escaped. Fixed words are compared without case. Whatever is no route is
// reported as such, a wrong method included: the reference never answers 405.
func parseRoute(method, path string) (route, bool) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i, s := range segments {
		text, err := url.PathUnescape(s)
		if err != nil || text == "" {
			return route{}, false
		}
		segments[i] = text
	}
	switch strings.ToLower(segments[0]) {
	case "orchestrators":
		return startRoute(method, segments[1:])
	case "instances":
		return instanceRoute(method, segments[1:])
	case "entities":
		return entityRoute(method, segments[1:])
	}
	return route{}, false
}

func startRoute(method string, args []string) (route, bool) {
	if method != http.MethodPost || len(args) < 1 || len(args) > 2 {
		return route{}, false
	}
	r := route{op: opStart, name: args[0]}
	if len(args) == 2 {
		r.id = args[1]
	}
	return r, true
}

var instanceOperations = map[string]operation{
	"terminate": opTerminate, "suspend": opSuspend, "resume": opResume, "rewind": opRewind, "restart": opRestart,
}

func instanceRoute(method string, args []string) (route, bool) {
	r := route{}
	switch {
	case len(args) == 0 && method == http.MethodGet:
		r.op = opList
	case len(args) == 0 && method == http.MethodDelete:
		r.op = opPurgeMany
	case len(args) == 1 && method == http.MethodGet:
		r.op, r.id = opStatus, args[0]
	case len(args) == 1 && method == http.MethodDelete:
		r.op, r.id = opPurge, args[0]
	case len(args) == 2 && method == http.MethodPost:
		r.op, r.id = instanceOperations[strings.ToLower(args[1])], args[0]
	case len(args) == 3 && method == http.MethodPost && strings.EqualFold(args[1], "raiseEvent"):
		r.op, r.id, r.name = opRaiseEvent, args[0], args[2]
	}
	if r.op == "" {
		return route{wrongOperation: len(args) > 0}, false
	}
	return r, true
}

// emptyKey stands for the empty key of an entity, which has no place in a path.
const emptyKey = "$"

func entityRoute(method string, args []string) (route, bool) {
	r := route{}
	if len(args) > 0 {
		r.name = args[0]
	}
	if len(args) > 1 {
		r.id = args[1]
	}
	switch {
	case len(args) < 2 && method == http.MethodGet:
		r.op = opListEntities
	case len(args) == 2 && method == http.MethodGet:
		r.op = opReadEntity
		if r.id == emptyKey {
			r.id = ""
		}
	case len(args) == 2 && method == http.MethodPost:
		r.op = opSignalEntity
	case len(args) == 2 && method == http.MethodDelete:
		r.op = opDeleteEntity
	default:
		return route{}, false
	}
	return r, true
}
