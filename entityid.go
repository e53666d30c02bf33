package durable

import (
	"strings"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/wire"
)

// EntityID names an entity. The name is not case-sensitive and kept in lower case; the key is.
type EntityID struct{ Name, Key string }

// String returns the entity's instance ID: @name@key, the name in lower case (EntityId.cs).
func (id EntityID) String() string { return "@" + strings.ToLower(id.Name) + "@" + id.Key }

// ParseEntityID reads an entity's instance ID. The key is everything behind the second @ and may hold more of them. It
// returns [ErrInvalidArgument].
func ParseEntityID(instanceID string) (EntityID, error) {
	rest, ok := strings.CutPrefix(instanceID, "@")
	name, key, found := strings.Cut(rest, "@")
	if !ok || !found || name == "" || !utf8.ValidString(instanceID) {
		return EntityID{}, invalid("%q is not the instance ID of an entity, which is @name@key", instanceID)
	}
	return EntityID{strings.ToLower(name), key}, nil
}

// check checks the ID of an entity that may be new.
func (id EntityID) check() error {
	if err := id.checkName(); err != nil {
		return err
	}
	if err := wire.CheckID(id.String()); err != nil {
		return invalid("%w", err)
	}
	return nil
}

func (id EntityID) checkName() error {
	switch {
	case strings.TrimSpace(id.Name) == "":
		return invalid("the entity's name is empty")
	case strings.Contains(id.Name, "@"):
		return invalid("an entity's name must not contain @")
	case !utf8.ValidString(id.Name):
		return invalid("an entity's name must be valid UTF-8")
	}
	return nil
}
