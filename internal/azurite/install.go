package azurite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

//go:embed npm/package.json npm/package-lock.json npm/shim.js npm/stub
var files embed.FS

// Missing reports what of node and npm is not on the path, as an error that says what to do.
func Missing() error {
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is not installed: the storage emulator needs Node.js 20 or later", name)
		}
	}
	return nil
}

// Install puts the emulator below a folder and returns where. It runs npm ci with the pinned files, once: as long as
// they stay the same, later calls find what the first one made. It writes nowhere else; npm's cache is in the folder
// too. Several processes may install at the same time.
func Install(ctx context.Context, folder string) (string, error) {
	dir, err := Installed(folder)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	if err := Missing(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(folder, "installing")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp) //nolint:errcheck // it has been renamed, or the install failed anyway
	if err := unpack(temp); err != nil {
		return "", err
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", //nolint:gosec // ours
		"--loglevel=error", "--cache", filepath.Join(folder, "cache"))
	npm.Dir = temp
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, bytes.TrimSpace(out))
	}
	if err := os.Rename(temp, dir); err != nil {
		// Somebody else was faster.
		if _, there := Installed(folder); there != nil {
			return "", err
		}
	}
	return dir, nil
}

// Installed returns where below a folder the emulator is, and an error that is [fs.ErrNotExist] if it is not there.
func Installed(folder string) (string, error) {
	sum, err := fingerprint()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(folder, sum[:16])
	_, err = os.Stat(filepath.Join(dir, program))
	return dir, err
}

// unpack writes the pinned files into a folder.
func unpack(dir string) error {
	return fs.WalkDir(files, "npm", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(name[len("npm"):]))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o750)
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
}

// fingerprint is a hash of the names and contents of the pinned files.
func fingerprint() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(files, "npm", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		fmt.Fprintf(h, "%s %d\n%s", path.Clean(name), len(content), content)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// Folder returns the folder for the emulator in the module that dir lies in: .azurite beside go.mod.
func Folder(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".azurite"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod in this folder or above")
		}
		dir = parent
	}
}
