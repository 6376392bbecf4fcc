package messages_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/gsm7"
	"github.com/seed-51359b35/recovery/messages"
)

var placeholder = regexp.MustCompile(`%\[[0-9]\][sd]`)

// TestCataloguesAreComplete: every language has every sentence, with the same
// placeholders.
func TestCataloguesAreComplete(t *testing.T) {
	english := messages.Catalogue(language.English)
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		own := messages.Catalogue(tag)
		for _, key := range slices.Sorted(maps.Keys(english)) {
			if own[key] == nil {
				t.Errorf("%s is missing", key)
			}
		}
		for key, entry := range own {
			if english[key] == nil {
				t.Errorf("%s is not in English", key)
				continue
			}
			if len(entry) > 1 {
				continue // forms of a number: TestDurations
			}
			text := entry[0].(string)
			if got, want := placeholders(text), placeholders(english[key][0].(string)); !slices.Equal(got, want) {
				t.Errorf("%s has placeholders %q, want %q", key, got, want)
			}
			if strings.Count(text, "%") != len(placeholders(text)) {
				t.Errorf("%s has a stray %%", key)
			}
			if strings.TrimSpace(text) != text || strings.Contains(text, "  ") {
				t.Errorf("%s has stray spaces", key)
			}
			if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
				t.Errorf("%s has a control", key)
			}
		}
	})
}

func placeholders(text string) []string { return sorted(placeholder.FindAllString(text, -1)) }

// TestNothingIsLeftInEnglish: no sentence with words is the same in two
// languages, and each is written in its language's script.
func TestNothingIsLeftInEnglish(t *testing.T) {
	scripts := map[language.Tag][]*unicode.RangeTable{
		language.Hindi: {unicode.Devanagari}, language.Arabic: {unicode.Arabic}, language.SimplifiedChinese: {unicode.Han},
		language.Japanese: {unicode.Han, unicode.Hiragana, unicode.Katakana},
	}
	english := messages.Catalogue(language.English)
	for _, tag := range messages.Languages()[1:] {
		for key, entry := range messages.Catalogue(tag) {
			if len(entry) > 1 {
				continue
			}
			text := entry[0].(string)
			words := placeholder.ReplaceAllString(text, "")
			if !strings.ContainsFunc(words, unicode.IsLetter) {
				continue // "%[1]s: %[2]s"
			}
			if text == english[key][0] {
				t.Errorf("%v: %s is English: %s", tag, key, text)
			}
			if own := scripts[tag]; own != nil && strings.ContainsFunc(words, func(r rune) bool { return unicode.IsLetter(r) && !unicode.In(r, own...) && r != 'ー' }) {
				t.Errorf("%v: %s has letters of another script: %s", tag, key, text)
			}
		}
	}
}

