package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-durable/durable/operate"
)

// kindTexts say what the kinds of findings are.
var kindTexts = map[operate.FindingKind]string{
	operate.KindRowBehindHistory:        "has ended, but its row says that it goes on",
	operate.KindStartNotSent:            "is Pending, and no message will start it",
	operate.KindActivityLost:            "waits for an activity that nobody runs",
	operate.KindTimerLost:               "waits for an overdue timer without message",
	operate.KindAnswerLost:              "waits for a sub-orchestration that has ended",
	operate.KindWakeNotSent:             "was rewound by halves: nobody wakes it",
	operate.KindHistoryWithoutRow:       "has a history, but no row",
	operate.KindPayloadsWithoutInstance: "payloads that belong to nothing",
	operate.KindPoisonMessage:           "a message that no worker can handle",
	operate.KindMessagesUnread:          "messages where no host looks",
	operate.KindPartitionUnowned:        "a control queue that no host reads",
	operate.KindPartitionCount:          "contradictions about how many partitions",
	operate.KindEntityLockOrphaned:      "an entity locked by what has ended",
	operate.KindBrokenByRewind:          "non-deterministic since another rewind",
	operate.KindUnreadableForDotNet:     "a text that .NET clients fail to read",
	operate.KindIDsDifferByCase:         "two IDs that differ only in case",
	operate.KindIncomplete:              "the check-up could not be complete",
}

// forPeople are the kinds that only people or hosts can do something about.
var forPeople = []operate.FindingKind{operate.KindPartitionUnowned, operate.KindIDsDifferByCase, operate.KindIncomplete}

// ofTheHub are the kinds that are never about an instance.
var ofTheHub = []operate.FindingKind{operate.KindMessagesUnread, operate.KindPartitionUnowned, operate.KindPartitionCount}

func repairable() []operate.FindingKind {
	return slices.DeleteFunc(operate.Kinds(), func(k operate.FindingKind) bool { return slices.Contains(forPeople, k) })
}

func kindNames(kinds []operate.FindingKind) []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return names
}

// checkKinds refuses kinds that are not among those that a flag takes: a typing error must not make a hub look healthy.
func checkKinds(flag string, given []string, known []operate.FindingKind) error {
	for _, k := range given {
		switch kind := operate.FindingKind(k); {
		case slices.Contains(known, kind):
		case slices.Contains(forPeople, kind):
			return usageError("--%s: %s can only be mended by people or hosts", flag, k)
		default:
			return usageError("--%s: the kind %q is unknown; there are %s", flag, k, strings.Join(kindNames(known), ", "))
		}
	}
	return nil
}

// checkPart refuses to look in a part of the hub for what is about the whole: not to find it would look healthy.
func (f *doctorFlags) checkPart() error {
	if f.id == "" && f.prefix == "" {
		return nil
	}
	for _, k := range slices.Concat(f.kinds, f.repair) {
		if slices.Contains(ofTheHub, operate.FindingKind(k)) {
			return usageError("%s is about the whole task hub: leave --%s and --id-prefix out", k, flagID)
		}
	}
	return nil
}

func doctorHelp() string {
	var b strings.Builder
	b.WriteString(`Check the whole task hub and show what is wrong as it is found: in words on a terminal, else each finding as a line of JSON.
Nothing is changed without --repair. Both tables are read once, a thousand rows a request, and the payloads are listed; with
--id or --id-prefix that part of them, and what is about the hub as a whole is left out.

What seems to be lost is looked at twice, with --interval in between, since a message may be on its way: so a check-up that
suspects something takes 30 seconds longer. A shorter interval is quicker, and good enough for a hub at which no host is at
work. In a hub under load less is found, and nothing that is not so.

The kinds of findings; those with a star can be repaired:
`)
	for _, k := range operate.Kinds() {
		star := "*"
		if slices.Contains(forPeople, k) {
			star = " "
		}
		fmt.Fprintf(&b, "  %s %-26s   %s\n", star, k, kindTexts[k])
	}
	b.WriteString(`
--repair looks for findings of the kinds given, shows what would be done about each, and asks. Each is looked at again at its
turn, and is left alone if it does not hold any more. Before the first repair a file is opened (--record) that gets one line
of JSON for each, with what was there before and after; it may hold inputs and outputs. 'durable undo' reads it. Where the
queues are full of other messages, repairs are put off and tried again for as long as that helps. One that fails does not
keep the others from being tried, unless the hub is out of reach or access is denied. --limit 10 tries it with the first ten.

The exit code is 0 if nothing is wrong or all was repaired, 6 if there are findings, or some are left, and 3 if there is no
instance --id.`)
	return b.String()
}
