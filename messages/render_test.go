package messages_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// TestMails states what holds for every kind in every language.
func TestMails(t *testing.T) {
	s := newRenderer(t)
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		for _, kind := range allKinds {
			for _, notMe := range []bool{true, false} {
				m := newMessage(kind, tag.String())
				if !notMe {
					m.NotMe = recovery.Secret{}
				}
				t.Run(fmt.Sprintf("%s, not me %v", kind, notMe), func(t *testing.T) { checkMail(t, mustMail(t, s, m), m, tag) })
			}
		}
	})
}

func checkMail(t *testing.T, mail messages.Mail, m recovery.Message, tag language.Tag) {
	t.Helper()
	if mail.Language != tag {
		t.Errorf("language %v, want %v", mail.Language, tag)
	}
	doc := parseHTML(t, mail.HTML)
	checkSubject(t, mail.Subject, m)
	checkLinks(t, mail, doc, m)
	checkContents(t, "text", mail.Text, m)
	checkContents(t, "HTML", doc.text, m)
	checkHTML(t, mail, doc, tag)
	checkText(t, mail.Text)
}

// checkSubject: the subject is one short line. It has nothing that a locked
// screen must not show and nothing that the person did not write.
func checkSubject(t *testing.T, subject string, m recovery.Message) {
	t.Helper()
	if n := len([]rune(subject)); n == 0 || n > 60 {
		t.Errorf("subject of %d characters", n)
	}
	if strings.ContainsFunc(subject, unicode.IsControl) {
		t.Error("the subject has a control")
	}
	for _, s := range []string{resetURL, notMeURL, "://", code, m.Name} {
		if s != "" && strings.Contains(subject, s) {
			t.Errorf("the subject has %q", s)
		}
	}
}

// checkLinks: both parts have the same links, and no others.
func checkLinks(t *testing.T, mail messages.Mail, doc document, m recovery.Message) {
	t.Helper()
	want := []string{}
	for _, u := range []recovery.Secret{m.URL, m.NotMe} {
		if !u.IsZero() {
			want = append(want, u.Reveal())
		}
	}
	inText := []string{}
	for line := range strings.Lines(mail.Text) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "https://") {
			inText = append(inText, line)
		}
	}
	if !slices.Equal(inText, want) {
		t.Errorf("links on lines of the text %q, want %q", inText, want)
	}
	support := "https://www.example.com/help"
	inHTML := slices.Clone(doc.links)
	slices.Sort(inHTML)
	if got, want := slices.Compact(inHTML), sorted(append(slices.Clone(want), support)); !slices.Equal(got, want) {
		t.Errorf("links of the HTML %q, want %q", got, want)
	}
	if got := strings.Count(mail.Text, "://"); got != len(want)+1 {
		t.Errorf("%d links in the text", got)
	}
	if !m.URL.IsZero() && (!strings.Contains(doc.text, resetURL) || len(doc.links) < 3) {
		t.Error("the link does not stand beside the button")
	}
}

// checkContents: a part has everything that it must have, and nothing else of
// the message.
func checkContents(t *testing.T, name, part string, m recovery.Message) {
	t.Helper()
	if got := strings.Contains(part, code); got != !m.Code.IsZero() {
		t.Errorf("%s has the code: %v", name, got)
	}
	if got := strings.Contains(part, "Zoé O’Neill"); got != (m.Name != "") {
		t.Errorf("%s has the name: %v", name, got)
	}
	for _, s := range []string{"2026-11-22 14:05 UTC", "203.0.113.0/24", "Acme"} {
		if !strings.Contains(part, s) {
			t.Errorf("%s does not have %q", name, s)
		}
	}
	if !m.Expires.IsZero() && !strings.Contains(part, m.Expires.UTC().Format("2006-01-02 15:04 UTC")) {
		t.Errorf("%s does not say until when", name)
	}
	for _, s := range m.IdentityProviders {
		if !strings.Contains(strings.ToLower(part), strings.ToLower(s)) {
			t.Errorf("%s does not have the service %q", name, s)
		}
	}
	// The first four must stay secret. The others are left behind by a
	// mistake in a template.
	for _, s := range []string{"secret.address", "lead-4711", "message-1", "203.0.113.77", "%!", "{{", "<no value>", "redacted"} {
		if strings.Contains(part, s) {
			t.Errorf("%s has %q", name, s)
		}
	}
}

