package messages_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// The greeting leaves hostileNames out (A66, A13).
var hostileNames = []struct{ name, value string }{
	{"markup", `<a href=//evil>click</a>`},
	{"a bare tag", "<b>"},
	{"an entity", "&lt;b&gt;"},
	{"a template action", "{{.Token}}"},
	{"a URL", "http://evil.tld click here"},
	{"a URL without scheme", "www.evil.tld"},
	{"a domain", "evil.com"},
	{"a short domain", "t.co"},
	{"a domain behind a name", "Anna evil.com"},
	{"a domain with a period behind it", "evil.com."},
	{"a domain of letters from elsewhere", "пример.рф"},
	{"a domain with an ideographic full stop", "evil。com"},
	{"a domain with a full-width stop", "evil．com"},
	{"a mail address", "help@evil"},
	{"a path", "//evil"},
	{"a handle", "@evil"},
	{"a telephone number", "call 555 1234"},
	{"digits of another script", "٠١٢٣"},
	{"a right-to-left override", "\u202egnp.exe"},
	{"an embedding", "Anna\u202b"},
	{"an isolate", "\u2066Anna\u2069"},
	{"a mark of direction", "Anna\u200f"},
	{"a header break", "Anna\r\nBcc: x"},
	{"a line break", "Anna\nBob"},
	{"a line separator", "Anna\u2028Bob"},
	{"a tab", "Anna\tBob"},
	{"NUL", "Anna\x00"},
	{"an escape sequence", "Anna\x1b[2J"},
	{"zero-width space", "ev\u200bil"},
	{"zero-width joiner", "a\u200db"},
	{"a byte order mark", "\ufeffAnna"},
	{"a soft hyphen", "An\u00adna"},
	{"a variation selector", "A\ufe0f"},
	{"the Hangul filler, an invisible letter", "\u3164"},
	{"a stack of marks", "A" + strings.Repeat("\u0301", 5)},
	{"a mark first", "\u0301Anna"},
	{"10 kB", strings.Repeat("A", 10_000)},
	{"61 characters", strings.Repeat("A", 61)},
	{"no letters", "..."},
	{"only spaces", "   "},
	{"a currency and a sum", "You won $1M!"},
	{"quotes", `Anna "Admin"`},
	{"brackets", "Anna (Support)"},
	{"a colon", "Warning: act"},
	{"a comma", "Anna, click"},
	{"bytes that are no text", "Anna\xff"},
	{"an emoji", "Anna 🎁"},
	{"an underscore", "Anna_Bob"},
	{"a backquote", "`id`"},
}

var goodNames = []struct{ value, want string }{
	{"Anna", "Anna"},
	{"Zoé O’Neill", "Zoé O’Neill"},
	{"Conan O'Brien", "Conan O'Brien"},
	{"Anne-Marie", "Anne-Marie"},
	{"J.R.R. Tolkien", "J.R.R. Tolkien"},
	{"Martin Luther King Jr.", "Martin Luther King Jr."},
	{"Dr. Müller", "Dr. Müller"},
	{"María del Carmen de la Cruz Rodríguez", "María del Carmen de la Cruz Rodríguez"},
	{"Jose\u0301", "José"},
	{"  Anna   Bob ", "Anna Bob"},
	{"Anna\u00a0Bob", "Anna Bob"},
	{"राहुल शर्मा", "राहुल शर्मा"},
	{"محمد عبد الله", "محمد عبد الله"},
	{"王小明", "王小明"},
	{"山田\u3000太郎", "山田 太郎"},
	{"ジョン・スミス", "ジョン・スミス"},
	{"Nguyễn Thị Minh Khai", "Nguyễn Thị Minh Khai"},
	{"Ольга Петровна", "Ольга Петровна"},
	{"X Æ", "X Æ"},
	{strings.Repeat("é", 60), strings.Repeat("é", 60)},
}

// TestHostileNames (A66, A13): with such a name, the message is the same as
// without a name, in every kind and language.
func TestHostileNames(t *testing.T) {
	s := newRenderer(t)
	for _, tt := range hostileNames {
		t.Run(tt.name, func(t *testing.T) {
			if got := messages.CleanName(tt.value); got != "" {
				t.Errorf("shown as %q", got)
			}
		})
	}
	for _, tag := range messages.Languages() {
		for _, kind := range allKinds[:4] {
			if tag != language.English && kind != recovery.MessageResetLink {
				continue // all kinds have the same greeting
			}
			m := newMessage(kind, tag.String())
			m.Name = ""
			want := mustMail(t, s, m)
			for _, tt := range hostileNames {
				m.Name = tt.value
				if got := mustMail(t, s, m); got != want {
					t.Errorf("%v, %s, %s: %s", tag, kind, tt.name, got.Text)
				}
			}
		}
	}
}

