package browsertest

import (
	"encoding/json"
	"fmt"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Size gives the tab a width and a height in CSS pixels. The screen has scale
// pixels for each of them, in both directions.
func (t *Tab) Size(width, height int, scale float64) {
	t.tb.Helper()
	Call(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: int64(height), DeviceScaleFactor: scale,
	})
}

// Scheme sets the colours that the person prefers: "light" or "dark".
func (t *Tab) Scheme(scheme string) {
	t.tb.Helper()
	Call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// Languages sets the languages that the browser asks for, as in
// Accept-Language.
func (t *Tab) Languages(accept string) {
	t.tb.Helper()
	agent := Eval[string](t, "navigator.userAgent")
	Call(t, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: accept})
}

// SetCookie gives the tab's profile a cookie for the host of a URL, over TLS alone and
// out of reach of scripts.
func (t *Tab) SetCookie(url, name, value string) {
	t.tb.Helper()
	yes := true
	Call(t, network.SetCookie, network.SetCookieParams{URL: url, Name: name, Value: value, Path: "/", Secure: &yes, HTTPOnly: &yes})
}

// Scripts sets whether the scripts of pages run, from the next page on.
func (t *Tab) Scripts(run bool) {
	t.tb.Helper()
	Call(t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
}

// Picture returns a PNG of a part of the page. With nil, it is the visible
// part.
func (t *Tab) Picture(part *page.Viewport) []byte {
	t.tb.Helper()
	surface := true
	return Call(t, page.CaptureScreenshot, page.CaptureScreenshotParams{FromSurface: &surface, Clip: part}).Data
}

// Shifts returns what has moved on the page since it was shown (layout shifts).
// It leaves out what moved where the person had just done something.
func (t *Tab) Shifts() []string {
	t.tb.Helper()
	return Eval[[]string](t, `new Promise(resolve => {
		const all = [];
		const box = r => [r.x, r.y, r.width, r.height].join(" ");
		const add = list => {
			for (const e of list) if (!e.hadRecentInput) {
				const sources = e.sources.map(s => (s.node?.outerHTML ?? s.node?.textContent ?? "something").slice(0, 80) + " from " + box(s.previousRect) + " to " + box(s.currentRect));
				all.push(e.value + " after " + e.startTime + " ms: " + sources.join(", "));
			}
		};
		const observer = new PerformanceObserver(list => add(list.getEntries()));
		observer.observe({type: "layout-shift", buffered: true});
		// The browser reports what it has drawn by now with the next frame.
		requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
			add(observer.takeRecords());
			resolve(all);
		})));
	})`)
}

// Spoken is what a screen reader says about an element.
type Spoken struct {
	Role, Name, Description string
	// Invalid is aria-invalid, Pressed is aria-pressed, and Focused says that
	// the element has the focus.
	Invalid, Pressed string
	Focused          bool
}

// Spoken finds an element in the tree that assistive technology reads.
func (t *Tab) Spoken(selector string) Spoken {
	t.tb.Helper()
	o := Call(t, runtime.Evaluate, runtime.EvaluateParams{Expression: fmt.Sprintf("document.querySelector(%s)", quote(selector))})
	if o.Result.ObjectID == "" {
		t.tb.Fatalf("browsertest: there is no %s on %s", selector, t.URL())
	}
	relatives := false
	tree := Call(t, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: o.Result.ObjectID, FetchRelatives: &relatives})
	if len(tree.Nodes) != 1 || tree.Nodes[0].Ignored {
		return Spoken{}
	}
	n := tree.Nodes[0]
	s := Spoken{Role: text(n.Role), Name: text(n.Name), Description: text(n.Description)}
	for _, p := range n.Properties {
		switch p.Name {
		case accessibility.PropertyNameInvalid:
			s.Invalid = text(p.Value)
		case accessibility.PropertyNamePressed:
			s.Pressed = text(p.Value)
		case accessibility.PropertyNameFocused:
			s.Focused = text(p.Value) == "true"
		}
	}
	return s
}

// text returns a value of the tree, which is JSON, as text.
func text(v *accessibility.Value) string {
	if v == nil || len(v.Value) == 0 {
		return ""
	}
	var s any
	if err := json.Unmarshal(v.Value, &s); err != nil {
		return err.Error()
	}
	return fmt.Sprint(s)
}

// Frames returns the addresses of the documents in the frames of the page. It
// also returns those of frames with other sites, in any tab of the profile,
// because the browser treats these as pages of their own. A frame that was
// refused has an error page of the browser.
func (t *Tab) Frames() []string {
	t.tb.Helper()
	var all []string
	var walk func(tree *page.FrameTree)
	walk = func(tree *page.FrameTree) {
		for _, child := range tree.ChildFrames {
			all = append(all, child.Frame.URL)
			walk(child)
		}
	}
	walk(Call(t, page.GetFrameTree, cdp.Empty{}).FrameTree)
	for _, i := range t.targets("iframe") {
		// The target's own URL is the one that it was meant to load.
		frame := open(t.tb, t.ctx, chromedp.WithTargetID(i.TargetID), chromedp.WithDetachOnCancel())
		all = append(all, frame.URL())
	}
	return all
}
