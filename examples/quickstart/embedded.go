package main

import (
	"context"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

type order struct {
	Item  string  `json:"item"`
	Price float64 `json:"price"`
}

type approval struct {
	By       string `json:"by"`
	Approved bool   `json:"approved"`
}

const (
	orderID  = "order-1001"
	function = "ApproveOrder"
)

// demo is the tour in memory: the client under one arm, the app's part under the other.
type demo struct {
	*screen
	client *durable.OrchestrationClient
	hub    *durabletest.Hub
	app    *durabletest.Host
}

// waiting is what the orchestrator does until somebody has decided.
const waiting = "waiting for approval"

// app is what the app's orchestrator does.
func app() durabletest.Scripts {
	return durabletest.Scripts{function: {
		durabletest.CustomStatus{Status: waiting},
		durabletest.WaitForEvent{Name: "Approval"},
		durabletest.CustomStatus{},
		durabletest.Decide(decide),
	}}
}

func decide(p *durabletest.Progress) durabletest.Step {
	var a approval
	event := p.Outcomes()[0]
	if err := event.Decode(&a); err != nil || !a.Approved {
		return durabletest.Fail{Reason: "the order was not approved"}
	}
	return durabletest.Complete{Output: "approved by " + a.By}
}

func embedded(ctx context.Context, s *screen) error {
	hub, err := durabletest.New(nil) //nolint:contextcheck // it never waits
	if err != nil {
		return err
	}
	host, err := durabletest.NewHost(hub, app(), nil)
	if err != nil {
		return err
	}
	d := &demo{screen: s, client: hub.Client(), hub: hub, app: host}
	d.title("An order that waits for an approval", "The client is a real one. The task hub lies in memory, and this program "+
		"also plays the app that runs the orchestrator. No Azure is needed.")
	steps := []func(context.Context) error{d.start, d.takeUp, d.approve, d.wait, d.showHistory}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.title("Next", "The same client on a real task hub:")
	s.printf("%s", `
     go run ./examples/quickstart -connection AzureWebJobsStorage \
         -hub MyHub -function MyOrchestrator

`)
	return s.err
}

func (d *demo) start(ctx context.Context) error {
	d.heading("Start an orchestration", `client.StartNew(ctx, "ApproveOrder", order, opts)`)
	o := order{"espresso machine", 249}
	_, err := d.client.StartNew(ctx, function, o, &durable.StartNewOptions{InstanceID: orderID})
	if err != nil {
		return err
	}
	d.line("instance", orderID)
	d.value("input", o)
	return d.show(ctx, "Its row and its start message lie in the hub. Nobody has taken it up yet.")
}

// show prints what a client sees, and what it means.
func (d *demo) show(ctx context.Context, meaning string) error {
	st, err := d.client.GetStatus(ctx, orderID, nil)
	if err != nil {
		return err
	}
	d.status(st)
	d.text("")
	d.text(meaning)
	return nil
}

func (d *demo) takeUp(ctx context.Context) error {
	d.heading("Look at its status while it runs", `client.GetStatus(ctx, "order-1001", nil)`)
	d.hub.Advance(time.Second)
	if err := d.app.RunUntilIdle(ctx); err != nil {
		return err
	}
	return d.show(ctx, `The app has taken it up. The orchestrator has set a custom status and waits for the event "Approval".`)
}

func (d *demo) approve(ctx context.Context) error {
	d.heading("Raise the event", `client.RaiseEvent(ctx, "order-1001", "Approval", approval, nil)`)
	d.hub.Advance(2 * time.Minute)
	decision := approval{"Ana", true}
	if err := d.client.RaiseEvent(ctx, orderID, "Approval", decision, nil); err != nil {
		return err
	}
	d.hub.Advance(time.Second)
	if err := d.app.RunUntilIdle(ctx); err != nil {
		return err
	}
	d.line("event", "Approval")
	d.value("data", decision)
	d.text("")
	d.text("The orchestrator receives it and ends.")
	return nil
}

func (d *demo) wait(ctx context.Context) error {
	d.heading("Wait for the end", `client.WaitForCompletion(ctx, "order-1001", nil)`)
	st, err := d.client.WaitForCompletion(ctx, orderID, nil)
	if err != nil {
		return err
	}
	d.status(st)
	return nil
}

func (d *demo) showHistory(ctx context.Context) error {
	d.heading("Read its history", `client.GetHistory(ctx, "order-1001", nil)`)
	events, err := d.client.GetHistory(ctx, orderID, nil)
	if err != nil {
		return err
	}
	d.history(events[1].Timestamp, events)
	return nil
}
