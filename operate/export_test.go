package operate

// DiagnoseWithin is Diagnose that keeps so many IDs in memory.
var DiagnoseWithin = diagnose
