package azstore

import "github.com/go-durable/durable/internal/storage"

// What tests of the decoder look at directly.
var (
	DecodePage   = decodePage
	DecodeEntity = decodeEntity
)

// EncodeEntity is what Insert and Update send for an entity.
func EncodeEntity(e *storage.Entity) ([]byte, error) { return appendEntity(nil, e) }
