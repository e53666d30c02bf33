package durabletest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
)

// operations is a tour of all operations of the client, against a host that works meanwhile.
type operations struct {
	*both
	t      *testing.T
	host   *dt.TestHost
	broken atomic.Bool

	mu     sync.Mutex
	toured map[string]bool
}

// c returns the client, and notes which operation it is used for.
func (o *operations) c(operation string) *durable.OrchestrationClient {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.toured[operation] = true
	return o.client
}

func (o *operations) scripts() dt.Scripts {
	return dt.Scripts{
		"Hello":    {dt.Activity{Name: "SayHello", Input: "Tokyo", Result: "Hello Tokyo!"}, dt.Decide(completeWithLast)},
		"Approval": {dt.CustomStatus{Status: "waiting"}, dt.WaitForEvent{Name: "Approval"}, dt.Decide(completeWithLast)},
		"Fragile": {dt.Activity{Name: "Work", Do: func(context.Context, dt.ActivityCall) (any, error) {
			if o.broken.Load() {
				return nil, errors.New("broken")
			}
			return "worked", nil
		}}, dt.Decide(completeWithLast)},
	}
}

// entities are the entities of the app.
func entities() map[string]dt.Entity {
	return map[string]dt.Entity{"counter": func(state json.RawMessage, op string, input json.RawMessage) (json.RawMessage, error) {
		var n, by int
		_ = json.Unmarshal(state, &n)
		_ = json.Unmarshal(input, &by)
		switch op {
		case "add":
			return json.Marshal(n + by)
		case "delete":
			return nil, nil
		}
		return nil, errors.New("unknown operation")
	}}
}

// TestEveryOperation takes every operation of the client to its end, on a hub in memory and at the emulator.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, b *both) {
		o := &operations{both: b, t: t, toured: map[string]bool{}}
		o.host = b.run(t, o.scripts(), entities())
		o.start()
		o.control()
		o.query()
		o.repair()
		o.http()
		o.useEntities()
		o.purge()
		o.manage()
		var missing []string
		client := reflect.TypeFor[*durable.OrchestrationClient]()
		for i := range client.NumMethod() {
			if name := client.Method(i).Name; !o.toured[name] && name != "TaskHub" {
				missing = append(missing, name)
			}
		}
		require.Empty(t, missing, "operations that nobody tries here")
	})
}

func (o *operations) start() {
	ctx := o.t.Context()
	id, err := o.c("StartNew").StartNew(ctx, "Hello", nil, nil)
	require.NoError(o.t, err)
	s, err := o.c("WaitForCompletion").WaitForCompletion(ctx, id, &durable.WaitOptions{PollInterval: o.pause})
	require.NoError(o.t, err)
	require.Equal(o.t, `"Hello Tokyo!"`, string(s.Output))
	events, err := o.c("GetHistory").GetHistory(ctx, id, nil)
	require.NoError(o.t, err)
	require.Len(o.t, events, 8)

	_, started, err := o.c("StartOrGet").StartOrGet(ctx, "Hello", "hello", nil, nil)
	require.NoError(o.t, err)
	require.True(o.t, started)
	o.wait(o.t, "hello")
	got, started, err := o.client.StartOrGet(ctx, "Hello", "hello", nil, nil)
	require.NoError(o.t, err)
	require.False(o.t, started)
	require.Equal(o.t, durable.RuntimeStatusCompleted, got.RuntimeStatus)

	again, err := o.c("Restart").Restart(ctx, "hello", &durable.RestartOptions{ReuseInstanceID: true})
	require.NoError(o.t, err)
	require.Equal(o.t, "hello", again)
	require.Equal(o.t, 1, o.wait(o.t, "hello").Generation)
}

// until waits until an instance is in a state.
func (o *operations) until(id string, want durable.RuntimeStatus) *durable.OrchestrationStatus {
	o.t.Helper()
	var s *durable.OrchestrationStatus
	require.Eventually(o.t, func() bool {
		var err error
		s, err = o.client.GetStatus(o.t.Context(), id, nil)
		return err == nil && s.RuntimeStatus == want
	}, patience, o.pause, id)
	return s
}

func (o *operations) startWaiting(id string) {
	o.t.Helper()
	_, err := o.client.StartNew(o.t.Context(), "Approval", nil, &durable.StartNewOptions{InstanceID: id})
	require.NoError(o.t, err)
	o.until(id, durable.RuntimeStatusRunning)
}

