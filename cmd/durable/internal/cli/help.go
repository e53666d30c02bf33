package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// helpWidth is how wide help is: it is written to manual pages and files as well.
const helpWidth = 80

// polish makes the help of a command and of those below it fit a terminal of 80 columns.
func polish(cmd *cobra.Command) {
	cmd.Long = text.Reflow(cmd.Long, helpWidth)
	cmd.SetUsageTemplate(strings.NewReplacer(
		".LocalFlags.FlagUsages ", "(wrappedFlags .LocalFlags) ",
		".InheritedFlags.FlagUsages ", "(wrappedFlags .InheritedFlags) ",
		"rpad .Name .NamePadding ", "rpad .Name (nameColumn .NamePadding) ",
	).Replace(cmd.UsageTemplate()))
	for _, sub := range cmd.Commands() {
		polish(sub)
	}
}
