package portal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/portal"
)

// The whole way with a mouse, on a wide screen, in English.
func TestChromiumWholeWayByMouse(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 1280)
	tab.Load(s.base + "/")
	s.on(tab, "/forgot", 200, "Forgot your password?", "E-mail address or phone number")
	tab.Click("#identifier")
	tab.Type(johnMail)
	submit(tab)
	s.on(tab, "/sent", 200, "Check your inbox", "an account for "+johnMail, "expires in 60 minutes")

	tab.Load(s.inbox(s.message(recovery.MessageResetLink, johnMail).URL.Reveal()))
	tab.Follow(func() { tab.Click("#link") })
	s.on(tab, "/reset", 200, "Choose a new password", "At least 15 characters")
	if got := value(tab, "#username"); got != johnMail {
		t.Errorf("the account is %q", got)
	}
	s.unchanged()
	tab.Click("#password")
	tab.Type(goodPassword)
	submit(tab)
	s.on(tab, "/done", 200, "Your password was changed")
	s.has(s.john, goodPassword)

	tab.Follow(func() { tab.Click("a.button") })
	if got := tab.URL(); got != s.url(hostOfSite, "/sign-in") {
		t.Errorf("the way ends at %s", got)
	}
	s.message(recovery.MessagePasswordChanged, johnMail)
	s.silent(tab)
}

// The whole way without a mouse, on the narrowest screen, in Arabic. On every
// page, Tab leads to everything that can be used, in the right order, and the
// person sees where the focus is.
func TestChromiumWholeWayByKeyboard(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(_ *recovery.Options, p *portal.Options) {
		p.Languages = []language.Tag{language.English, language.Arabic}
	})
	tab := s.tab("ar", 320)
	look := func(path string) {
		t.Helper()
		s.on(tab, path, 200)
		mirrored(t, tab, 320)
		stops(t, tab, path)
	}
	tab.Load(s.base + "/forgot")
	look("/forgot")
	tabTo(tab, "#identifier")
	tab.Type(johnMail)
	tab.Follow(func() { tab.Press(kb.Enter) })
	look("/sent")

	tab.Load(s.inbox(s.message(recovery.MessageResetLink, johnMail).URL.Reveal()))
	tabTo(tab, "#link")
	tab.Follow(func() { tab.Press(kb.Enter) })
	look("/reset")
	if !browsertest.Eval[bool](tab, `(() => {
		const show = document.querySelector("#show").getBoundingClientRect(), field = document.querySelector("#password").getBoundingClientRect();
		return show.left >= field.left && show.right < field.left + field.width / 2;
	})()`) {
		t.Error("the button that shows the password is not at the left of its field")
	}
	tabTo(tab, "#password")
	tab.Type(goodPassword)
	tabTo(tab, "#show")
	tab.Press(" ")
	if got := browsertest.Eval[string](tab, "document.querySelector('#password').type"); got != "text" {
		t.Errorf("the space bar on the button leaves the field of type %s", got)
	}
	tabTo(tab, "[type=submit]")
	tab.Follow(func() { tab.Press(kb.Enter) })
	look("/done")
	s.has(s.john, goodPassword)

	tabTo(tab, "a.button")
	tab.Follow(func() { tab.Press(kb.Enter) })
	if got := tab.URL(); got != s.url(hostOfSite, "/sign-in") {
		t.Errorf("the way ends at %s", got)
	}
	s.silent(tab)
}

// mirrored checks a page in Arabic: it runs from right to left, and is as wide
// as the screen.
func mirrored(t *testing.T, tab *browsertest.Tab, width int) {
	t.Helper()
	type look struct {
		Lang, Direction string
		Content, Window int
		Outside         []string
	}
	got := browsertest.Eval[look](tab, `({
		Lang: document.documentElement.lang, Direction: getComputedStyle(document.querySelector("h1")).direction,
		Content: document.documentElement.scrollWidth, Window: document.documentElement.clientWidth,
		Outside: [...document.querySelectorAll("body *:not(script):not(noscript):not(.quiet)")].filter(e => {
			const box = e.getBoundingClientRect();
			return box.width && (box.left < 0 || box.right > innerWidth);
		}).map(e => e.outerHTML.slice(0, 100)),
	})`)
	if got.Lang != "ar" || got.Direction != "rtl" {
		t.Errorf("%s: language %s, direction %s", tab.URL(), got.Lang, got.Direction)
	}
	if got.Window != width || got.Content > got.Window || len(got.Outside) > 0 {
		t.Errorf("%s: %d pixels in %d: %q", tab.URL(), got.Content, got.Window, got.Outside)
	}
}

// usable selects all elements that Tab should stop at.
const usable = `[...document.querySelectorAll("a[href], button, input:not([type=hidden], [type=radio]:not(:checked))")].filter(e => e.checkVisibility())`

// A stop is the place where a press of Tab led.
type stop struct {
	Index         int // among the usable elements
	HTML, Outline string
	Seen          bool // visible, and not covered
}

// stops presses Tab through the whole page once.
func stops(t *testing.T, tab *browsertest.Tab, page string) {
	t.Helper()
	n := browsertest.Eval[int](tab, usable+".length")
	if n < 2 {
		t.Fatalf("%s has %d places to stop at", page, n)
	}
	browsertest.Eval[bool](tab, "document.activeElement.blur(), true")
	for i := range n {
		tab.Press(kb.Tab)
		got := browsertest.Eval[stop](tab, `(() => {
			const e = document.activeElement, style = getComputedStyle(e), box = e.getClientRects()[0];
			const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
			return {Index: `+usable+`.indexOf(e), HTML: e.outerHTML.slice(0, 100), Seen: e.contains(top),
				Outline: style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2 ? "none" : style.outlineColor};
		})()`)
		if got.Index != i || !got.Seen || got.Outline == "none" || strings.HasPrefix(got.Outline, "rgba(0, 0, 0, 0") {
			t.Errorf("%s: stop %d of %d is %+v", page, i+1, n, got)
		}
	}
}