// TestPunctuation keeps the typography of each language.
func TestPunctuation(t *testing.T) {
	for _, tt := range []struct {
		name string
		tag  language.Tag
		bad  string
	}{
		{"Chinese has full-width punctuation", language.SimplifiedChinese, `[\p{Han}][,.:;?!()]`},
		{"Japanese has full-width punctuation", language.Japanese, `[\p{Han}\p{Hiragana}\p{Katakana}][,.;?!()]`},
		{"Arabic has its own comma and question mark", language.Arabic, `[,;?]`},
		{"Hindi ends sentences with a danda", language.Hindi, `\p{Devanagari}\.`},
		{"Spanish opens questions", language.Spanish, `^[^¿]*\?`},
		{"German addresses with Sie", language.German, `(?i)(^|\PL)(du|dein|deine|dich|dir)($|\PL)`},
		{"French addresses with vous", language.French, `(?i)(^|\PL)(tu|ton|ta|tes|toi)($|\PL)`},
		{"Spanish addresses with usted", language.Spanish, `(?i)(^|\PL)(tu|tus|tú|contigo)($|\PL)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := regexp.MustCompile(tt.bad)
			for key, entry := range messages.Catalogue(tt.tag) {
				for _, text := range entry {
					if s, ok := text.(string); ok && bad.MatchString(s) && key != "sms.code.least" {
						t.Errorf("%s: %s", key, s)
					}
				}
			}
		})
	}
	t.Run("French has a no-break space before colons in mails", func(t *testing.T) {
		for key, entry := range messages.Catalogue(language.French) {
			if s, ok := entry[0].(string); ok && !strings.HasPrefix(key, "sms.") && regexp.MustCompile(`[^\x{a0}\x{202f}][:?!;]`).MatchString(s) {
				t.Errorf("%s: %s", key, s)
			}
		}
	})
}

// TestTextMessagesKeepToTheAlphabet: text messages in five languages use only
// the GSM alphabet.
func TestTextMessagesKeepToTheAlphabet(t *testing.T) {
	for _, tag := range []language.Tag{language.English, language.Spanish, language.French, language.German, language.Portuguese} {
		for key, entry := range messages.Catalogue(tag) {
			if !strings.HasPrefix(key, "sms.") && key != "minutes" && key != "hours" {
				continue
			}
			for _, e := range entry {
				if text, ok := e.(string); ok {
					for _, r := range strings.NewReplacer("[", "", "]", "").Replace(text) {
						if gsm7.Septets(r) != 1 {
							t.Errorf("%v: %s has %q", tag, key, r)
						}
					}
				}
			}
		}
	}
}

// TestDurations is the table of plural forms (CLDR).
func TestDurations(t *testing.T) {
	s := newRenderer(t)
	for _, tt := range []struct {
		tag  string
		key  string
		want map[int]string
	}{
		{"en", "minutes", map[int]string{1: "1 minute", 2: "2 minutes", 0: "0 minutes", 119: "119 minutes"}},
		{"en", "hours", map[int]string{1: "1 hour", 24: "24 hours"}},
		{"en", "days", map[int]string{2: "2 days", 7: "7 days"}},
		{"es", "minutes", map[int]string{1: "1 minuto", 2: "2 minutos"}},
		{"es", "hours", map[int]string{1: "1 hora", 2: "2 horas"}},
		{"es", "days", map[int]string{2: "2 días", 7: "7 días"}},
		{"fr", "minutes", map[int]string{0: "0 minute", 1: "1 minute", 2: "2 minutes"}},
		{"fr", "hours", map[int]string{1: "1 heure", 24: "24 heures"}},
		{"fr", "days", map[int]string{2: "2 jours", 7: "7 jours"}},
		{"de", "minutes", map[int]string{1: "1 Minute", 60: "60 Minuten"}},
		{"de", "hours", map[int]string{1: "1 Stunde", 24: "24 Stunden"}},
		{"de", "days", map[int]string{2: "2 Tagen", 7: "7 Tagen"}},
		{"pt", "minutes", map[int]string{1: "1 minuto", 2: "2 minutos"}},
		{"pt", "hours", map[int]string{1: "1 hora", 2: "2 horas"}},
		{"pt", "days", map[int]string{2: "2 dias", 7: "7 dias"}},
		{"hi", "minutes", map[int]string{1: "1 मिनट", 60: "60 मिनट"}},
		{"hi", "hours", map[int]string{1: "1 घंटे", 2: "2 घंटे"}},
		{"hi", "days", map[int]string{2: "2 दिन", 7: "7 दिन"}},
		{"ar", "minutes", map[int]string{
			0: "0 دقيقة", 1: "دقيقة واحدة", 2: "دقيقتين", 3: "3 دقائق", 10: "10 دقائق", 11: "11 دقيقة",
			60: "60 دقيقة", 99: "99 دقيقة", 100: "100 دقيقة", 102: "102 دقيقة", 103: "103 دقائق", 111: "111 دقيقة",
		}},
		{"ar", "hours", map[int]string{
			0: "0 ساعة", 1: "ساعة واحدة", 2: "ساعتين", 3: "3 ساعات", 10: "10 ساعات", 11: "11 ساعة", 24: "24 ساعة", 100: "100 ساعة",
		}},
		{"ar", "days", map[int]string{2: "يومين", 3: "3 أيام", 7: "7 أيام", 10: "10 أيام", 11: "11 يومًا", 30: "30 يومًا"}},
		{"zh-Hans", "minutes", map[int]string{1: "1 分钟", 60: "60 分钟"}},
		{"zh-Hans", "hours", map[int]string{1: "1 小时", 24: "24 小时"}},
		{"zh-Hans", "days", map[int]string{2: "2 天", 7: "7 天"}},
		{"ja", "minutes", map[int]string{1: "1分", 60: "60分"}},
		{"ja", "hours", map[int]string{1: "1時間", 24: "24時間"}},
		{"ja", "days", map[int]string{2: "2日", 7: "7日"}},
	} {
		for n, want := range tt.want {
			t.Run(fmt.Sprintf("%s, %d %s", tt.tag, n, tt.key), func(t *testing.T) {
				got, err := s.Duration(language.MustParse(tt.tag), tt.key, n)
				if err != nil || got != want {
					t.Errorf("%q, want %q (%v)", got, want, err)
				}
			})
		}
	}
}

// TestIsolates: Arabic sentences isolate every fragment of another direction.
// Sentences of other languages isolate nothing without need.
func TestIsolates(t *testing.T) {
	product := func(name string) func(*messages.Options) {
		return func(o *messages.Options) { o.Product = name }
	}
	for _, tt := range []struct {
		name, product, locale, want string
	}{
		{"a Latin name in Arabic", "Acme", "ar", "حسابك في \u2068Acme\u2069."},
		{"an Arabic name in English", "متجر", "en", "your \u2068متجر\u2069 account"},
		{"a Hebrew name in German", "חנות", "de", "Ihres \u2068חנות\u2069-Kontos"},
		{"a Latin name in English", "Acme", "en", "your Acme account"},
		{"a Chinese name in Hindi", "商店", "hi", "आपके 商店 खाते"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mail := mustMail(t, newRenderer(t, product(tt.product)), newMessage(recovery.MessagePasswordChanged, tt.locale))
			if tt.locale == "ar" && !strings.Contains(mail.Text, ": \u20682026-11-22 14:05 UTC\u2069\n") {
				t.Error("the time is not isolated")
			}
			mail.Text = strings.ReplaceAll(mail.Text, "\n", " ")
			if !strings.Contains(mail.Text, tt.want) || !strings.Contains(mail.HTML, tt.want) {
				t.Errorf("no %q in %s", tt.want, mail.Text)
			}
			if opened, closed := strings.Count(mail.HTML, "\u2068"), strings.Count(mail.HTML, "\u2069"); opened != closed {
				t.Errorf("%d opened, %d closed", opened, closed)
			}
		})
	}
}