// checkHTML: the HTML is complete and small, has a direction, and loads nothing.
func checkHTML(t *testing.T, mail messages.Mail, doc document, tag language.Tag) {
	t.Helper()
	dir := "ltr"
	if tag == language.Arabic {
		dir = "rtl"
	}
	if !strings.HasPrefix(mail.HTML, fmt.Sprintf("<!DOCTYPE html>\n<html lang=%q dir=%q>\n", tag.String(), dir)) || !strings.HasSuffix(mail.HTML, "</html>\n") {
		t.Error("the HTML is no whole document with lang and dir")
	}
	if len(mail.HTML) > 20_000 {
		t.Errorf("the HTML has %d bytes", len(mail.HTML))
	}
	for _, tag := range []string{"img", "link", "script", "iframe", "object", "form", "video", "audio", "svg", "base"} {
		if doc.tags[tag] > 0 {
			t.Errorf("the HTML has %s", tag)
		}
	}
	for _, s := range []string{"url(", "@import", "src=", "ZgotmplZ"} {
		if strings.Contains(mail.HTML, s) {
			t.Errorf("the HTML has %q", s)
		}
	}
	for _, s := range []string{`name="color-scheme"`, "prefers-color-scheme:dark", `name="viewport"`, "<!--[if mso]>", "<title>" + mail.Subject + "</title>"} {
		if !strings.Contains(mail.HTML, s) {
			t.Errorf("the HTML does not have %q", s)
		}
	}
}

// checkText: the text has lines that fit, no trailing blanks but in the
// signature's mark, and never two blank lines in a row.
func checkText(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if messages.Columns(line) > 72 && !strings.Contains(line, "://") {
			t.Errorf("a line of %d columns: %q", messages.Columns(line), line)
		}
		if strings.TrimRight(line, " ") != line && line != "-- " {
			t.Errorf("a line with trailing space: %q", line)
		}
	}
	if strings.Contains(text, "\n\n\n") || strings.Contains(text, "\r") || !strings.HasSuffix(text, "\n") {
		t.Error("blank lines, carriage returns or no end")
	}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// TestBareMessages: a missing part of a message leaves no gap.
func TestBareMessages(t *testing.T) {
	s := newRenderer(t, func(o *messages.Options) { o.Support = "" })
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		for _, kind := range allKinds {
			m := recovery.Message{Kind: kind, Locale: tag.String()}
			switch kind {
			case recovery.MessageResetLink, recovery.MessageInvitation, recovery.MessageResetRequired:
				m.URL = recovery.NewSecret(resetURL)
			case recovery.MessageResetCode:
				m.Code = recovery.NewSecret(code)
			}
			mail := mustMail(t, s, m)
			texts := []string{mail.Subject, mail.Text, parseHTML(t, mail.HTML).text}
			if kind != recovery.MessageUnknownAddress {
				texts = append(texts, mustSMS(t, s, m).Text)
			}
			for _, text := range texts {
				for _, slip := range []string{"()", "（）", " .", " ,", " 。", "\u2068\u2069", "UTC", "%!"} {
					if strings.Contains(text, slip) {
						t.Errorf("%s has %q: %s", kind, slip, text)
					}
				}
			}
		}
	})
}

// TestExpiry: the time that a link still works is counted from the moment of
// rendering. The time when it ends stands beside it.
func TestExpiry(t *testing.T) {
	s := newRenderer(t)
	for _, tt := range []struct {
		name string
		left time.Duration
		want string
	}{
		{"a moment after an hour", time.Hour - 300*time.Millisecond, "60 minutes"},
		{"ten minutes", 10 * time.Minute, "10 minutes"},
		{"a minute and a half is rounded", 90 * time.Second, "2 minutes"},
		{"a minute", time.Minute, "1 minute"},
		{"less than a minute", 5 * time.Second, "1 minute"},
		{"past: a delayed mail still says until when", -time.Hour, "1 minute"},
		{"almost two hours", 2*time.Hour - time.Minute, "119 minutes"},
		{"two hours", 2 * time.Hour, "2 hours"},
		{"hours are rounded down", 3*time.Hour + 59*time.Minute, "3 hours"},
		{"a day", 24 * time.Hour, "24 hours"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMessage(recovery.MessageResetLink, "en")
				m.Expires = time.Now().Add(tt.left)
				mail := mustMail(t, s, m)
				if want := "expires in " + tt.want + "."; !strings.Contains(mail.Text, want) || !strings.Contains(mail.HTML, want) {
					t.Errorf("no %q in %s", want, mail.Text)
				}
				if want := m.Expires.UTC().Format("2006-01-02 15:04 UTC"); !strings.Contains(mail.Text, want) {
					t.Errorf("no %q", want)
				}
			})
		})
	}
}