func TestGoodNames(t *testing.T) {
	s := newRenderer(t)
	for _, tt := range goodNames {
		for _, tag := range messages.Languages() {
			m := newMessage(recovery.MessagePasswordChanged, tag.String())
			m.Name = tt.value
			mail := mustMail(t, s, m)
			shown := tt.want
			if tag == language.Arabic || strings.ContainsFunc(shown, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) {
				shown = "\u2068" + shown + "\u2069"
			}
			if !strings.Contains(mail.Text, shown) || !strings.Contains(parseHTML(t, mail.HTML).text, shown) {
				t.Errorf("%v: %q is not shown as %q: %s", tag, tt.value, shown, mail.Text)
			}
			if strings.Contains(mail.Subject, tt.want) {
				t.Errorf("%v: the subject has the name", tag)
			}
		}
	}
}

// TestProviders: the same holds for the services that the user store names.
func TestProviders(t *testing.T) {
	s := newRenderer(t)
	for _, tt := range []struct {
		name      string
		providers []string
		want      []string
	}{
		{"known ones as they write themselves", []string{"google", "GITHUB", "linkedin", "twitter"}, []string{"Google", "GitHub", "LinkedIn", "X"}},
		{"unknown ones as they are", []string{"Acme Login 2", "AT&T", "Über-ID"}, []string{"Acme Login 2", "AT&T", "Über-ID"}},
		{"hostile ones not at all (A66)", []string{"<b>", "evil.com", "http://evil", "a\nb", "\u202ex", strings.Repeat("x", 41), "google"}, []string{"Google"}},
		{"none", nil, nil},
		{"nothing but hostile ones", []string{"evil.com"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMessage(recovery.MessageNoPassword, "en")
			m.IdentityProviders = tt.providers
			mail, sms := mustMail(t, s, m), mustSMS(t, s, m)
			var listed []string
			for line := range strings.Lines(mail.Text) {
				if p, ok := strings.CutPrefix(line, "* "); ok {
					listed = append(listed, strings.TrimSpace(p))
				}
			}
			if !slices.Equal(listed, tt.want) {
				t.Errorf("listed %q, want %q", listed, tt.want)
			}
			if got := parseHTML(t, mail.HTML).tags["li"]; got != len(tt.want) {
				t.Errorf("the HTML lists %d", got)
			}
			if want := strings.Join(tt.want, ", "); !strings.HasSuffix(sms.Text, want) {
				t.Errorf("text message %q", sms.Text)
			}
			if tt.want == nil && (!strings.Contains(mail.Text, "Sign in with the service that you chose when you registered.\n") || !strings.Contains(sms.Text, "with the service that you chose")) {
				t.Error("nothing is said instead")
			}
		})
	}
	t.Run("ten at most", func(t *testing.T) {
		m := newMessage(recovery.MessageNoPassword, "en")
		m.IdentityProviders = slices.Repeat([]string{"Service"}, 50)
		if n := strings.Count(mustMail(t, s, m).Text, "* Service"); n != 10 {
			t.Errorf("%d", n)
		}
	})
}

// FuzzName: whatever the name, the greeting shows letters and little else. A
// name that is shown once is shown unchanged the next time.
func FuzzName(f *testing.F) {
	for _, tt := range hostileNames {
		f.Add(tt.value)
	}
	for _, tt := range goodNames {
		f.Add(tt.value)
	}
	s := newRenderer(f)
	m := newMessage(recovery.MessageResetLink, "en")
	m.Name = ""
	want := parseHTML(f, mustMail(f, s, m).HTML)
	f.Fuzz(func(t *testing.T, name string) {
		clean := messages.CleanName(name)
		if messages.CleanName(clean) != clean {
			t.Fatal("cleaning twice differs")
		}
		if utf8.RuneCountInString(clean) > 60 || strings.ContainsFunc(clean, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(" '’-‐·・.", r)
		}) {
			t.Fatalf("shown as %q", clean)
		}
		m := m
		m.Name = name
		mail := mustMail(t, s, m)
		got := parseHTML(t, mail.HTML)
		if !slices.Equal(got.links, want.links) || len(got.attrs) != len(want.attrs) {
			t.Fatal("the name made a link or an element")
		}
		if strings.Count(mail.Text, "\n") != strings.Count(mustMail(t, s, withName(m, "A")).Text, "\n") {
			t.Fatal("the name made a line")
		}
		if clean != "" && (!strings.Contains(got.text, clean) || !strings.Contains(mail.Text, clean)) {
			t.Fatalf("%q is not shown", clean)
		}
	})
}

func withName(m recovery.Message, name string) recovery.Message {
	m.Name = name
	return m
}

// FuzzPlace: places and providers obey the rules of names.
func FuzzPlace(f *testing.F) {
	for _, tt := range hostileNames {
		f.Add(tt.value)
	}
	f.Add("Berlin, Germany (DE)")
	f.Add("Acme & Co.")
	f.Fuzz(func(t *testing.T, s string) {
		for _, clean := range []func(string) string{messages.CleanPlace, messages.CleanProvider} {
			c := clean(s)
			if clean(c) != c || !utf8.ValidString(c) || utf8.RuneCountInString(c) > 80 {
				t.Fatalf("%q", c)
			}
			if strings.ContainsAny(c, "<>\"\r\n\t:@{}\\") || strings.ContainsFunc(c, func(r rune) bool { return unicode.In(r, unicode.Bidi_Control, unicode.Cc, unicode.Cf) }) {
				t.Fatalf("%q", c)
			}
		}
	})
}
