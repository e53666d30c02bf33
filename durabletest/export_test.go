package durabletest

import "github.com/go-durable/durable/internal/storage"

// Account returns the storage account below the hub.
func (h *Hub) Account() storage.Account { return h.hub.Account }
