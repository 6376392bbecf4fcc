package browsertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// limit is how long anything may take on a quiet machine. It is far longer than
// needed there.
const limit = 40 * time.Second

// A Tab is one tab. Its methods end the test when they fail.
type Tab struct {
	*record
	tb    testing.TB
	ctx   context.Context
	limit time.Duration // for each action
	mouse point
}

// Open opens an empty tab in a profile of its own, which shares no cookies with
// others.
func (b *Browser) Open(tb testing.TB) *Tab {
	tb.Helper()
	return open(tb, b.ctx, chromedp.WithNewBrowserContext())
}

// For returns the same tab for another test, such as a subtest.
func (t *Tab) For(tb testing.TB) *Tab {
	other := *t
	other.tb = tb
	return &other
}

// Beside opens another empty tab in the same profile.
func (t *Tab) Beside() *Tab {
	t.tb.Helper()
	return open(t.tb, t.ctx)
}

// Opened returns the tab that the page opens while f runs.
func (t *Tab) Opened(f func()) *Tab {
	t.tb.Helper()
	known := map[target.ID]bool{}
	for _, i := range t.targets("page") {
		known[i.TargetID] = true
	}
	f()
	var opened target.ID
	t.Until("a tab is opened", func() bool {
		for _, i := range t.targets("page") {
			if !known[i.TargetID] {
				opened = i.TargetID
			}
		}
		return opened != ""
	})
	return open(t.tb, t.ctx, chromedp.WithTargetID(opened))
}

// Front brings the tab to the front of its window, where a tab that it opened
// may be. A tab in the background reacts to nothing.
func (t *Tab) Front() {
	t.tb.Helper()
	Call(t, page.BringToFront, cdp.Empty{})
}

// targets returns the targets of a type in the profile.
func (t *Tab) targets(kind string) []*target.Info {
	t.tb.Helper()
	all, err := chromedp.Targets(t.ctx)
	if err != nil {
		t.tb.Fatalf("browsertest: %v", err)
	}
	profile := chromedp.FromContext(t.ctx).BrowserContextID
	return slices.DeleteFunc(all, func(i *target.Info) bool { return i.Type != kind || i.BrowserContextID != profile })
}

func open(tb testing.TB, parent context.Context, opts ...chromedp.ContextOption) *Tab {
	tb.Helper()
	t := &Tab{tb: tb, limit: testenv.Patience(limit), record: &record{byID: map[network.RequestID]*series{}, loaded: make(chan struct{}, 1)}}
	ctx, cancel := chromedp.NewContext(parent, append(opts, chromedp.WithListener(t.note))...)
	tb.Cleanup(cancel)
	t.ctx = ctx
	// The tab lives as long as this context, so the context has no deadline.
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("browsertest: opening a tab: %v", err)
	}
	// chromedp follows the DOM for its own queries. This package uses none of
	// them.
	Call(t, css.Disable, cdp.Empty{})
	Call(t, dom.Disable, cdp.Empty{})
	Call(t, audits.Enable, cdp.Empty{})
	return t
}

// Call sends one command of the DevTools protocol to the tab.
func Call[P, R any](t *Tab, c cdp.Command[P, R], params P) R {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, t.limit)
	defer cancel()
	r, err := chromedp.Call(ctx, c, params)
	if err != nil {
		t.tb.Fatalf("browsertest: %s: %v", c.Method, err)
	}
	return r
}

// Eval evaluates an expression in the page and returns its value. It awaits a
// promise. No policy of the page stops it.
func Eval[T any](t *Tab, expression string) T {
	t.tb.Helper()
	v, err := evaluate[T](t, expression)
	if err != nil {
		t.tb.Fatalf("browsertest: %v, of\n%.500s", err, expression)
	}
	return v
}

func evaluate[T any](t *Tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.limit)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Wait waits until an expression is true, in this page or in a later one.
func (t *Tab) Wait(expression string) {
	t.tb.Helper()
	t.until(expression, func() error {
		// While the page changes, there is none to evaluate the expression in.
		ok, err := evaluate[bool](t, "!!("+expression+")")
		if err == nil && !ok {
			err = errors.New("it is false")
		}
		return err
	})
}

// Until waits until ok returns true.
func (t *Tab) Until(what string, ok func() bool) {
	t.tb.Helper()
	t.until(what, func() error {
		if !ok() {
			return errors.New("it is not so")
		}
		return nil
	})
}

func (t *Tab) until(what string, ok func() error) {
	t.tb.Helper()
	deadline := time.Now().Add(t.limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 32*time.Millisecond) {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.tb.Fatalf("browsertest: not within %v: %s: %v", t.limit, what, err)
		}
		// Most of what tests wait for comes with a page.
		select {
		case <-t.loaded:
		case <-time.After(pause):
		}
	}
}

// Do runs actions of chromedp in the tab.
func (t *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, t.limit)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.tb.Fatalf("browsertest: %v", err)
	}
}

// Load loads a page, as if a person had typed its address, and waits for it.
func (t *Tab) Load(url string) {
	t.tb.Helper()
	t.Follow(func() {
		if r := Call(t, page.Navigate, page.NavigateParams{URL: url}); r.ErrorText != "" {
			t.tb.Fatalf("browsertest: %s: %s", url, r.ErrorText)
		}
	})
}

// Reload loads the page again, as the button of the browser does. If the page
// is the answer to a form, Reload sends the form again.
func (t *Tab) Reload() {
	t.tb.Helper()
	t.Follow(func() { Call(t, page.Reload, page.ReloadParams{}) })
}

// Back goes back by one page.
func (t *Tab) Back() {
	t.tb.Helper()
	h := Call(t, page.GetNavigationHistory, cdp.Empty{})
	if h.CurrentIndex < 1 {
		t.tb.Fatal("browsertest: there is nothing to go back to")
	}
	t.Follow(func() {
		Call(t, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: h.Entries[h.CurrentIndex-1].ID})
	})
}

// History returns the addresses in the tab's history, the present one included.
func (t *Tab) History() []string {
	t.tb.Helper()
	var all []string
	for _, e := range Call(t, page.GetNavigationHistory, cdp.Empty{}).Entries {
		all = append(all, e.URL)
	}
	return all
}

// Follow runs f, which leads to another page, and waits until that page is
// loaded.
func (t *Tab) Follow(f func()) {
	t.tb.Helper()
	// Each document has a time origin of its own, also a document that comes
	// back from the cache.
	const origin = "performance.timeOrigin"
	before := Eval[float64](t, origin)
	f()
	t.Wait(fmt.Sprintf("%s !== %v && document.readyState === 'complete'", origin, before))
}

// URL returns the address of the page.
func (t *Tab) URL() string {
	t.tb.Helper()
	return Eval[string](t, "document.URL")
}

// Status returns the HTTP status of the page.
func (t *Tab) Status() int {
	t.tb.Helper()
	return Eval[int](t, "performance.getEntriesByType('navigation')[0].responseStatus")
}

// SetContent replaces the page by the given HTML.
func (t *Tab) SetContent(html string) {
	t.tb.Helper()
	tree := Call(t, page.GetFrameTree, cdp.Empty{})
	Call(t, page.SetDocumentContent, page.SetDocumentContentParams{FrameID: tree.FrameTree.Frame.ID, HTML: html})
}