func (o *operations) control() {
	ctx := o.t.Context()
	for _, id := range []string{"approved", "stopped"} {
		o.startWaiting(id)
	}
	s, err := o.c("GetStatus").GetStatus(ctx, "approved", nil)
	require.NoError(o.t, err)
	require.Equal(o.t, `"waiting"`, string(s.CustomStatus))
	require.NoError(o.t, o.c("Suspend").Suspend(ctx, "approved", "hold", nil))
	o.until("approved", durable.RuntimeStatusSuspended)
	large := strings.Repeat("x", 100_000)
	require.NoError(o.t, o.c("RaiseEvent").RaiseEvent(ctx, "approved", "Approval", large, nil))
	require.NoError(o.t, o.c("Resume").Resume(ctx, "approved", "go", nil))
	var out string
	require.NoError(o.t, o.wait(o.t, "approved").DecodeOutput(&out))
	require.Equal(o.t, large, out)

	require.NoError(o.t, o.c("Terminate").Terminate(ctx, "stopped", "enough", nil))
	require.Equal(o.t, durable.RuntimeStatusTerminated, o.wait(o.t, "stopped").RuntimeStatus)
	o.RequireTerminated("stopped", "enough")
}

func (o *operations) query() {
	ctx, all := o.t.Context(), 0
	for _, err := range o.c("QueryInstances").QueryInstances(ctx, nil, nil) {
		require.NoError(o.t, err)
		all++
	}
	page, err := o.c("QueryInstancesPage").QueryInstancesPage(ctx, nil, nil)
	require.NoError(o.t, err)
	require.Len(o.t, page.Instances, all)
	first := page.Instances[0].InstanceID
	statuses, err := o.c("GetStatuses").GetStatuses(ctx, []string{"nobody", first}, nil)
	require.NoError(o.t, err)
	require.Nil(o.t, statuses[0])
	require.Equal(o.t, first, statuses[1].InstanceID)
	counts, err := o.c("CountInstances").CountInstances(ctx, nil, nil)
	require.NoError(o.t, err)
	sum := 0
	for _, c := range counts {
		sum += c.Count
	}
	require.Equal(o.t, all, sum)
	_, err = o.c("SplitKeyRanges").SplitKeyRanges(ctx, 2)
	require.NoError(o.t, err)
	_, err = o.c("Explain").Explain(&durable.InstanceFilter{InstanceIDPrefix: "order-"})
	require.NoError(o.t, err)
	_, err = o.c("WaitForInstances").WaitForInstances(ctx, &durable.InstanceFilter{},
		&durable.WaitInstancesOptions{PollInterval: o.pause})
	require.NoError(o.t, err)
}

// repair rewinds what has failed, and resets what was terminated.
func (o *operations) repair() {
	ctx := o.t.Context()
	o.broken.Store(true)
	_, err := o.client.StartNew(ctx, "Fragile", nil, &durable.StartNewOptions{InstanceID: "fragile"})
	require.NoError(o.t, err)
	require.Equal(o.t, durable.RuntimeStatusFailed, o.wait(o.t, "fragile").RuntimeStatus)
	o.broken.Store(false)
	plan, err := o.c("PlanRewind").PlanRewind(ctx, "fragile", nil)
	require.NoError(o.t, err)
	require.Len(o.t, plan.Instances, 1)
	_, err = o.c("Rewind").Rewind(ctx, "fragile", "mended", nil)
	require.NoError(o.t, err)
	require.Equal(o.t, `"worked"`, string(o.until("fragile", durable.RuntimeStatusCompleted).Output))

	_, err = o.c("PlanReset").PlanReset(ctx, "stopped", 0, nil)
	require.NoError(o.t, err)
	_, err = o.c("Reset").Reset(ctx, "stopped", 0, "not enough", nil)
	require.NoError(o.t, err)
	require.NoError(o.t, o.client.RaiseEvent(ctx, "stopped", "Approval", "after all", nil))
	require.Equal(o.t, `"after all"`, string(o.until("stopped", durable.RuntimeStatusCompleted).Output))
}

