// Package cli is the command line of package durable: it reads flags, finds the task hub, calls the package and prints
// what comes back. What it decides is only how things are asked for and shown.
package cli
