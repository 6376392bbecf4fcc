package browsertest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// A Package is one version of a package of npm.
type Package struct {
	Name, Version string
	// Integrity is the digest that npm states for the package: "sha512-" and the
	// digest of its archive in base 64.
	Integrity string
}

// Files returns the files of the package. It reads the archive in the user's
// cache, and fetches the archive with npm if it is not there. Without either, it
// skips the test, as [Require] does. It returns the files only if they are those
// of the very archive whose digest is Integrity. Nothing of the package is run.
func (p Package) Files(tb testing.TB) fstest.MapFS {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		missing(tb, p.Name+" has no place to be kept: "+err.Error())
	}
	path := filepath.Join(cache, "recovery-test", p.archive())
	if archive, err := os.ReadFile(path); err == nil {
		if files, err := p.unpack(archive); err == nil {
			return files
		}
	}
	archive, err := p.fetch(tb)
	if err != nil {
		missing(tb, "no "+p.Name+": "+err.Error())
	}
	files, err := p.unpack(archive)
	if err != nil {
		missing(tb, "no "+p.Name+": "+err.Error())
	}
	if err := keep(path, archive); err != nil {
		tb.Logf("browsertest: %s was not kept: %v", p.Name, err)
	}
	return files
}

// archive is the name that npm gives the archive.
func (p Package) archive() string { return p.Name + "-" + p.Version + ".tgz" }

func (p Package) fetch(tb testing.TB) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, errors.New("there is no npm to fetch it with")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir := tb.TempDir()
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--pack-destination", dir, p.Name+"@"+p.Version)
	cmd.Dir = dir // outside of any npm package
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm pack: %w: %.300s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, p.archive()))
}

// unpack takes the files out of the archive, after the archive was verified.
func (p Package) unpack(archive []byte) (fstest.MapFS, error) {
	sum := sha512.Sum512(archive)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != p.Integrity {
		return nil, fmt.Errorf("the archive is %s, want %s", got, p.Integrity)
	}
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		if name, ok := strings.CutPrefix(h.Name, "package/"); ok && h.Typeflag == tar.TypeReg {
			files[name] = &fstest.MapFile{Data: data, Mode: 0o644}
		}
	}
}

// keep writes a file that other processes may read or write at the same time.
func keep(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
