// Package target finds the task hub that a command line is about, and makes a client for it. It looks where Core Tools and
// hosts do: flags, environment variables, local.settings.json and host.json.
package target
