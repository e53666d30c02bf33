package cli_test

import "github.com/rogpeppe/go-internal/testscript"

// terminal has no pseudo-terminal to run on; scripts leave such lines out.
func terminal(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("there is no terminal here") }
