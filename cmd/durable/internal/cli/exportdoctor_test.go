package cli

import "github.com/go-durable/durable/operate"

var Batches = batches

// About reports whether doctor shows a finding when it is asked for an instance, or for those with a prefix.
func About(id, prefix string, found *operate.Finding) bool {
	return (&doctorFlags{id: id, prefix: prefix}).about(found)
}
