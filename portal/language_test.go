package portal_test

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/portal"
)

func TestLanguageOfAPage(t *testing.T) {
	inWorld(t, allLanguages, func(w *world) {
		t := w.t
		for _, c := range []struct {
			name, target, accept, lang, dir string
		}{
			{"nothing is known", "/account/forgot", "", "en", "ltr"},
			{"what the browser asks for", "/account/forgot", "fi,de-AT;q=0.8", "de", "ltr"},
			{"a more exact range behind another language", "/account/forgot", "en-GB,fr;q=0.9,en-US;q=0.8,en;q=0.7", "en", "ltr"},
			{"Switzerland", "/account/forgot", "de-CH,fr;q=0.9,de;q=0.8", "de", "ltr"},
			{"Mexico", "/account/forgot", "es-MX,en-US;q=0.9,es;q=0.8", "es", "ltr"},
			{"a weight in capitals", "/account/forgot", "fr;Q=0.6,de;q=0.7", "de", "ltr"},
			{"a language that is refused", "/account/forgot", "en;q=0,*;q=0.5", "es", "ltr"},
			{"Taiwan", "/account/forgot", "zh-TW,zh;q=0.9,ja;q=0.8,en;q=0.7", "ja", "ltr"},
			{"simplified Chinese, chosen in Taiwan", "/account/forgot?lang=zh", "zh-TW,zh;q=0.9", "zh-Hans", "ltr"},
			{"from right to left", "/account/forgot", "ar", "ar", "rtl"},
			{"what was chosen on the page", "/account/forgot?lang=ja", "de", "ja", "ltr"},
			{"no language", "/account/forgot?lang=xx", "de", "de", "ltr"},
			{"two languages", "/account/forgot?lang=ja&lang=fr", "de", "de", "ltr"},
			{"an error", "/account/reset", "es", "es", "ltr"},
			{"a page that is not there", "/account/nothing?lang=zh", "", "zh-Hans", "ltr"},
		} {
			v := w.visitor()
			v.header.Set("Accept-Language", c.accept)
			p := v.get(c.target)
			if want := fmt.Sprintf(`<html lang="%s" dir="%s">`, c.lang, c.dir); !strings.Contains(p.body, want) || p.Header.Get("Content-Language") != c.lang {
				t.Errorf("%s: %q, want %s", c.name, p.Header.Get("Content-Language"), want)
			}
		}
		// The chosen language stays the same from page to page, and in the
		// mail.
		v := w.visitor()
		form := v.get("/account/forgot?lang=de")
		if !strings.Contains(form.body, `action="/account/forgot?lang=de"`) {
			t.Error("the form forgets the language")
		}
		p := v.post("/account/forgot?lang=de", "identifier", johnMail)
		if got := p.Header.Get("Location"); got != "/account/sent?lang=de" {
			t.Errorf("Location %q", got)
		}
		if m := w.message(); m.Languages != "de" {
			t.Errorf("the mail is in %q", m.Languages)
		}
		// The lead's own language comes before the browser's, also on the
		// answer to the form.
		w.leads.Change(w.john, func(l *recovery.Lead) { l.Locale = "ar" })
		v = w.visitor()
		v.header.Set("Accept-Language", "fr")
		page := v.open(w.link())
		if !strings.Contains(page.body, `<html lang="ar" dir="rtl">`) {
			t.Error("the lead's language is not that of the form")
		}
		if p := v.post("/account/reset", "proof", page.proof(), "password", "x"); !strings.Contains(p.body, `<html lang="ar" dir="rtl">`) {
			t.Error("the lead's language is not that of the refusal")
		}
		if p := v.post("/account/reset", "proof", page.proof(), "password", goodPassword); p.Header.Get("Location") != "/account/done?lang=ar" {
			t.Errorf("Location %q", p.Header.Get("Location"))
		}
	})
	inWorld(t, func(_ *recovery.Options, o *portal.Options) {
		o.Languages = []language.Tag{language.German, language.English}
	}, func(w *world) {
		v := w.visitor()
		for accept, want := range map[string]string{"fr": "de", "en-GB": "en", "": "de", "fr,ja;q=0.9,en;q=0.1": "en"} {
			v.header.Set("Accept-Language", accept)
			p := v.get("/account/forgot?lang=fr")
			if p.Header.Get("Content-Language") != want {
				w.t.Errorf("%q of two languages: %q, want %q", accept, p.Header.Get("Content-Language"), want)
			}
			if strings.Contains(p.body, "Français") || !strings.Contains(p.body, "Deutsch") {
				w.t.Error("the languages to choose from are others")
			}
		}
	})
}

var verb = regexp.MustCompile(`%\[\d\]\w`)

// Every language has every sentence, with the same arguments.
func TestCataloguesAreComplete(t *testing.T) {
	all := portal.Catalogues()
	english := all["en"]
	if len(all) != 9 || len(english) < 90 {
		t.Fatalf("%d languages, %d sentences", len(all), len(english))
	}
	for lang, entries := range all {
		if len(entries) != len(english) {
			t.Errorf("%s: %d sentences, want %d", lang, len(entries), len(english))
			continue
		}
		for i, e := range entries {
			if e.Key != english[i].Key {
				t.Errorf("%s: %s stands where %s belongs", lang, e.Key, english[i].Key)
				continue
			}
			if (e.Forms == nil) != (english[i].Forms == nil) {
				t.Errorf("%s: %s has forms where English has none, or none where it has", lang, e.Key)
			}
			a, b := verb.FindAllString(e.Text, -1), verb.FindAllString(english[i].Text, -1)
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Errorf("%s: %s has the arguments %v, want %v", lang, e.Key, a, b)
			}
			if e.Forms == nil && (strings.TrimSpace(e.Text) != e.Text || e.Text == "") {
				t.Errorf("%s: %s is %q", lang, e.Key, e.Text)
			}
			if lang != "en" && e.Forms == nil && e.Text == english[i].Text {
				t.Logf("%s: %s is as in English: %q", lang, e.Key, e.Text)
			}
		}
	}
}

// The message about a forced reset quotes the page where a new link is asked for.
// It has the name that the page has in the same language.
func TestMessagesQuoteThePage(t *testing.T) {
	renderer, err := messages.New(messages.Options{Product: "Acme", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for lang, entries := range portal.Catalogues() {
		at := slices.IndexFunc(entries, func(e i18n.Entry) bool { return e.Key == "forgot.heading" })
		mail, err := renderer.Mail(recovery.Message{
			Kind: recovery.MessageResetRequired, Channel: recovery.ChannelEmail, To: johnMail, Locale: lang,
			URL: recovery.NewSecret(base + "/reset?token=x"), Expires: time.Now().Add(24 * time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		heading := entries[at].Text
		if text := strings.ReplaceAll(mail.Text, "\n", " "); !strings.Contains(text, heading) {
			t.Errorf("%s: no %q in %s", lang, heading, text)
		}
	}
}
