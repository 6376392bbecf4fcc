package portal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/password"
)

// A mistake is explained in words, at its field. Nothing that was typed is lost
// but passwords.
func TestChromiumMistakesInForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	t.Run("an address", func(t *testing.T) {
		tab := s.tab("en", 390)
		tab.Load(s.base + "/forgot")
		fill(tab, "#identifier", "john at example")
		submit(tab)
		s.on(tab, "/forgot", 422, "Enter an e-mail address, such as name@example.com")
		refusedField(t, tab, "#identifier", "Enter an e-mail address")
		if got := value(tab, "#identifier"); got != "john at example" {
			t.Errorf("%q is left of what was typed", got)
		}
		tab.Press(kb.End + "@acme.example")
		if got := value(tab, "#identifier"); got != "john at example@acme.example" {
			t.Errorf("typing on makes %q", got)
		}
	})
	t.Run("a password", func(t *testing.T) {
		tab := s.tab("en", 390)
		tab.Load(s.link(johnMail))
		for _, c := range []struct{ typed, why string }{
			{"", "Enter a new password."},
			{"short", "This password is too short. Use at least 15 characters."},
			{"passwordpassword", "This password is easy to guess"},
			{"johnwick@example.com", "little more than your own name, address or number"},
		} {
			fill(tab, "#password", c.typed)
			submit(tab)
			s.on(tab, "/reset", 422, c.why)
			refusedField(t, tab, "#password", c.why)
			if got := value(tab, "#password"); got != "" {
				t.Errorf("the refused password is still there: %q", got)
			}
		}
		s.unchanged()
		fill(tab, "#password", goodPassword)
		submit(tab)
		s.on(tab, "/done", 200)
		s.has(s.john, goodPassword)
	})
}

// rules returns what the page says about each rule, or "" before anything is
// typed.
func rules(tab *browsertest.Tab) map[string]string {
	return browsertest.Eval[map[string]string](tab,
		`Object.fromEntries([...document.querySelectorAll("[data-rule]")].map(e => [e.dataset.rule, e.dataset.state ?? ""]))`)
}

// While a person types a password, the page shows and says which rules it
// meets, and sends nothing.
func TestChromiumRulesWhileTyping(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 390)
	tab.Load(s.link(johnMail))
	sent := tab.TakeRequests()
	if len(sent) == 0 {
		t.Fatal("requests are not seen")
	}
	is := func(when, length, repeat, run, address string) {
		t.Helper()
		want := map[string]string{"length": length, "repeat": repeat, "run": run, "address": address}
		if got := rules(tab); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	// What a screen reader says, and how long after the last key.
	browsertest.Eval[bool](tab, `(() => {
		let last = 0;
		window.said = [];
		const status = document.querySelector("#status[role=status]");
		document.querySelector("#password").addEventListener("input", () => { last = performance.now() });
		new MutationObserver(() => said.push({Text: status.textContent, After: performance.now() - last})).observe(status, {childList: true, characterData: true, subtree: true});
		return true;
	})()`)
	aloud := func() string {
		t.Helper()
		type saying struct {
			Text  string
			After float64
		}
		all := browsertest.Eval[[]saying](tab, "said.splice(0)")
		for _, s := range all {
			if s.After < 500 {
				t.Errorf("%q is said %v ms after a key", s.Text, s.After)
			}
		}
		if len(all) == 0 {
			return ""
		}
		return all[len(all)-1].Text
	}
	is("at first", "", "", "", "")
	tab.Click("#password")
	tab.Type("abc")
	is("abc", "unmet", "met", "met", "met")
	tab.Type("defgh")
	is("a run", "unmet", "met", "unmet", "met")
	if got := browsertest.Eval[string](tab, `document.querySelector('[data-rule="run"]').textContent`); got != "No run, such as abcdefgh or 12345678. not met yet" {
		t.Errorf("a rule that is not met says %q", got)
	}
	tab.Wait("said.length > 0")
	if got := aloud(); !strings.Contains(got, "At least 15 characters") || !strings.Contains(got, "No run") || strings.Contains(got, "address") {
		t.Errorf("said aloud: %q", got)
	}
	tab.Shortcut("a")
	tab.Type("abcabcabcabcabcabc")
	is("a repetition", "met", "unmet", "met", "met")
	tab.Shortcut("a")
	tab.Type("JohnWick@Example.com1")
	is("the own address", "met", "met", "met", "unmet")
	tab.Shortcut("a")
	tab.Type(goodPassword)
	is("a good one", "met", "met", "met", "met")
	tab.Wait(`document.querySelector("#status").textContent === ""`)
	aloud()
	tab.Shortcut("a")
	tab.Press(kb.Backspace)
	is("nothing", "", "", "", "")
	if sent := tab.TakeRequests(); len(sent) > 0 {
		t.Errorf("requests while typing: %+v", sent)
	}
	if n := len(s.visited("POST", "/account/reset")); n > 0 {
		t.Errorf("%d forms were sent while typing", n)
	}
	s.silent(tab)
}

