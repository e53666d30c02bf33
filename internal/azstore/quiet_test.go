package azstore_test

import (
	"io"
	"log"
)

// quiet is the log of servers whose clients are meant to misbehave.
var quiet = log.New(io.Discard, "", 0)
