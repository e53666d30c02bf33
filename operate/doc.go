// Package operate is for the people who run Durable Functions: it looks inside instances and task hubs and repairs them.
// Its functions take a client of package durable, work on its task hub, and return its errors.
//
// [Inspect] says what one instance does and what it waits for, [Tree] shows it with its ancestors and sub-orchestrations.
//
// [FireTimer], [CompleteActivity], [FailActivity], [CompleteSubOrchestration], [FailSubOrchestration] and [Reschedule]
// let an instance go on that waits for something which will not come, or not soon enough. [TerminateTree], [SuspendTree],
// [ResumeTree] and [PurgeTree] act on an instance with all below it.
//
// [Diagnose] walks a whole hub and yields what is broken, [Repair] mends it, [Undo] takes a repair back where that can be
// done. [ListMessages], [QuarantineMessage] and [RestoreMessage] deal with messages that no worker can handle.
//
// Whatever writes is conditional on what was read, and can be repeated.
package operate