// The page judges a password as the server does. The server refuses what the
// page calls unmet. A good password meets all rules.
func TestChromiumRulesAgreeWithThePolicy(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	address := "john.wick+tag@continental-hotel.example"
	s.addLead("John", address, "+14157415570")
	tab := s.tab("en", 390)
	tab.Load(s.link(address))
	judge := func(pw string) (unmet []string) {
		t.Helper()
		tab.Click("#password")
		tab.Shortcut("a")
		tab.Insert(pw)
		for rule, state := range rules(tab) {
			if state == "" {
				t.Errorf("%q is not judged", pw)
			}
			if state == "unmet" {
				unmet = append(unmet, rule)
			}
		}
		slices.Sort(unmet)
		return unmet
	}
	for _, c := range []struct {
		password, unmet string
	}{
		{"short", "[length]"},
		{"fourteen chars", "[length]"},
		{"ñandú ñandú ñ", "[length repeat]"},
		{"aaaaaaaaaaaaaaa", "[repeat]"},
		{"AAAAAAAAAAAAAAAa", "[repeat]"},
		{"abababababababab", "[repeat]"},
		{"abcabcabcabcabcab", "[repeat]"},
		{"Abc!Abc!abc!ABC!abc!", "[repeat]"},
		{"sevenchsevenchsevench", "[repeat]"},
		{"日本日本日本日本日本日本日本日本", "[repeat]"},
		{"\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600", "[repeat]"},
		{"abcdefghijklmnop", "[run]"},
		{"zyxwvutsrqponmlk", "[run]"},
		{"ABCDEFGHIJKLMNOP", "[run]"},
		{"абвгдежзийклмнопр", "[run]"},
		{"ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐ", "[run]"}, // full width: the same letters to NFKC
		{"123456789", "[length run]"},
		{address, "[address]"},
		{strings.ToUpper(address), "[address]"},
		{"john.wick+tag2024", "[address]"},
		{"1234johnwicktag5678", "[address]"},
		{"continental-hotel.example", "[address]"},
		{"Continental-Hotel-99", "[address]"},
		{"john-wick-continental-hotel-dog", "[]"},
		{"correct horse battery staple", "[]"},
		{goodPassword, "[]"},
		{"Vier Hühner, drei Türme", "[]"},
		{"एक लंबा और अच्छा पासवर्ड", "[]"},
		{"كلمة مرور طويلة وجيدة", "[]"},
		{"我们去山里看了很多次日落但没有拍照", "[]"},
		{"xq7!", "[length]"},
	} {
		unmet := judge(c.password)
		if got := fmt.Sprint(unmet); got != c.unmet {
			t.Errorf("%q: the page says %s, want %s", c.password, got, c.unmet)
		}
		err := s.service.Settings().PasswordPolicy.CheckFor(t.Context(), c.password, address)
		if _, refused := errors.AsType[*password.PolicyError](err); refused != (len(unmet) > 0) {
			t.Errorf("%q: the page says %v, the policy %v", c.password, unmet, err)
		}
	}

	// Many more passwords, at the limits of the rules: the page never refuses
	// one that the server accepts.
	var many []string
	for _, unit := range []string{"a", "ab", "aab", "xyz!", "12345", "qwerty", "sevench", "eightchr", "ß", "İ", "ﬁ", "e\u0301x", "\u0130\u0131", "a\u00a0"} {
		for n := 1; n <= 20; n += 3 {
			many = append(many, strings.Repeat(unit, n), strings.Repeat(unit, n)+string([]rune(unit)[:1]), "1"+strings.Repeat(unit, n))
		}
	}
	for _, first := range []rune{'a', 'n', '0', '!', 'а', 'あ', 'ا'} {
		for _, step := range []rune{1, -1, 2} {
			for _, n := range []int{3, 4, 9, 15, 16, 20} {
				var run []rune
				for i := range n {
					run = append(run, first+40*max(0, -step)+rune(i)*step)
				}
				many = append(many, string(run), string(run)+"x")
			}
		}
	}
	for _, own := range []string{address, "john.wick+tag", "john.wick", "johnwick", "continental-hotel.example", "continental-hotel", "continental hotel", "wick", "tag"} {
		for _, around := range [][2]string{{"", ""}, {"1", ""}, {"", "12345678"}, {"1234", "5678"}, {"", "123456789"}, {"12345", "67890"}, {"", "!!!!"}, {"x", ""}, {own, ""}} {
			many = append(many, around[0]+own+around[1], strings.ToUpper(around[0]+own+around[1]))
		}
	}
	list, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	verdicts := browsertest.Eval[[][]string](tab, fmt.Sprintf(`%s.map(pw => {
		const field = document.querySelector("#password");
		field.value = pw;
		field.dispatchEvent(new Event("input"));
		return [...document.querySelectorAll("[data-state=unmet]")].map(e => e.dataset.rule);
	})`, list))
	refused := 0
	for i, pw := range many {
		if len(verdicts[i]) == 0 {
			continue
		}
		refused++
		if err := s.service.Settings().PasswordPolicy.CheckFor(t.Context(), pw, address); err == nil {
			t.Errorf("%q: the page says %v, and the server takes it", pw, verdicts[i])
		}
	}
	if refused < len(many)/4 || refused == len(many) {
		t.Errorf("the page refuses %d of %d", refused, len(many))
	}
}

