package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// coreToolsArgs rewrites what Core Tools understand and pflag does not: a value behind a switch ("--show-input true"),
// and several states behind one flag ("--runtime-status completed failed").
func coreToolsArgs(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil || cmd == root {
		return args
	}
	cmd.InheritedFlags() // makes the root's flags known to the command
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		out = append(out, args[i])
		if args[i] == "--" {
			return append(out, args[i+1:]...)
		}
		name, ok := strings.CutPrefix(args[i], "--")
		flag := cmd.Flags().Lookup(name)
		switch {
		case !ok || flag == nil:
		case isSwitch(flag):
			if i+1 < len(args) && isBool(args[i+1]) {
				i++
				out[len(out)-1] += "=" + strings.ToLower(args[i])
			}
		case name == flagStatus:
			n := i + 1
			for n < len(args) && (n == i+1 || !strings.HasPrefix(args[n], "-")) {
				n++
			}
			out = append(out, strings.Join(args[i+1:n], " "))
			i = n - 1
		case i+1 < len(args): // a value, which is not to be looked at
			i++
			out = append(out, args[i])
		}
	}
	return out
}

func isSwitch(f *pflag.Flag) bool { return f.NoOptDefVal != "" }

func isBool(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }
