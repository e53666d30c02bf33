package wire

import "time"

// messageTime is how Newtonsoft.Json writes a UTC DateTime: up to seven digits, trailing zeros cut.
const messageTime = "2006-01-02T15:04:05.9999999Z"

// Tick is the resolution of .NET and of the table service.
const Tick = 100 * time.Nanosecond

// Cut cuts a time to what message and row can both hold, in UTC: the engine compares the two.
func Cut(t time.Time) time.Time { return t.UTC().Truncate(Tick) }

// FormatTime writes a time as it stands in messages.
func FormatTime(t time.Time) string { return t.UTC().Format(messageTime) }