// The button shows and hides the password, and says what it will do. It leaves
// nothing that a browser would remember as text.
func TestChromiumShowPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 390)
	tab.Load(s.link(johnMail))
	is := func(when, kind, label string) {
		t.Helper()
		if got := browsertest.Eval[string](tab, "document.querySelector('#password').type"); got != kind {
			t.Errorf("%s: the field has the type %s", when, got)
		}
		// A button whose name changes has no pressed state: "hide, pressed"
		// would say both at once.
		if got := tab.Spoken("#show"); got.Role != "button" || got.Name != label || got.Pressed != "" {
			t.Errorf("%s: the button is read as %+v", when, got)
		}
	}
	tab.Click("#password")
	tab.Type("a typed one")
	is("at first", "password", "Show password")
	tab.Click("#show")
	is("after a click", "text", "Hide password")
	tab.Click("#show")
	is("after another", "password", "Show password")
	tab.Click("#show")
	// This listener runs after those of the page, which were added before.
	browsertest.Eval[bool](tab, `document.querySelector("form").addEventListener("submit", () => {
		sessionStorage.sentAs = document.querySelector("#password").type;
	}), true`)
	submit(tab)
	if got := browsertest.Eval[string](tab, "sessionStorage.sentAs"); got != "password" {
		t.Errorf("the form is sent with a field of type %s", got)
	}
	s.on(tab, "/reset", 422)
	is("after it was refused", "password", "Show password")
}
