package wire

// The texts of the RuntimeStatus column (OrchestrationStatus.cs).
const (
	StatusPending        = "Pending"
	StatusRunning        = "Running"
	StatusSuspended      = "Suspended"
	StatusContinuedAsNew = "ContinuedAsNew"
	StatusCompleted      = "Completed"
	StatusFailed         = "Failed"
	StatusCanceled       = "Canceled"
	StatusTerminated     = "Terminated"
)

// KnownStatus reports whether a text is one of them.
func KnownStatus(status string) bool {
	switch status {
	case StatusPending, StatusRunning, StatusSuspended, StatusContinuedAsNew:
		return true
	}
	return Terminal(status)
}

// Terminal reports whether an instance in that state has ended for good.
func Terminal(status string) bool {
	switch status {
	case StatusCompleted, StatusFailed, StatusCanceled, StatusTerminated:
		return true
	}
	return false
}
