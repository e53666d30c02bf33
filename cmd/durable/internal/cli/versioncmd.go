package cli

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker for releases: -X .../internal/cli.version=v1.2.3.
var version string

// versionDocument is the version for programs.
type versionDocument struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	return command("version", "Show the version", "  durable version", func(context.Context) error {
		d := currentVersion()
		text := "durable " + d.Version
		if d.Revision != "" {
			text += " (" + d.Revision + ")"
		}
		return a.out.Report(d, "%s, %s, %s", text, d.Go, d.Platform)
	})
}

func currentVersion() versionDocument {
	d := versionDocument{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok && d.Version == "" {
		d.Version = info.Main.Version
	}
	if d.Version == "" {
		d.Version = "(devel)"
	}
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				d.Revision = s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return d
}
