package browsertest

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// startLimit is far longer than a start takes on a quiet machine.
const startLimit = time.Minute

// Require returns the path of Chromium. If there is no Chromium, it skips the
// test. It fails the test where RECOVERY_REQUIRE_CHROMIUM is 1, as in
// continuous integration, so that a machine without a browser cannot look as if
// the tests had passed.
func Require(tb testing.TB) string {
	tb.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(tb, "no Chromium on the PATH")
	return ""
}

// missing ends a test that lacks a program or a file.
func missing(tb testing.TB, what string) {
	tb.Helper()
	testenv.Missing(tb, "RECOVERY_REQUIRE_CHROMIUM", "browsertest: "+what)
}

// A Browser is a running Chromium.
type Browser struct {
	ctx  context.Context
	stop func()
}

// Start starts Chromium. The end of the test stops it.
func Start(tb testing.TB) *Browser {
	tb.Helper()
	b, err := start(Require(tb))
	if err != nil {
		tb.Fatalf("browsertest: %v", err)
	}
	tb.Cleanup(b.stop)
	return b
}

func start(path string) (*Browser, error) {
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.Flag("host-resolver-rules", "MAP * 127.0.0.1"),
		chromedp.Flag("disable-features", strings.Join([]string{
			"Translate", "BlinkGenPropertyTrees", // the defaults of chromedp
			// This feature drops the second of two equal forms that are sent at
			// once. Other browsers lack it, so pages must not rely on it.
			"IgnoreDuplicateNavs",
			// These would start processes in every tab that no test needs.
			"WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess",
		}, ",")),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		// A page of a test does not live long enough for compiled code to be
		// worth its time.
		chromedp.Flag("js-flags", "--no-opt --no-maglev"),
		// Most people have screens with hinted glyphs, which are spaced by
		// whole pixels.
		chromedp.Flag("font-render-hinting", "none"),
	)
	ctx, stopAllocator := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, stop := chromedp.NewContext(ctx)
	b := &Browser{ctx, func() { stop(); stopAllocator() }}
	// The process lives as long as the context of the first call. So that
	// context cannot have a deadline.
	limit := time.AfterFunc(testenv.Patience(startLimit), stop)
	err := chromedp.Do(ctx)
	if !limit.Stop() && err == nil {
		err = errors.New("the browser did not start in time")
	}
	if err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// Shared is one Chromium for all tests of a package. The first test that needs
// it starts it. The zero value is ready to use. A TestMain calls Close.
type Shared struct {
	mu      sync.Mutex
	browser *Browser
}

// Browser returns the running Chromium, and starts it if needed.
func (s *Shared) Browser(tb testing.TB) *Browser {
	tb.Helper()
	path := Require(tb)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.browser != nil && s.browser.ctx.Err() == nil {
		return s.browser
	}
	b, err := start(path)
	if err != nil {
		tb.Fatalf("browsertest: %v", err)
	}
	s.browser = b
	return b
}

// Close stops Chromium, if it runs.
func (s *Shared) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.browser != nil {
		s.browser.stop()
		s.browser = nil
	}
}