func (o *operations) http() {
	ctx := o.t.Context()
	endpoint := &durable.ManagementEndpoint{BaseURL: "https://app.example.com/runtime/webhooks/durabletask", Code: "key"}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://app.example.com/start", http.NoBody)
	require.NoError(o.t, err)
	_, err = o.c("CreateHttpManagementPayload").CreateHttpManagementPayload("hello")
	require.ErrorIs(o.t, err, durable.ErrNoManagementEndpoint)
	with := durable.CheckStatusOptions{Endpoint: endpoint}
	answer, err := o.c("CreateCheckStatusResponse").CreateCheckStatusResponse(r, "hello", &with)
	require.NoError(o.t, err)
	require.Equal(o.t, http.StatusAccepted, answer.StatusCode)
	_, err = o.client.StartNew(ctx, "Hello", nil, &durable.StartNewOptions{InstanceID: "asked"})
	require.NoError(o.t, err)
	answer, err = o.c("WaitForCompletionOrCreateCheckStatusResponse").WaitForCompletionOrCreateCheckStatusResponse(
		ctx, r, "asked", &durable.WaitOrCheckStatusOptions{CheckStatusOptions: with, Timeout: patience, RetryInterval: o.pause})
	require.NoError(o.t, err)
	require.Equal(o.t, http.StatusOK, answer.StatusCode)
	require.Equal(o.t, `"Hello Tokyo!"`, string(answer.Body))
}

func (o *operations) useEntities() {
	ctx, id := o.t.Context(), durable.EntityID{Name: "Counter", Key: "tea"}
	state := func() string {
		s, err := o.c("ReadEntityState").ReadEntityState(ctx, id, nil)
		if err != nil {
			return err.Error()
		}
		return string(s.State)
	}
	for range 3 {
		require.NoError(o.t, o.c("SignalEntity").SignalEntity(ctx, id, "add", 5, nil))
	}
	require.NoError(o.t, o.client.SignalEntity(ctx, id, "nonsense", nil, nil))
	require.NoError(o.t, o.client.SignalEntity(ctx, id, "add", 1,
		&durable.SignalEntityOptions{ScheduledTime: time.Now().Add(1100 * time.Millisecond)}))
	require.Eventually(o.t, func() bool { return state() == "15" || state() == "16" }, patience, o.pause)
	require.Eventually(o.t, func() bool { return state() == "16" }, patience, o.pause)
	n := 0
	for e, err := range o.c("QueryEntities").QueryEntities(ctx, nil, nil) {
		require.NoError(o.t, err)
		require.Equal(o.t, "16", string(e.State))
		n++
	}
	require.Equal(o.t, 1, n)
	page, err := o.c("QueryEntitiesPage").QueryEntitiesPage(ctx, nil, nil)
	require.NoError(o.t, err)
	require.Len(o.t, page.Entities, 1)

	require.NoError(o.t, o.client.SignalEntity(ctx, id, "delete", nil, nil))
	require.Eventually(o.t, func() bool { return state() == "" }, patience, o.pause)
	_, err = o.c("CleanEntityStorage").CleanEntityStorage(ctx,
		&durable.CleanEntityStorageOptions{RemoveEmptyEntities: true, ReleaseOrphanedLocks: true})
	require.NoError(o.t, err)
}

func (o *operations) purge() {
	ctx := o.t.Context()
	result, err := o.c("Purge").Purge(ctx, "approved", nil)
	require.NoError(o.t, err)
	require.Equal(o.t, 1, result.InstancesDeleted)
	completed := &durable.InstanceFilter{Statuses: []durable.RuntimeStatus{durable.RuntimeStatusCompleted}}
	plan, err := o.c("PlanPurge").PlanPurge(ctx, completed, nil)
	require.NoError(o.t, err)
	require.NotNil(o.t, plan)
	result, err = o.c("PurgeInstances").PurgeInstances(ctx, completed, nil)
	require.NoError(o.t, err)
	require.Equal(o.t, 5, result.InstancesDeleted)
}

func (o *operations) manage() {
	ctx := o.t.Context()
	info, err := o.c("TaskHubInfo").TaskHubInfo(ctx, nil)
	require.NoError(o.t, err)
	require.Equal(o.t, 4, info.PartitionCount)
	hubs, err := o.c("ListTaskHubs").ListTaskHubs(ctx, nil)
	require.NoError(o.t, err)
	require.True(o.t, slices.ContainsFunc(hubs, func(h durable.TaskHubListing) bool {
		return strings.EqualFold(h.Name, o.client.TaskHub())
	}))
	o.RequireNoMessages()
	require.NoError(o.t, o.c("CreateTaskHub").CreateTaskHub(ctx, nil))
	o.stop()
	require.NoError(o.t, o.c("DeleteTaskHub").DeleteTaskHub(ctx, &durable.DeleteTaskHubOptions{Force: true}))
}
