package browsertest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
)

// The version of axe-core, the digest that npm states for its package, and the
// digest of the one file that is used here.
const (
	axeVersion   = "4.14.1"
	axeIntegrity = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
	axeSHA256    = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
	axeFile      = "axe.min.js"
)

// An Axe finds mistakes that keep people from using a page.
type Axe struct{ script string }

// LoadAxe returns axe-core. It reads the file that RECOVERY_AXE names, or else
// the file in the user's cache, which it fetches with npm if it is not there.
// Without either, it skips the test, as [Require] does. A package from npm is
// used only if it is the very package whose digest stands above.
func LoadAxe(tb testing.TB) *Axe {
	tb.Helper()
	if path := os.Getenv("RECOVERY_AXE"); path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			tb.Fatalf("browsertest: RECOVERY_AXE: %v", err)
		}
		return &Axe{string(b)}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		missing(tb, "axe-core has no place to be kept: "+err.Error())
	}
	path := filepath.Join(cache, "recovery-test", "axe-core-"+axeVersion, axeFile)
	if b, err := os.ReadFile(path); err == nil && isAxe(b) {
		return &Axe{string(b)}
	}
	b, err := fetchAxe(tb)
	if err != nil {
		missing(tb, "no axe-core: "+err.Error())
	}
	if err := keep(path, b); err != nil {
		tb.Logf("browsertest: axe-core was not kept: %v", err)
	}
	return &Axe{string(b)}
}

func isAxe(b []byte) bool {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]) == axeSHA256
}

func fetchAxe(tb testing.TB) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, errors.New("RECOVERY_AXE is not set, and there is no npm to fetch it with")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir := tb.TempDir()
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--pack-destination", dir, "axe-core@"+axeVersion)
	cmd.Dir = dir // outside of any npm package
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm pack: %w: %.300s", err, out)
	}
	tarball, err := os.ReadFile(filepath.Join(dir, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		return nil, err
	}
	return unpackAxe(tarball, axeIntegrity)
}

// unpackAxe takes the script out of the package, after the package was
// verified.
func unpackAxe(tarball []byte, integrity string) ([]byte, error) {
	sum := sha512.Sum512(tarball)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != integrity {
		return nil, fmt.Errorf("the package is %s, want %s", got, integrity)
	}
	z, err := gzip.NewReader(bytes.NewReader(tarball))
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%s is not in the package: %w", axeFile, err)
		}
		if h.Name == "package/"+axeFile {
			return io.ReadAll(r)
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

// axeRules are the rules of WCAG 2.0 to 2.2, levels A and AA, and those that
// the authors of axe-core call best practice.
const axeRules = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`

// Into loads axe-core into every further page of the tab, which saves time
// where there are many pages.
func (a *Axe) Into(t *Tab) {
	t.tb.Helper()
	Call(t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: a.script})
}

// Check runs every rule on the page. It returns what is wrong, and what
// axe-core could not decide.
func (a *Axe) Check(t *Tab) []string { return a.check(t, "{type: 'tag', values: "+axeRules+"}") }

// CheckLooks runs the rules about the layout and the colours of a page, and
// none about its text.
func (a *Axe) CheckLooks(t *Tab) []string {
	return a.check(t, `{type: 'rule', values: ["color-contrast", "target-size", "link-in-text-block", "scrollable-region-focusable"]}`)
}

func (a *Axe) check(t *Tab, only string) []string {
	t.tb.Helper()
	if !Eval[bool](t, "'axe' in window") {
		Eval[struct{}](t, a.script+"\n;({})")
	}
	type rule struct {
		ID, Help string
		Nodes    []struct {
			Target         []any
			FailureSummary string
		}
	}
	r := Eval[struct{ Violations, Incomplete, Passes []rule }](t, `axe.run({
		runOnly: `+only+`, preload: false, resultTypes: ["violations", "incomplete"],
	}).then(r => ({Violations: r.violations, Incomplete: r.incomplete, Passes: r.passes.map(p => ({ID: p.id}))}))`)
	if len(r.Passes) == 0 {
		t.tb.Fatal("browsertest: axe-core found nothing to look at")
	}
	var all []string
	add := func(what string, rules []rule) {
		for _, x := range rules {
			for _, n := range x.Nodes {
				all = append(all, fmt.Sprintf("%s: %s (%s) at %v: %s", what, x.ID, x.Help, n.Target,
					strings.Join(strings.Fields(n.FailureSummary), " ")))
			}
		}
	}
	add("wrong", r.Violations)
	add("cannot tell", r.Incomplete)
	return all
}
