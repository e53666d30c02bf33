package durable_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// difference is one of our decisions to do otherwise than the .NET client: how it would have done what it did, had it
// decided as we did. It reports whether that is any different.
type difference struct {
	name, reason string
	change       func(p *rerun, acts []act) ([]act, bool)
}

// differences are all there are; every one of them is needed. No other is: messages lie in Base64, as 1.17.5 has it.
var differences = []difference{
	{
		"no look before a start",
		"the row is inserted, and the insert fails if the ID is taken: two starts cannot both succeed, and a request is saved",
		func(p *rerun, acts []act) ([]act, bool) {
			free := strings.HasPrefix(p.step.Client, "start") && !p.known
			if !free || !strings.HasPrefix(acts[0].request, "GET table") {
				return acts, false
			}
			return acts[1:], true
		},
	},
	{
		"point read",
		"a key names one row; a query of it costs the service more and finds the same",
		func(_ *rerun, acts []act) ([]act, bool) {
			filter := regexp.MustCompile(`^GET table /(\w+)\?\$filter=PartitionKey eq '(.*)'$`)
			return rewrite(acts, func(a *act) {
				if parts := filter.FindStringSubmatch(a.request); parts != nil {
					a.request = fmt.Sprintf("GET table /%s(PartitionKey='%s',RowKey='')", parts[1], parts[2])
				}
			})
		},
	},
	{
		"inputs over 30720 units go to a blob at once",
		".NET puts the text of the row alone into a blob, by a column that its own status reader does not look at, so that " +
			"the input is missing until the instance has run",
		func(_ *rerun, acts []act) ([]act, bool) {
			i := slices.IndexFunc(acts, func(a act) bool { return strings.Contains(a.request, "/history--Input-") })
			if i < 0 {
				return acts, false
			}
			dir, _, _ := strings.Cut(acts[i].request, "/history--Input-")
			acts[i].request = dir + "/message-00112233445566778899aabbccddeeff-ExecutionStarted.json.gz"
			message := slices.IndexFunc(acts, isMessage)
			return append(slices.Delete(slices.Clone(acts[:i+1]), message, message+1), acts[message], acts[i+1]), true
		},
	},
	{
		"row first",
		"the row is what makes an ID one's own, and what is left of a start that was cut short can be seen and completed; " +
			"the worker puts a message without a row back for two seconds",
		func(p *rerun, acts []act) ([]act, bool) {
			message, row := slices.IndexFunc(acts, isMessage), slices.IndexFunc(acts, isRow)
			if message < 0 || row < message {
				return acts, false
			}
			acts = slices.Clone(acts)
			acts[message], acts[row] = acts[row], acts[message]
			return acts, true
		},
	},
	{
		"no implicit creation",
		"nothing of a hub that does not exist is made, so the hub is looked for before its container of payloads is",
		func(_ *rerun, acts []act) ([]act, bool) {
			i := slices.IndexFunc(acts, func(a act) bool { return strings.HasSuffix(a.request, "?restype=container") })
			if i < 0 {
				return acts, false
			}
			return slices.Insert(slices.Clone(acts), i, act{request: "GET table /<hub>Instances()"}), true
		},
	},
	{
		"tags without $type, sorted",
		"the $type names an assembly that not every runtime has; an order of its own makes the text reproducible",
		func(_ *rerun, acts []act) ([]act, bool) {
			return rewrite(acts, func(a *act) {
				a.wrote = strings.ReplaceAll(a.wrote, "\"$type\":\"System.Collections.Generic.Dictionary`2[[System.String, "+
					"System.Private.CoreLib],[System.String, System.Private.CoreLib]]\",", "")
				a.wrote = strings.ReplaceAll(a.wrote, `"team":"blue","cost":"42"`, `"cost":"42","team":"blue"`)
			})
		},
	},
	{
		"delay rounded up",
		"the service counts in seconds; cut off, a start would run before its time",
		func(p *rerun, acts []act) ([]act, bool) {
			return rewrite(acts, func(a *act) {
				a.request = strings.Replace(a.request, fmt.Sprintf("visibilitytimeout=%d", p.seconds-1),
					fmt.Sprintf("visibilitytimeout=%d", p.seconds), 1)
			})
		},
	},
	{
		"a look before the event",
		"the step start-with-event was made with the client of the engine, which looks at no state; the client of the " +
			"extension does, as the steps raise-event show, and so do we",
		func(p *rerun, acts []act) ([]act, bool) {
			if p.step.Client != "start-with-event" {
				return acts, false
			}
			look := act{request: fmt.Sprintf("GET table /<hub>Instances(PartitionKey='%s',RowKey='')", p.step.Args[1])}
			return slices.Insert(slices.Clone(acts), len(acts)-1, look), true
		},
	},
	{
		"Terminate of a Pending instance is a merge",
		"the worker marks the instance Terminated and runs its start message all the same",
		func(p *rerun, acts []act) ([]act, bool) {
			if p.step.Client != "terminate" || !p.pending {
				return acts, false
			}
			key := fmt.Sprintf("(PartitionKey='%s',RowKey=", p.step.Args[0])
			return append(slices.Clone(acts[:len(acts)-1]),
				act{request: "GET table /<hub>History" + key + "'sentinel')"},
				act{request: "MERGE table /<hub>Instances" + key + "'')"}), true
		},
	},
}

func isMessage(a act) bool { return strings.HasPrefix(a.request, "POST queue") }

func isRow(a act) bool {
	return !strings.HasPrefix(a.request, "GET") && strings.Contains(a.request, " table ")
}

func rewrite(acts []act, change func(*act)) (changed []act, differ bool) {
	changed = slices.Clone(acts)
	for i := range changed {
		change(&changed[i])
		differ = differ || changed[i] != acts[i]
	}
	return changed, differ
}