func TestTimeZone(t *testing.T) {
	for _, tt := range []struct {
		name string
		zone *time.Location
		want string
	}{
		{"default", nil, "2026-11-22 14:05 UTC"},
		{"UTC", time.UTC, "2026-11-22 14:05 UTC"},
		{"a zone with a name", time.FixedZone("CET", 3600), "2026-11-22 15:05 CET (UTC+01:00)"},
		{"a name that several zones have", time.FixedZone("IST", 19800), "2026-11-22 19:35 IST (UTC+05:30)"},
		{"a zone whose name is its offset", time.FixedZone("-03", -10800), "2026-11-22 11:05 UTC-03:00"},
		{"a zone whose name is no abbreviation", time.FixedZone("Acme headquarters", 3600), "2026-11-22 15:05 UTC+01:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newRenderer(t, func(o *messages.Options) { o.TimeZone = tt.zone })
			mail := mustMail(t, s, newMessage(recovery.MessagePasswordChanged, "en"))
			if !strings.Contains(mail.Text, "Changed: "+tt.want+"\n") {
				t.Errorf("want %s in %s", tt.want, mail.Text)
			}
		})
	}
}

// TestPlace: a message shows a place if the host knows one, or else the
// network, and never the address itself.
func TestPlace(t *testing.T) {
	locate := func(place string) func(netip.Addr, language.Tag) string {
		return func(netip.Addr, language.Tag) string { return place }
	}
	for _, tt := range []struct {
		name   string
		client string
		locate func(netip.Addr, language.Tag) string
		want   string
	}{
		{"IPv4", "203.0.113.77", nil, "Network: 203.0.113.0/24"},
		{"IPv4 in IPv6", "::ffff:203.0.113.77", nil, "Network: 203.0.113.0/24"},
		{"IPv6", "2001:db8:1:2:3:4:5:6", nil, "Network: 2001:db8:1::/48"},
		{"IPv6 with a zone", "fe80::1%eth0", nil, "Network: fe80::/48"},
		{"a place", "203.0.113.77", locate("São Paulo, Brazil (BR)"), "Near: São Paulo, Brazil (BR)"},
		{"no place", "203.0.113.77", locate(""), "Network: 203.0.113.0/24"},
		{"a place that is a link (A66)", "203.0.113.77", locate("https://evil.example"), "Network: 203.0.113.0/24"},
		{"a place that is a domain (A66)", "203.0.113.77", locate("Berlin, evil.example"), "Network: 203.0.113.0/24"},
		{"a place that is an address", "203.0.113.77", locate("at 1.2.3.4"), "Network: 203.0.113.0/24"},
		{"a place with a second line (A13)", "203.0.113.77", locate("Berlin\nBcc: x"), "Network: 203.0.113.0/24"},
		{"a place that is too long", "203.0.113.77", locate(strings.Repeat("x", 81)), "Network: 203.0.113.0/24"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newRenderer(t, func(o *messages.Options) { o.Locate = tt.locate })
			m := newMessage(recovery.MessageResetLink, "en")
			m.Client = netip.MustParseAddr(tt.client)
			mail := mustMail(t, s, m)
			if !strings.Contains(mail.Text, "\n"+tt.want+"\n") {
				t.Errorf("want %s in %s", tt.want, mail.Text)
			}
			_, value, _ := strings.Cut(tt.want, ": ")
			if !strings.Contains(parseHTML(t, mail.HTML).text, value) {
				t.Error("not in the HTML")
			}
		})
	}
	t.Run("the place is asked for in the mail's language", func(t *testing.T) {
		s := newRenderer(t, func(o *messages.Options) {
			o.Locate = func(_ netip.Addr, tag language.Tag) string { return "In " + tag.String() }
		})
		if mail := mustMail(t, s, newMessage(recovery.MessageResetLink, "hi-IN")); !strings.Contains(mail.Text, "In hi") {
			t.Error(mail.Text)
		}
	})
}

