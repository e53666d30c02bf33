// Package npm installs pinned npm packages that tests need, into folders that git ignores.
package npm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// Package is an npm package whose dependencies are pinned.
type Package struct {
	// Files holds package.json and package-lock.json, and whatever else is installed with them, in Root.
	Files fs.FS
	// Root is the folder in Files, such as "npm" or ".".
	Root string
	// Program is a file that is there as soon as the package is installed, below its folder.
	Program string
}

// Missing reports what of node and npm is not on the path, as an error that says what to do.
func Missing() error {
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is not installed: Node.js 20 or later is needed", name)
		}
	}
	return nil
}

// Install puts the package below a folder and returns where. It runs npm ci with the pinned files, once: as long as they
// stay the same, later calls find what the first one made. It writes nowhere else; npm's cache is in the folder too.
// Several processes may install at the same time.
func (p Package) Install(ctx context.Context, folder string) (string, error) {
	dir, err := p.Installed(folder)
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
	if err := p.unpack(temp); err != nil {
		return "", err
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", //nolint:gosec // ours
		"--loglevel=error", "--fetch-retries=5", "--cache", filepath.Join(folder, "cache"))
	npm.Dir = temp
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, bytes.TrimSpace(out))
	}
	if err := os.Rename(temp, dir); err != nil {
		// Somebody else was faster.
		if _, there := p.Installed(folder); there != nil {
			return "", err
		}
	}
	return dir, nil
}

// Installed returns where below a folder the package is, and an error that is [fs.ErrNotExist] if it is not there.
func (p Package) Installed(folder string) (string, error) {
	sum, err := p.fingerprint()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(folder, sum[:16])
	_, err = os.Stat(filepath.Join(dir, p.Program))
	return dir, err
}

// unpack writes the pinned files into a folder.
func (p Package) unpack(dir string) error {
	files, err := fs.Sub(p.Files, p.Root)
	if err != nil {
		return err
	}
	return os.CopyFS(dir, files)
}

// fingerprint is a hash of the names and contents of the pinned files.
func (p Package) fingerprint() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(p.Files, p.Root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(p.Files, name)
		_, _ = fmt.Fprintf(h, "%s %d\n%s", path.Clean(name), len(content), content)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// Folder returns the folder of that name in the module that dir lies in: beside go.mod.
func Folder(dir, name string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, name), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod in this folder or above")
		}
		dir = parent
	}
}
