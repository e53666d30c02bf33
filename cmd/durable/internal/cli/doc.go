// Package cli is the command line of package durable: one file a command. A command reads its flags, opens the task hub that
// package target finds, calls package durable or operate, and shows on package screen what comes back. What is decided here
// is only how things are asked for and shown.
package cli