// TestMessagesThatCannotBeSent: these are permanent failures, and their text
// quotes nothing (A39).
func TestMessagesThatCannotBeSent(t *testing.T) {
	s := newRenderer(t)
	secret := recovery.NewSecret
	link := func(u string) recovery.Message {
		return recovery.Message{Kind: recovery.MessageResetLink, URL: secret(u)}
	}
	for _, tt := range []struct {
		name string
		m    recovery.Message
	}{
		{"an unknown kind", recovery.Message{Kind: "s3cret"}},
		{"no kind", recovery.Message{}},
		{"a kind that is a path (A66)", recovery.Message{Kind: "../s3cret"}},
		{"a link without URL", recovery.Message{Kind: recovery.MessageResetLink, Code: secret(code)}},
		{"a script", link("javascript:s3cret")},
		{"no scheme", link("//s3cret.example")},
		{"a space", link("https://example.com/s3cret x")},
		{"a second line (A13)", link("https://example.com/s3cret\nBcc: x")},
		{"a quote", link(`https://example.com/"s3cret`)},
		{"a bracket", link("https://example.com/<s3cret>")},
		{"a backslash", link(`https://example.com\s3cret`)},
		{"letters outside of ASCII", link("https://example.com/s3crét")},
		{"a URL that is too long", link("https://example.com/s3cret" + strings.Repeat("x", 8192))},
		{"a code without Code", recovery.Message{Kind: recovery.MessageResetCode, URL: secret(resetURL)}},
		{"a code with a space", recovery.Message{Kind: recovery.MessageResetCode, Code: secret("1234 s3cret")}},
		{"a code with markup", recovery.Message{Kind: recovery.MessageResetCode, Code: secret("<b>s3cret")}},
		{"a code that is too long", recovery.Message{Kind: recovery.MessageResetCode, Code: secret("s3cret" + strings.Repeat("1", 32))}},
		{"not me is a script", recovery.Message{Kind: recovery.MessagePasswordChanged, NotMe: secret("javascript:s3cret")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Mail(tt.m)
			_, smsErr := s.SMS(tt.m)
			for _, err := range []error{err, smsErr} {
				if !errors.Is(err, recovery.ErrPermanent) {
					t.Fatalf("error %v", err)
				}
				if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), code) {
					t.Errorf("the error quotes: %v", err)
				}
			}
		})
	}
}

// TestUnusualLinks: every URL that the Service can make arrives unchanged.
func TestUnusualLinks(t *testing.T) {
	s := newRenderer(t)
	for _, u := range []string{
		"https://example.com/?token=x", "http://localhost:8080/reset?a=1&b=2&token=x%2By", "https://xn--bcher-kva.example/r?t=x",
		"https://example.com/a'b(c){d}|^~!$*;,@:[]?x=%zz&y=%", "https://[2001:db8::1]/reset?token=+%20",
		"https://example.com/?token=" + strings.Repeat("x", 2100),
	} {
		m := newMessage(recovery.MessageResetLink, "en")
		m.URL = recovery.NewSecret(u)
		mail := mustMail(t, s, m)
		doc := parseHTML(t, mail.HTML)
		if !strings.Contains(mail.Text, "\n"+u+"\n") || !strings.Contains(doc.text, u) || !slices.Contains(doc.links, messages.NormalizedURL(u)) {
			t.Errorf("%s is not the same in both parts: %q", u, doc.links)
		}
		if sms := mustSMS(t, s, m); !strings.HasSuffix(sms.Text, "\n"+u) {
			t.Errorf("%s is not the last line of %s", u, sms.Text)
		}
	}
}

// TestOnlyKindsThatHaveThem: a secret in a message whose kind needs none is not
// sent.
func TestOnlyKindsThatHaveThem(t *testing.T) {
	s := newRenderer(t)
	for _, kind := range allKinds {
		m := newMessage(kind, "en")
		m.URL, m.Code, m.NotMe = recovery.NewSecret(resetURL), recovery.NewSecret(code), recovery.NewSecret(notMeURL)
		m.IdentityProviders = []string{"google"}
		mail := mustMail(t, s, m)
		all := mail.Subject + mail.Text + parseHTML(t, mail.HTML).text
		for name, want := range map[string]bool{
			resetURL: slices.Contains([]recovery.MessageKind{recovery.MessageResetLink, recovery.MessageInvitation, recovery.MessageResetRequired}, kind),
			code:     kind == recovery.MessageResetCode,
			notMeURL: slices.Contains([]recovery.MessageKind{recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged}, kind),
			"Google": kind == recovery.MessageNoPassword,
		} {
			// The HTML of a code shows the link for "this was not me" only as a
			// link.
			if got := strings.Contains(all, name); got != want {
				t.Errorf("%s has %s: %v", kind, name, got)
			}
		}
	}
}

