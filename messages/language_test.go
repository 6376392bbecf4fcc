package messages_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

func TestLanguageChoice(t *testing.T) {
	en := newRenderer(t)
	de := newRenderer(t, func(o *messages.Options) { o.DefaultLanguage = language.MustParse("de-AT") })
	for _, tt := range []struct {
		name              string
		locale, languages string
		set               *messages.Renderer
		want              string
	}{
		{"the person's own", "fr", "", nil, "fr"},
		{"the person's own before the request's", "fr", "de", nil, "fr"},
		{"a region", "pt-BR", "", nil, "pt"},
		{"another region", "es-419", "", nil, "es"},
		{"a script", "zh-Hans-SG", "", nil, "zh-Hans"},
		{"Chinese without script", "zh-CN", "", nil, "zh-Hans"},
		{"traditional characters: whoever reads them does not get simplified ones", "zh-TW", "", nil, "en"},
		{"a list with a more exact range behind another language", "", "en-GB,fr;q=0.9,en-US;q=0.8,en;q=0.7", nil, "en"},
		{"Switzerland", "", "de-CH,fr;q=0.9,de;q=0.8", nil, "de"},
		{"Mexico", "", "es-MX,en-US;q=0.9,es;q=0.8", nil, "es"},
		{"Taiwan", "", "zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", nil, "en"},
		{"a weight in capitals", "", "fr;Q=0.6,de;q=0.7", nil, "de"},
		{"capitals", "DE-de", "", nil, "de"},
		{"a POSIX locale", "de_DE.UTF-8", "", nil, "de"},
		{"a POSIX locale with a modifier", "ja_JP@cjk", "", nil, "ja"},
		{"the POSIX locale C", "C", "hi", nil, "hi"},
		{"an extension", "ar-EG-u-nu-arab", "", nil, "ar"},
		{"the person's is not spoken, the request's is", "fi", "ja,en;q=0.5", nil, "ja"},
		{"the person's is no tag", "german!", "fr", nil, "fr"},
		{"the person's is too long", strings.Repeat("de-", 40) + "de", "fr", nil, "fr"},
		{"the person's is a tag, but too long", "de-x" + strings.Repeat("-aaaaaaaa", 8), "fr", nil, "fr"},
		{"the person's is a tag of some length", "de-x" + strings.Repeat("-aaaaaaaa", 6), "fr", nil, "de"},
		{"the person's is undetermined", "und", "fr", nil, "fr"},
		{"a request in the order of weights", "", "en;q=0.1, ja;q=0.9, de;q=0.5", nil, "ja"},
		{"a request whose first is not spoken", "", "fi,sv;q=0.9,de;q=0.5,en;q=0.3", nil, "de"},
		{"a request that excludes", "", "de;q=0,fr;q=0.1", nil, "fr"},
		{"a request with a range that does not parse", "", "!!,de", nil, "de"},
		{"a request with a weight that does not parse", "", "de;q=x,fr;q=0.2", nil, "fr"},
		{"a request for anything", "", "*", nil, "en"},
		{"nothing is spoken", "fi", "sv,nb", nil, "en"},
		{"nothing is known", "", "", nil, "en"},
		{"nothing is known, default German", "", "", de, "de"},
		{"nothing is spoken, default German", "fi", "sv", de, "de"},
		{"English is asked for, default German", "", "en-GB", de, "en"},
		{"only commas", "", ",,,,", nil, "en"},
		{"ten thousand ranges, the first counts", "", "de," + strings.Repeat("fi,", 10_000), nil, "de"},
		{"ten thousand ranges, the last does not", "", strings.Repeat("fi,", 10_000) + "de", nil, "en"},
		{"one range of a megabyte", "", strings.Repeat("d", 1<<20), nil, "en"},
		{"a thousand hyphens (CVE-2022-32149)", "", strings.Repeat("de-", 1000), nil, "en"},
		{"controls (A13)", "", "de\r\nBcc: x", nil, "en"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := cmp.Or(tt.set, en)
			if got := s.LanguageOf(tt.locale, tt.languages); got.String() != tt.want {
				t.Errorf("%v, want %s", got, tt.want)
			}
		})
	}
}

// TestLanguageOfBothChannels: a mail and a text message have the same language.
func TestLanguageOfBothChannels(t *testing.T) {
	s := newRenderer(t)
	m := newMessage(recovery.MessageResetCode, "")
	m.Languages = "es-MX,es;q=0.9,en;q=0.8"
	mail, sms := mustMail(t, s, m), mustSMS(t, s, m)
	if mail.Language != language.Spanish || sms.Language != language.Spanish || !strings.Contains(mail.Text, "El código") || !strings.Contains(sms.Text, "clave") {
		t.Error(mail.Language, sms.Language)
	}
}

func TestLanguages(t *testing.T) {
	tags := messages.Languages()
	if len(tags) != 9 || tags[0] != language.English {
		t.Error(tags)
	}
	tags[0] = language.Finnish
	if messages.Languages()[0] != language.English {
		t.Error("a caller can change the languages")
	}
}

// FuzzLanguages: any locale and any field choose one of the languages.
func FuzzLanguages(f *testing.F) {
	f.Add("de-DE", "fr;q=0.5,en")
	f.Add("zh_Hant.UTF-8", "*;q=0")
	f.Add("x-private", "i-klingon, en-GB-oed;q=1.5,,;;q=")
	f.Add("", strings.Repeat("a-", 300))
	s := newRenderer(f)
	tags := messages.Languages()
	f.Fuzz(func(t *testing.T, locale, languages string) {
		got := s.LanguageOf(locale, languages)
		if !slices.Contains(tags, got) {
			t.Fatalf("%v", got)
		}
		if s.LanguageOf(locale, languages) != got {
			t.Fatal("chosen differently the second time")
		}
		if own := s.LanguageOf(locale, ""); own != language.English && own != got {
			t.Fatalf("the request's %v went before the person's own %v", got, own)
		}
	})
}
