package browsertest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
)

var axeCore = Package{
	Name: "axe-core", Version: "4.14.1",
	Integrity: "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
}

// An Axe finds mistakes that keep people from using a page.
type Axe struct{ script string }

// LoadAxe returns axe-core. It reads the file that RECOVERY_AXE names, or else
// takes the script out of the [Package].
func LoadAxe(tb testing.TB) *Axe {
	tb.Helper()
	if path := os.Getenv("RECOVERY_AXE"); path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			tb.Fatalf("browsertest: RECOVERY_AXE: %v", err)
		}
		return &Axe{string(b)}
	}
	b, err := axeCore.Files(tb).ReadFile("axe.min.js")
	if err != nil {
		tb.Fatalf("browsertest: axe-core: %v", err)
	}
	return &Axe{string(b)}
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
