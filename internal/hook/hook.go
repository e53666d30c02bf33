// Package hook lets durabletest make a client on any storage without a constructor for it in the public package, and
// durabletest and operate see what is inside a client.
package hook

import (
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// NewClient returns a *durable.OrchestrationClient. Package durable sets it.
var NewClient func(account storage.Account, taskHub string, opts taskhub.Options) (any, error)