// tabTo presses Tab until an element has the focus.
func tabTo(tab *browsertest.Tab, selector string) {
	at := fmt.Sprintf("document.activeElement.matches(%q)", selector)
	for range 40 {
		if browsertest.Eval[bool](tab, at) {
			return
		}
		tab.Press(kb.Tab)
	}
	tab.Wait(at) // fails the test
}

// The whole way without scripts: the person types the password twice.
func TestChromiumWholeWayWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 390)
	tab.Scripts(false)
	tab.Load(s.base + "/forgot")
	fill(tab, "#identifier", johnMail)
	submit(tab)
	s.on(tab, "/sent", 200, "Check your inbox")
	tab.Load(s.inbox(s.message(recovery.MessageResetLink, johnMail).URL.Reveal()))
	tab.Follow(func() { tab.Click("#link") })
	s.on(tab, "/reset", 200, "New password again")
	if !browsertest.Eval[bool](tab, "document.querySelector('#show').hidden") {
		t.Error("a script ran, or there is a button that does nothing")
	}
	fill(tab, "#password", goodPassword)
	fill(tab, "#again", goodPassword+"?")
	submit(tab)
	s.on(tab, "/reset", 422, "The two passwords are not the same. Type both again.")
	refusedField(t, tab, "#password", "The two passwords are not the same")
	s.unchanged()
	fill(tab, "#password", goodPassword)
	fill(tab, "#again", goodPassword)
	submit(tab)
	s.on(tab, "/done", 200, "Your password was changed")
	s.has(s.john, goodPassword)
}

// The way with a code, which is pasted with the message around it.
func TestChromiumWholeWayByCode(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 390)
	tab.Load(s.base + "/forgot")
	fill(tab, "#identifier", "+1 415-741-5569")
	submit(tab)
	s.on(tab, "/code", 200, "Enter your code", "an account for +1 415-741-5569", "8 digits")
	code := s.message(recovery.MessageResetCode, johnPhone).Code.Reveal()

	wrong := "00000000"
	if code == wrong {
		wrong = "11111111"
	}
	fill(tab, "#code", wrong)
	submit(tab)
	s.on(tab, "/code", 422, "This code is wrong, or it has expired.")
	refusedField(t, tab, "#code", "This code is wrong")

	phone := tab.Beside()
	phone.Load(s.serve(hostOfMail, "/sms", `<!DOCTYPE html><link rel="icon" href="data:,"><p>Your code is `+code[:4]+" "+code[4:]+"."))
	phone.Shortcut("a")
	phone.Shortcut("c")
	tab.Click("#code")
	tab.Shortcut("v")
	if got := value(tab, "#code"); got != code {
		t.Fatalf("pasted %q, want %q", got, code)
	}
	submit(tab)
	s.on(tab, "/reset", 200, "Choose a new password")
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.on(tab, "/done", 200)
	s.has(s.john, goodPassword)
}

// refusedField checks that a field has the focus, and that a screen reader
// reads the field with its mistake.
func refusedField(t *testing.T, tab *browsertest.Tab, selector, why string) {
	t.Helper()
	focused(tab, selector)
	spoken := tab.Spoken(selector)
	if !spoken.Focused || spoken.Invalid != "true" || !strings.Contains(spoken.Description, why) {
		t.Errorf("%s is read as %+v, want %q in it", selector, spoken, why)
	}
	described := browsertest.Eval[bool](tab, fmt.Sprintf(`document.querySelector(%q).getAttribute("aria-describedby").split(" ")
		.some(id => document.getElementById(id)?.matches("[role=alert]") && document.getElementById(id).textContent.includes(%q))`, selector, why))
	if title := browsertest.Eval[string](tab, "document.title"); !described || !strings.HasPrefix(title, "Error: ") {
		t.Errorf("the error is not announced: title %q, alert %t", title, described)
	}
}

// Addresses with dots that the browser's own check of type "email" knows, and with
// letters outside ASCII that it does not, get through all pages.
func TestChromiumWholeWayWithAddressesThatExist(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(_ *recovery.Options, p *portal.Options) {
		p.PhoneField = "" // then the field is of type "email"
	})
	for _, address := range []string{"foo.@docomo.ne.jp", "a..b@docomo.ne.jp", "m\u00fcller@example.com", "\u7528\u6237@example.com"} {
		id := s.addLead("Somebody", address, "")
		tab := s.tab("en", 1280)
		tab.Load(s.base + "/")
		tab.Click("#identifier")
		tab.Type(address)
		submit(tab)
		s.on(tab, "/sent", 200, "Check your inbox", "an account for "+address)
		tab.Load(s.inbox(s.message(recovery.MessageResetLink, address).URL.Reveal()))
		tab.Follow(func() { tab.Click("#link") })
		s.on(tab, "/reset", 200, "Choose a new password")
		if got := value(tab, "#username"); got != address {
			t.Errorf("the account is %q, want %q", got, address)
		}
		tab.Click("#password")
		tab.Type(goodPassword)
		submit(tab)
		s.on(tab, "/done", 200, "Your password was changed")
		s.has(id, goodPassword)
		s.message(recovery.MessagePasswordChanged, address)
		s.silent(tab)
	}
}
