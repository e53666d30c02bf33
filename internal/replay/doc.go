// Package replay reads the history of one instance and says what a rewind, a heal or a reset must undo in it, and why.
// It does no I/O.
//
// A history is a list of episodes: what arrived, and the actions that the orchestrator took in answer. Replay runs the
// orchestrator again over it, and the engine ends the instance with "Non-Deterministic workflow detected" as soon as
// it meets an action that the orchestrator has no reason to take. A row that is made a GenericEvent is passed over.
// So whoever takes back an answer must take back all that the orchestrator did because of it, and no plan made here
// leaves such an action standing without a warning of code [Ambiguous].
//
// A plan is made for the execution as it was when it ended: rows that an earlier attempt has changed already are read
// as what they were. Planning again over a half-written plan, of whichever order, therefore asks for the missing rows
// and for no others. What cannot be seen in a history is whether the code has changed since it was written.
package replay
