package azurite

import (
	"context"
	"embed"

	"github.com/go-durable/durable/internal/npm"
)

//go:embed npm/package.json npm/package-lock.json npm/shim.js npm/large.js npm/stub
var files embed.FS

// pinned is the emulator as an npm package.
var pinned = npm.Package{Files: files, Root: "npm", Program: program}

// Missing reports what of node and npm is not on the path, as an error that says what to do.
func Missing() error { return npm.Missing() }

// Install puts the emulator below a folder and returns where, as [npm.Package.Install] does.
func Install(ctx context.Context, folder string) (string, error) { return pinned.Install(ctx, folder) }

// Installed returns where below a folder the emulator is, and an error that is [fs.ErrNotExist] if it is not there.
func Installed(folder string) (string, error) { return pinned.Installed(folder) }

// Folder returns the folder for the emulator in the module that dir lies in: .azurite beside go.mod.
func Folder(dir string) (string, error) { return npm.Folder(dir, ".azurite") }
