package docs_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/operate"
)

// The tests here are what porting.md shows: a line of Go there is a line here.

const connection = "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net"

// credential is never asked for a token: constructors do no I/O.
type noCredential struct{ azcore.TokenCredential }

func TestPortingConnect(t *testing.T) {
	t.Parallel()
	client, err := durable.NewOrchestrationClientFromConnectionString(connection, "MyHub", nil)
	require.NoError(t, err)
	require.Equal(t, "MyHub", client.TaskHub())
	credential := noCredential{}
	client, err = durable.NewOrchestrationClient(durable.AccountEndpoints("myaccount"), "MyHub", credential, nil)
	require.NoError(t, err)
	require.Equal(t, "MyHub", client.TaskHub())
}

func TestPortingStart(t *testing.T) {
	t.Parallel()
	ctx, client := t.Context(), durabletest.NewHub(t, nil).Client()
	input := map[string]string{"city": "Tokyo"}
	id, err := client.StartNew(ctx, "ProcessOrder", input, nil)
	require.NoError(t, err)
	require.Len(t, id, 32)
	id, err = client.StartNew(ctx, "ProcessOrder", input, &durable.StartNewOptions{InstanceID: "order-18"})
	require.NoError(t, err)
	require.Equal(t, "order-18", id)
	status, started, err := client.StartOrGet(ctx, "ProcessOrder", "order-18", input, nil)
	require.NoError(t, err)
	require.False(t, started)
	require.Equal(t, durable.RuntimeStatusPending, status.RuntimeStatus)
	_, err = client.StartNew(ctx, "ProcessOrder", input, &durable.StartNewOptions{InstanceID: "order-18"})
	require.ErrorIs(t, err, durable.ErrInstanceExists)
}

func TestPortingLook(t *testing.T) {
	t.Parallel()
	ctx, client := t.Context(), started(t, durable.RuntimeStatusRunning).Client()
	status, err := client.GetStatus(ctx, "order-17", nil)
	require.NoError(t, err)
	require.Equal(t, durable.RuntimeStatusRunning, status.RuntimeStatus)
	events, err := client.GetHistory(ctx, "order-17", nil)
	require.NoError(t, err)
	require.NotEmpty(t, events)
	_, err = client.GetStatus(ctx, "nobody", nil)
	require.ErrorIs(t, err, durable.ErrInstanceNotFound)
}