// TestOnlyKindsThatHaveThemInTemplates: even a template of the host cannot see
// them.
func TestOnlyKindsThatHaveThemInTemplates(t *testing.T) {
	const all = "{{.URL}} {{.Code}} {{.NotMe}} {{.ExpiresIn}} {{.Expires}} {{.IdentityProviders}} end"
	s := newRenderer(t, withFiles(files("no-password.txt", all, "unknown-address.txt", all, "password-changed.txt", all)))
	for kind, want := range map[recovery.MessageKind]string{
		recovery.MessageNoPassword: "     [Google] end\n", recovery.MessageUnknownAddress: "     [] end\n", recovery.MessagePasswordChanged: notMeURL + "   [] end\n",
	} {
		m := newMessage(kind, "en")
		m.URL, m.Code, m.NotMe, m.Expires = recovery.NewSecret(resetURL), recovery.NewSecret(code), recovery.NewSecret(notMeURL), now
		m.IdentityProviders = []string{"google"}
		if got := mustMail(t, s, m).Text; strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s: %q", kind, got)
		}
	}
}

// TestPrintsNothing (A39): %v of a rendered message gets none of its text into
// a log.
func TestPrintsNothing(t *testing.T) {
	s := newRenderer(t)
	mail := mustMail(t, s, newMessage(recovery.MessageResetCode, "de"))
	sms := mustSMS(t, s, newMessage(recovery.MessageResetCode, "de"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		for _, v := range []any{mail, &mail, sms, &sms} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, code) || !strings.Contains(got, "de") {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	}
}

// TestConcurrency: a Renderer renders for many goroutines at once.
func TestConcurrency(t *testing.T) {
	s := newRenderer(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 10 {
				tag := messages.Languages()[(i+j)%9]
				m := newMessage(allKinds[j%4], tag.String())
				mail, err := s.Mail(m)
				if err != nil || mail.Language != tag {
					t.Error(mail.Language, err)
				}
				if _, err := s.SMS(m); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestWrap: lines have at most 72 columns, and links stay whole.
func TestWrap(t *testing.T) {
	x := strings.Repeat
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"72 columns", x("x", 72), x("x", 72)},
		{"a word that does not fit", "a " + x("x", 71), "a\n" + x("x", 71)},
		{"a word that just fits", "a " + x("x", 70), "a " + x("x", 70)},
		{"a link", "see https://example.com/" + x("x", 100) + " now", "see\nhttps://example.com/" + x("x", 100) + "\nnow"},
		{"lines that are there already", "a\n\nb", "a\n\nb"},
		{"wide characters count twice", x("你", 30) + "。" + x("好", 30), x("你", 30) + "。\n" + x("好", 30)},
		{"wide characters that fit", x("你", 17) + "，" + x("好", 18), x("你", 17) + "，" + x("好", 18)},
		{"wide characters without punctuation stay whole", x("你", 50), x("你", 50)},
		{"marks count nothing", x("e\u0301", 72), x("e\u0301", 72)},
		{"isolates count nothing", "\u2068" + x("x", 72) + "\u2069", "\u2068" + x("x", 72) + "\u2069"},
		{"trailing space", "a b ", "a b"},
		{"a long word with a wide full stop is no two lines", x("0", 73) + "。", x("0", 73) + "。"},
	} {
		if got := messages.Wrap(tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// FuzzWrap: wrap changes nothing but white space. No line that it could break
// is too long.
func FuzzWrap(f *testing.F) {
	f.Add("a " + strings.Repeat("x", 80) + " b")
	f.Add(strings.Repeat("你好。", 40))
	f.Add("\n \n  a\u00a0b\xff")
	f.Add(strings.Repeat("0", 73) + "。")
	f.Add(strings.Repeat("0", 72) + " \u0365")
	f.Fuzz(func(t *testing.T, s string) {
		w := messages.Wrap(s)
		if strip(w) != strip(s) {
			t.Fatalf("%q became %q", s, w)
		}
		for line := range strings.Lines(w) {
			line = strings.TrimSuffix(line, "\n")
			if messages.Columns(line) > 72 && strings.Contains(strings.Trim(line, " "), " ") {
				t.Fatalf("%d columns: %q", messages.Columns(line), line)
			}
		}
		if messages.Wrap(w) != w {
			t.Fatal("wrapping twice differs")
		}
	})
}

func strip(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' }), "")
}
