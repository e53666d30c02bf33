// Package durabletest is for tests of programs that use package durable: a task hub in memory, a host that stands in for
// the Functions app on the other side, and assertions on what lies between the two. No storage account, no emulator and
// no Functions host is needed; where there is one, the same host works on it.
//
// The client of a hub is a real one: all of package durable's logic runs, and writes the rows, messages and payloads
// that it would write to Azure. What the hub replaces is the storage below the client.
//
//	func TestPlaceOrder(t *testing.T) {
//		hub := durabletest.NewHub(t, nil)
//		app := hub.NewHost(durabletest.Scripts{"ProcessOrder": {
//			durabletest.Activity{Name: "Reserve", Input: "tea", Result: "reserved"},
//			durabletest.WaitForEvent{Name: "Paid", Timeout: 24 * time.Hour},
//			durabletest.Complete{Output: "sent"},
//		}}, nil)
//		orders := NewOrderService(hub.Client()) // the code under test
//
//		orders.Place(t.Context(), 1, "tea")
//		hub.RequireStarted("order-1", "ProcessOrder", "tea")
//		app.RunUntilIdle()
//		hub.RequireStatus("order-1", durable.RuntimeStatusRunning)
//		orders.Pay(t.Context(), 1)
//		app.RunUntilIdle()
//		hub.RequireOutput("order-1", "sent")
//	}
//
// # Scripts
//
// A [Host] takes orchestrators as scripts. A [Script] is a list of steps: [Activity], [WaitForEvent], [Timer],
// [CustomStatus], [SubOrchestration], [SendEvent], [Parallel], [Decide], [ContinueAsNew], [Complete] and [Fail]. Decide is
// a function that chooses the next step from what came so far; it makes branches, loops and inputs that depend on
// results. There is nothing for retries: they are activities that Catch their failure, with timers between them.
//
// Scripts are data, and say what an app does, not how: the host runs no orchestrator code. But it takes messages, and
// writes history, status, messages and payloads, exactly as DurableTask.AzureStorage 1.17.5 does, which is tested against
// recordings of it. So a client cannot tell the difference: an event that is raised too early is lost, a suspended
// instance does not go on, a cancelled start never runs, a rewound instance does again what was taken out of its
// history. Entities are functions, in [HostOptions].
//
// # By hand
//
// A test can also move an instance on itself. Each step is what a worker calls an episode: it takes the messages for the
// instance out of the control queue, applies them in the worker's order and by the worker's rules, adds what the
// orchestrator decides, and writes history and status.
//
//	hub.Run("order-1")                          // Running
//	hub.SetCustomStatus("order-1", "packing")
//	hub.Complete("order-1", "sent")             // Completed
//
// [Hub.Step] makes several decisions in one episode, as a real orchestrator often does. Leave instances that have a
// script to the host.
//
// # Time
//
// The hub's clock stands still until it is moved on. It decides when timers and scheduled starts are due, and what the
// times in rows are; nothing ever sleeps for it. [Host.Advance] lets the host do on the way what becomes due, each at its
// time, and [Hub.Advance] moves the clock alone. [Host.RunUntilIdle] does all that can be done now. Both do the same
// things in the same order every time, and in memory the IDs that are generated are the same in every run. As at the
// engine, a timer may fire up to a second early.
//
// What waits in the client, such as WaitForCompletion, waits by the timers of package time. Let a goroutine move the
// instance on meanwhile, which takes real time, or run the test in a bubble of testing/synctest, where waiting takes
// none. With time.Now as [Options.Clock] the hub then follows the bubble's clock:
//
//	synctest.Test(t, func(t *testing.T) {
//		hub := durabletest.NewHub(t, &durabletest.Options{Clock: time.Now})
//		app := hub.NewHost(scripts, nil)
//		go app.Run(t.Context()) // until the test ends
//		...
//	})
//
// # What lies in the hub
//
// [TestHub.RequireStarted], [TestHub.RequireEventRaised], [TestHub.RequireTerminated], [TestHub.RequireStatus],
// [TestHub.RequireOutput] and [TestHub.RequireNoMessages] say in the words of the client what was asked for and what came
// of it. [Hub.Messages] lists what waits for the app. [Hub.Dump] writes all of a hub, also of a real one, and [Load] makes
// a hub of that: so an incident in production becomes a test.
//
// # What goes wrong
//
// [Hub.Inject] lets requests of the client fail: accounts that are too busy, answers that are lost although the request
// was carried out, somebody else who is faster, a task hub that is not there, answers that take long.
//
// # Seams
//
// Code that takes a *durable.OrchestrationClient can be tested as it is. Where a seam is wanted all the same, let the
// code under test declare an interface with the one or two methods that it calls; the client has them, and so has a fake
// of a few lines:
//
//	// Starter is all that Signups needs of a client.
//	type Starter interface {
//		StartNew(ctx context.Context, orchestrator string, input any, opts *durable.StartNewOptions) (string, error)
//	}
//
//	type Signups struct{ Client Starter }
//
// Package durable has no interface of its client for that purpose: it would have dozens of methods, and each new one
// would break every fake.
//
// # Real hubs
//
// [Open] returns the hub of a client that is connected to a storage emulator or an account. [NewHost] works on it as on
// one in memory, with [Host.Run] as the app that goes on by itself. Hosts and steps refuse to work where an app does, as
// its leases show, but hold none themselves: use a task hub of its own for each test, and one [Hub] for it.
//
// # Two kinds of everything
//
// [NewHub], [OpenHub] and [LoadHub] return a [TestHub], and its NewHost a [TestHost]: their methods end the test when they
// fail, and so may only be called by the test's own goroutine. [New], [Open], [Load] and [NewHost] return a [Hub] and a
// [Host], whose methods return errors: for programs, and for other goroutines of a test.
package durabletest
