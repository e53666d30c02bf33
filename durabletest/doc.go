// Package durabletest is a task hub in memory, for tests of programs that use package durable and for trying it out. No
// storage account, no emulator and no Functions host is needed.
//
// The client of a hub is a real one: all of package durable's logic runs, and writes the rows, messages and payloads
// that it would write to Azure. What the hub replaces is the storage below the client and the host on the other side.
// Nothing runs by itself; the test moves an instance on by hand:
//
//	hub := durabletest.NewHub(t, nil)
//	orders := NewOrderService(hub.Client())     // the code under test
//
//	orders.Place(t.Context(), order)            // starts an instance
//	hub.Run("order-1")                          // Running
//	hub.SetCustomStatus("order-1", "packing")
//	hub.Complete("order-1", "sent")             // Completed
//
// Each of these calls is what a worker calls an episode: it takes the messages for the instance out of the control
// queue, applies them in the worker's order and by the worker's rules, adds what the orchestrator decides, and writes
// history and status exactly as DurableTask.AzureStorage 1.17.5 does. So a client cannot tell the difference: an event
// that is raised too early is lost, a suspended instance does not go on, a cancelled start never runs.
// [Hub.Step] makes several decisions in one episode, as a real orchestrator often does.
//
// # Time
//
// The hub's clock stands still until [Hub.Advance] moves it. It decides when a scheduled start is due, and what the
// times in rows are; nothing ever sleeps for it.
//
// What waits in the client, such as WaitForCompletion, waits by the timers of package time. Let a goroutine complete the
// instance meanwhile, which takes real time, or run the test in a bubble of testing/synctest, where waiting takes none.
// With time.Now as [Options.Clock] the hub then follows the bubble's clock:
//
//	synctest.Test(t, func(t *testing.T) {
//		hub := durabletest.NewHub(t, &durabletest.Options{Clock: time.Now})
//		go func() {
//			time.Sleep(time.Hour) // takes no time in the bubble
//			if err := hub.Hub.Complete(t.Context(), "order-1", "sent"); err != nil {
//				t.Error(err)
//			}
//		}()
//		...
//	})
//
// # Two kinds of hub
//
// [NewHub] returns a [TestHub]: its methods end the test when they fail, and so may only be called by the test's own
// goroutine. [New] returns a [Hub], whose methods return errors: for programs, and for other goroutines of a test.
package durabletest
