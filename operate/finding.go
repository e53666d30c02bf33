package operate

import "slices"

// FindingKind is what is wrong.
type FindingKind string

// The kinds of findings.
const (
	// KindRowBehindHistory: the history has ended, but the row says that the instance goes on.
	KindRowBehindHistory FindingKind = "row-behind-history"
	// KindStartNotSent: an instance is Pending, and no message will ever start it.
	KindStartNotSent FindingKind = "start-not-sent"
	// KindActivityLost: an instance waits for an activity of which there is no work item and no result. Its repair is
	// [Reschedule].
	KindActivityLost FindingKind = "activity-lost"
	// KindTimerLost: an instance waits for a timer that is overdue and has no message. Its repair is [FireTimer].
	KindTimerLost FindingKind = "timer-lost"
	// KindAnswerLost: an instance waits for a sub-orchestration that has ended, and no message says so. Its repair is
	// [CompleteSubOrchestration] or [FailSubOrchestration].
	KindAnswerLost FindingKind = "answer-lost"
	// KindWakeNotSent: rows of the history were rewritten, as by a rewind or by Reschedule, and no message will make a worker
	// look at them: whoever did it was interrupted.
	KindWakeNotSent FindingKind = "wake-not-sent"
	// KindHistoryWithoutRow: there is a history, but no instance.
	KindHistoryWithoutRow FindingKind = "history-without-row"
	// KindPayloadsWithoutInstance: there are payloads, but neither instance nor history.
	KindPayloadsWithoutInstance FindingKind = "payloads-without-instance"
	// KindPoisonMessage: a message that no worker can read, or that was put back again and again. Its repair is
	// [QuarantineMessage].
	KindPoisonMessage FindingKind = "poison-message"
	// KindMessagesUnread: messages lie in a control queue that no host reads.
	KindMessagesUnread FindingKind = "messages-unread"
	// KindPartitionUnowned: no host reads a control queue that one should read.
	KindPartitionUnowned FindingKind = "partition-unowned"
	// KindPartitionCount: the places that say how many partitions the hub has contradict each other. Its repair needs
	// PartitionCount of [RepairOptions].
	KindPartitionCount FindingKind = "partition-count"
	// KindEntityLockOrphaned: an entity is locked by an instance that has ended or does not exist.
	KindEntityLockOrphaned FindingKind = "entity-lock-orphaned"
	// KindBrokenByRewind: a rewind has made an instance non-deterministic. Its repair is
	// [durable.OrchestrationClient.Rewind] with Heal.
	KindBrokenByRewind FindingKind = "broken-by-rewind"
	// KindUnreadableForDotNet: a text in a row makes .NET clients and the HTTP API fail to read it.
	KindUnreadableForDotNet FindingKind = "unreadable-for-dotnet"
	// KindIDsDifferByCase: two instances that have not ended have IDs which differ only in case.
	KindIDsDifferByCase FindingKind = "ids-differ-by-case"
	// KindIncomplete: a check is not complete: a limit was reached, or an instance cannot be read, of which its summary
	// tells. Of such an instance nothing else is known, and workers mostly cannot read it either: what helps is to terminate
	// or reset it, or to purge it and start it anew.
	KindIncomplete FindingKind = "check-incomplete"
)

// Kinds returns all kinds of findings.
func Kinds() []FindingKind {
	return []FindingKind{
		KindRowBehindHistory, KindStartNotSent, KindActivityLost, KindTimerLost, KindAnswerLost, KindWakeNotSent,
		KindHistoryWithoutRow, KindPayloadsWithoutInstance, KindPoisonMessage, KindMessagesUnread, KindPartitionUnowned,
		KindPartitionCount, KindEntityLockOrphaned, KindBrokenByRewind, KindUnreadableForDotNet, KindIDsDifferByCase, KindIncomplete,
	}
}

func (k FindingKind) known() bool { return slices.Contains(Kinds(), k) }

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	// SeverityError: something does not go on, or is lost.
	SeverityError Severity = "error"
	// SeverityWarning: something is in the way, or will be.
	SeverityWarning Severity = "warning"
	// SeverityInfo: litter.
	SeverityInfo Severity = "info"
)

// severity is that of all findings of a kind.
func (k FindingKind) severity() Severity {
	switch k {
	case KindPayloadsWithoutInstance:
		return SeverityInfo
	case KindIncomplete, KindHistoryWithoutRow, KindUnreadableForDotNet, KindIDsDifferByCase, KindPartitionCount:
		return SeverityWarning
	default:
		return SeverityError
	}
}

// repair says in words what [Repair] does about a kind, "" where it can do nothing.
func (k FindingKind) repair() string {
	return map[FindingKind]string{
		KindRowBehindHistory:        "merge state, output and end from the history into the row",
		KindStartNotSent:            "send the start again, made from the row",
		KindActivityLost:            "let the orchestrator schedule the activity again",
		KindTimerLost:               "fire the timer",
		KindAnswerLost:              "send the answer again, made from the row of the sub-orchestration",
		KindWakeNotSent:             "send the message that wakes it",
		KindHistoryWithoutRow:       "rebuild the row from the history, or purge the history",
		KindPayloadsWithoutInstance: "delete the payloads",
		KindPoisonMessage:           "quarantine the message",
		KindMessagesUnread:          "move the messages to the queues that are read",
		KindPartitionCount:          "write the true number, which has to be given, to taskhub.json, and delete empty queues beyond it",
		KindEntityLockOrphaned:      "send the entity the release of its lock",
		KindBrokenByRewind:          "heal it and rewind it by cause",
		KindUnreadableForDotNet:     "write the text as a JSON string",
	}[k]
}

// Finding is something that is wrong. It marshals to JSON and back, and is what [Repair] takes.
type Finding struct {
	Kind     FindingKind `json:"kind"`
	Severity Severity    `json:"severity"`
	// InstanceID is the instance, "" for a finding about the hub. ExecutionID is its execution.
	InstanceID  string `json:"instanceId,omitempty"`
	ExecutionID string `json:"executionId,omitempty"`
	// EventID is the action that is lost.
	EventID *int `json:"eventId,omitempty"`
	// Queue is the queue, MessageID the message, of a finding about them.
	Queue     string `json:"queue,omitempty"`
	MessageID string `json:"messageId,omitempty"`
	// Key is the partition key of the instance, or the folder of the payloads.
	Key string `json:"key,omitempty"`
	// Summary says in a sentence what is wrong. Evidence is what shows it.
	Summary  string   `json:"summary"`
	Evidence []string `json:"evidence"`
	// Repair says what Repair does about it, "" where that is for people or hosts to do.
	Repair string `json:"repair,omitempty"`
}

// newFinding returns a finding about an instance.
func newFinding(kind FindingKind, instanceID, summary string, evidence ...string) Finding {
	return Finding{
		Kind: kind, Severity: kind.severity(), InstanceID: instanceID, Summary: summary, Evidence: evidence, Repair: kind.repair(),
	}
}