func TestPortingLookAtMany(t *testing.T) {
	t.Parallel()
	ctx, client := t.Context(), started(t, durable.RuntimeStatusRunning).Client()
	filter := &durable.InstanceFilter{Statuses: []durable.RuntimeStatus{durable.RuntimeStatusRunning}}
	found := 0
	for status, err := range client.QueryInstances(ctx, filter, nil) {
		require.NoError(t, err)
		require.Equal(t, "order-17", status.InstanceID)
		found++
	}
	require.Equal(t, 1, found)
	page, err := client.QueryInstancesPage(ctx, filter, &durable.PageOptions{Size: 100})
	require.NoError(t, err)
	require.Len(t, page.Instances, 1)
	counts, err := client.CountInstances(ctx, nil, nil)
	require.NoError(t, err)
	require.Len(t, counts, 1)
	_, err = client.CountInstances(ctx, &durable.InstanceFilter{Statuses: []durable.RuntimeStatus{"running"}}, nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
}

func TestPortingWait(t *testing.T) {
	t.Parallel()
	hub := started(t, durable.RuntimeStatusCompleted)
	ctx, client := t.Context(), hub.Client()
	status, err := client.WaitForCompletion(ctx, "order-17", nil)
	require.NoError(t, err)
	require.JSONEq(t, `"done"`, string(status.Output))
	request := httptest.NewRequestWithContext(ctx, "GET", "https://app.example/start", nil)
	wait := &durable.WaitOrCheckStatusOptions{CheckStatusOptions: durable.CheckStatusOptions{Endpoint: endpoint}}
	response, err := client.WaitForCompletionOrCreateCheckStatusResponse(ctx, request, "order-17", wait)
	require.NoError(t, err)
	require.Equal(t, 200, response.StatusCode)
}

// endpoint is where the HTTP API of the app is.
var endpoint = &durable.ManagementEndpoint{
	BaseURL: "https://app.example/runtime/webhooks/durabletask", Connection: "Storage", Code: "key",
}

func TestPortingManagement(t *testing.T) {
	t.Parallel()
	options := &durable.ClientOptions{Management: endpoint}
	client, err := durable.NewOrchestrationClientFromConnectionString(connection, "MyHub", options)
	require.NoError(t, err)
	payload, err := client.CreateHttpManagementPayload("order-17")
	require.NoError(t, err)
	require.Contains(t, payload.StatusQueryGetURI, "https://app.example/runtime/webhooks/durabletask/instances/order-17?")
	request := httptest.NewRequestWithContext(t.Context(), "GET", "https://app.example/start", nil)
	response, err := client.CreateCheckStatusResponse(request, "order-17", nil)
	require.NoError(t, err)
	require.Equal(t, 202, response.StatusCode)
}

func TestPortingEvents(t *testing.T) {
	t.Parallel()
	hub := started(t, durable.RuntimeStatusRunning)
	ctx, client := t.Context(), hub.Client()
	check := func(err error) { t.Helper(); require.NoError(t, err) }
	{
		err := client.RaiseEvent(ctx, "order-17", "Approval", true, nil)
		check(err)
	}
	require.JSONEq(t, `true`, string(hub.ReceiveEvent("order-17", "Approval")))
	{
		err := client.Suspend(ctx, "order-17", "hold on", nil)
		check(err)
	}
	hub.Process("order-17")
	{
		err := client.Resume(ctx, "order-17", "go on", nil)
		check(err)
	}
	hub.Process("order-17")
	{
		err := client.Terminate(ctx, "order-17", "found a bug", nil)
		check(err)
	}
	hub.Process("order-17")
	status, err := client.GetStatus(ctx, "order-17", nil)
	check(err)
	require.Equal(t, durable.RuntimeStatusTerminated, status.RuntimeStatus)
}

func TestPortingTerminateTree(t *testing.T) {
	t.Parallel()
	ctx, client := t.Context(), started(t, durable.RuntimeStatusRunning).Client()
	result, err := operate.TerminateTree(ctx, client, "order-17", "found a bug", nil)
	require.NoError(t, err)
	require.Len(t, result.Steps, 1)
}

func TestPortingUnblock(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	app := hub.NewHost(durabletest.Scripts{"ProcessOrder": {
		durabletest.Activity{Name: "Charge"}, durabletest.Timer{Duration: time.Hour},
	}}, nil)
	ctx, client := t.Context(), hub.Client()
	_, err := client.StartNew(ctx, "ProcessOrder", nil, &durable.StartNewOptions{InstanceID: "order-17"})
	require.NoError(t, err)
	app.RunUntilIdle()
	look, err := operate.Inspect(ctx, client, "order-17", nil)
	require.NoError(t, err)
	require.Len(t, look.Open, 1)
	require.Equal(t, 1, look.Open[0].EventID)
	tree, err := operate.Tree(ctx, client, "order-17", nil)
	require.NoError(t, err)
	require.Equal(t, durable.RuntimeStatusRunning, tree.Root.RuntimeStatus)
	move, err := operate.FireTimer(ctx, client, "order-17", 1, nil)
	require.NoError(t, err)
	require.True(t, move.Done)
	app.RunUntilIdle()
	hub.RequireStatus("order-17", durable.RuntimeStatusCompleted)
}

// A terminate cancels what has not started.
func TestPortingTerminatePending(t *testing.T) {
	t.Parallel()
	hub := started(t, durable.RuntimeStatusPending)
	require.NoError(t, hub.Client().Terminate(t.Context(), "order-17", "never mind", nil))
	status, err := hub.Client().GetStatus(t.Context(), "order-17", nil)
	require.NoError(t, err)
	require.Equal(t, durable.RuntimeStatusTerminated, status.RuntimeStatus)
}

func TestPortingRewind(t *testing.T) {
	t.Parallel()
	ctx, client := t.Context(), started(t, durable.RuntimeStatusFailed).Client()
	{
		plan, err := client.PlanRewind(ctx, "order-17", nil)
		require.NoError(t, err)
		require.NotEmpty(t, plan.Instances)
	}
	{
		plan, err := client.Rewind(ctx, "order-17", "the database is back", nil)
		require.NoError(t, err)
		require.NotEmpty(t, plan.Instances)
	}
}

func TestPortingRunAgain(t *testing.T) {
	t.Parallel()
	hub := started(t, durable.RuntimeStatusCompleted)
	ctx, client := t.Context(), hub.Client()
	{
		plan, err := client.Reset(ctx, "order-17", 0, "mended", nil)
		require.NoError(t, err)
		require.NotEmpty(t, plan.Instances)
	}
	hub.Complete("order-17", "done again")
	{
		id, err := client.Restart(ctx, "order-17", nil)
		require.NoError(t, err)
		require.NotEqual(t, "order-17", id)
	}
	{
		id, err := client.Restart(ctx, "order-17", &durable.RestartOptions{ReuseInstanceID: true})
		require.NoError(t, err)
		require.Equal(t, "order-17", id)
	}
}

func TestPortingPurge(t *testing.T) {
	t.Parallel()
	hub := started(t, durable.RuntimeStatusCompleted)
	ctx, client := t.Context(), hub.Client()
	filter := &durable.InstanceFilter{CreatedTo: time.Now().Add(time.Hour)}
	{
		plan, err := client.PlanPurge(ctx, filter, nil)
		require.NoError(t, err)
		require.Equal(t, 1, plan.Instances)
	}
	{
		result, err := client.PurgeInstances(ctx, filter, nil)
		require.NoError(t, err)
		require.Equal(t, 1, result.InstancesDeleted)
	}
	{
		result, err := client.Purge(ctx, "order-17", nil)
		require.NoError(t, err)
		require.Zero(t, result.InstancesDeleted)
	}
	_, err := client.StartNew(ctx, "ProcessOrder", nil, &durable.StartNewOptions{InstanceID: "order-17"})
	require.NoError(t, err)
	hub.Run("order-17")
	_, err = client.Purge(ctx, "order-17", nil)
	require.ErrorIs(t, err, durable.ErrInvalidState)
	running := &durable.InstanceFilter{Statuses: []durable.RuntimeStatus{durable.RuntimeStatusRunning}}
	_, err = client.PurgeInstances(ctx, running, nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
}

func TestPortingEntities(t *testing.T) {
	t.Parallel()
	ctx, client := t.Context(), durabletest.NewHub(t, nil).Client()
	counter := durable.EntityID{Name: "Counter", Key: "k1"}
	{
		err := client.SignalEntity(ctx, counter, "add", 5, nil)
		require.NoError(t, err)
	}
	state, err := client.ReadEntityState(ctx, counter, nil)
	require.NoError(t, err)
	require.False(t, state.Exists)
	for entity, err := range client.QueryEntities(ctx, nil, nil) {
		require.NoError(t, err)
		require.NotNil(t, entity)
	}
}

func TestPortingTaskHubs(t *testing.T) {
	t.Parallel()
	ctx, client := t.Context(), durabletest.NewHub(t, nil).Client()
	{
		err := client.CreateTaskHub(ctx, nil)
		require.NoError(t, err)
	}
	info, err := client.TaskHubInfo(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, 4, info.PartitionCount)
	{
		err := client.DeleteTaskHub(ctx, nil)
		require.NoError(t, err)
	}
	_, err = client.GetStatus(ctx, "order-17", nil)
	require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
}
