package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-durable/durable"
)

func (c *call) purge() (*answer, error) {
	// An entity never ends, so it is asked for by name or not at all.
	entity := strings.HasPrefix(c.route.id, "@")
	opts := &durable.PurgeOptions{Force: c.o.PurgeRunning || entity}
	result, err := c.client.Purge(c.r.Context(), c.route.id, opts)
	switch {
	case errors.Is(err, durable.ErrInvalidState) && statusOf(err) != "":
		return nil, &apiError{
			status: http.StatusPreconditionFailed, bare: true, cause: err,
			message: fmt.Sprintf("Only orchestrations in a terminal state can be purged, "+
				"but the orchestration with instance ID %s has status %s", c.route.id, statusOf(err)),
		}
	case err != nil:
		return nil, err
	case result.InstancesDeleted == 0 && !entity:
		return nil, &apiError{status: http.StatusNotFound}
	}
	return purged(result), nil
}

func purged(result *durable.PurgeResult) *answer {
	return &answer{status: http.StatusOK, body: fmt.Appendf(nil, `{"instancesDeleted":%d}`, result.InstancesDeleted)}
}

func (c *call) purgeMany() (*answer, error) {
	filter, err := c.purgeFilter()
	if err != nil {
		return nil, err
	}
	result, err := c.client.PurgeInstances(c.r.Context(), filter, &durable.PurgeOptions{Force: c.o.PurgeRunning})
	if err != nil {
		return nil, c.partlyPurged(result, err)
	}
	if result.InstancesDeleted == 0 {
		return nil, &apiError{status: http.StatusNotFound}
	}
	return purged(result), nil
}

// purgeFilter returns which instances are to be purged. Without a time from which on there is no purge; without states
// it is that of instances that have ended.
func (c *call) purgeFilter() (*durable.InstanceFilter, error) {
	f := &durable.InstanceFilter{}
	var err error
	if f.CreatedFrom, err = c.params.time("createdTimeFrom"); err != nil {
		return nil, err
	}
	if f.CreatedFrom.IsZero() {
		return nil, &apiError{
			status: http.StatusBadRequest, bare: true,
			message: "Please provide value for 'createdTimeFrom' parameter.",
		}
	}
	if f.CreatedTo, err = c.params.time("createdTimeTo"); err != nil {
		return nil, err
	}
	if f.Statuses, err = c.params.statuses(); err != nil {
		return nil, err
	}
	for _, s := range f.Statuses {
		if !s.IsTerminal() && !c.o.PurgeRunning {
			return nil, badParam("runtimeStatus", fmt.Sprintf("names the state '%s': only what has ended is purged", s))
		}
	}
	return f, nil
}

// partlyPurged says how far a purge came.
func (c *call) partlyPurged(result *durable.PurgeResult, err error) error {
	e := *asAPIError(err)
	if result.InstancesDeleted > 0 || result.Failed > 0 {
		e.detail = fmt.Sprintf("%d instances were deleted, %d could not be; repeat the request to go on",
			result.InstancesDeleted, result.Failed)
	}
	return &e
}
