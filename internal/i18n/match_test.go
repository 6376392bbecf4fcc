package i18n_test

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

func tags(names string) []language.Tag {
	var all []language.Tag
	for name := range strings.FieldsSeq(names) {
		all = append(all, language.MustParse(name))
	}
	return all
}

// TestNegotiation: weights decide, family by family.
func TestNegotiation(t *testing.T) {
	const (
		ours  = "en es fr de pt hi ar zh-Hans ja"
		hosts = "en en-GB pt-BR pt-PT zh-Hans zh-Hant sr sr-Latn nb nn"
	)
	for _, tt := range []struct {
		name, among, locale, list, want string
	}{
		{"a later range is more exact", ours, "", "en-GB,fr;q=0.9,en-US;q=0.8,en;q=0.7", "en"},
		{"a country of its own", ours, "", "de-CH,fr;q=0.9,de;q=0.8", "de"},
		{"another continent", ours, "", "es-MX,en-US;q=0.9,es;q=0.8", "es"},
		{"the order is not that of the weights", ours, "", "fr;q=0.2,de-AT;q=0.5,en;q=0.4", "de"},
		{"a weight in capitals", ours, "", "fr;Q=0.6,de;q=0.7", "de"},
		{"a weight with spaces", ours, "", "fr ; q = 0.6 , de;q=0.7", "de"},
		{"a further parameter", ours, "", "fr;x=1;q=0.6,de;q=0.7", "de"},
		{"a weight of no number", ours, "", "fr;q=nan,de;q=0.1", "de"},
		{"a weight above 1", ours, "", "fr;q=1.5,de;q=0.1", "de"},
		{"a negative weight", ours, "", "fr;q=-1,de;q=0.1", "de"},
		{"an unknown region", ours, "", "de-QQ,fr;q=0.9", "de"},
		{"an unknown region of the person's own", ours, "de_QQ", "fr", "de"},
		{"a region that is a mistake for another", ours, "", "en-UK,fr;q=0.9", "en"},
		{"a language that is not offered", ours, "", "sv,ja;q=0.3,de;q=0.2", "ja"},

		{"a language that is refused", ours, "", "en;q=0,*", "es"},
		{"the default is what * means", ours, "", "*,de;q=0.9", "en"},
		{"a language goes before * of its weight", ours, "", "*,de", "de"},
		{"* does not mean what is named", ours, "", "*;q=0.5,en;q=0.1", "es"},
		{"* with the weight 0", ours, "", "*;q=0,ja;q=0.1", "ja"},
		{"all is refused", ours, "", "*;q=0", "en"},
		{"nothing but a refusal", ours, "", "de;q=0", "en"},
		{"refused and asked for", ours, "", "de;q=0,de-AT;q=0.4,fr;q=0.3", "de"},

		{"Galician is not Spanish", ours, "", "gl,fr;q=0.5", "fr"},
		{"Galician alone", ours, "", "gl", "en"},
		{"Marathi is not Hindi", ours, "mr", "", "en"},
		{"Hindi in Latin letters", ours, "", "hi-Latn,en-IN;q=0.9,hi;q=0.8", "en"},
		{"an individual language of a macrolanguage", ours, "", "cmn-CN,en;q=0.9", "zh-Hans"},
		{"standard Arabic", ours, "", "arb,en;q=0.9", "ar"},

		{"Taiwan", ours, "", "zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "en"},
		{"Taiwan, then Japanese", ours, "", "zh-TW,zh;q=0.9,ja;q=0.8,en;q=0.7", "ja"},
		{"Taiwan alone", ours, "", "zh-TW", "en"},
		{"Hong Kong", ours, "", "zh-HK,zh;q=0.9,fr;q=0.8", "fr"},
		{"traditional characters", ours, "", "zh-Hant,zh;q=0.9,de;q=0.8", "de"},
		{"traditional characters in China", ours, "", "zh-Hant-CN,de;q=0.8", "de"},
		{"Macao", ours, "", "zh-MO,pt;q=0.8", "pt"},
		{"Cantonese", ours, "", "yue-HK,zh-HK;q=0.9,en;q=0.8", "en"},
		{"plain Chinese before Taiwan", ours, "", "zh,zh-TW;q=0.9,ja;q=0.8", "ja"},
		{"the person's own is Taiwan", ours, "zh_TW.UTF-8", "zh,fr;q=0.8", "fr"},
		{"Taiwan, and simplified by name", ours, "", "zh-TW,zh-CN;q=0.9,en;q=0.8", "zh-Hans"},
		{"plain Chinese", ours, "", "zh,en;q=0.8", "zh-Hans"},
		{"Singapore", ours, "", "zh-SG,zh;q=0.9,en;q=0.8", "zh-Hans"},
		{"chosen on a page from Taiwan", ours, "zh", "zh-TW,zh;q=0.9", "zh-Hans"},

		{"traditional and simplified offered", hosts, "", "zh-HK,zh;q=0.9,en;q=0.8", "zh-Hant"},
		{"Cantonese, traditional offered", hosts, "", "yue,en;q=0.8", "zh-Hant"},
		{"simplified, both offered", hosts, "", "zh-CN,zh;q=0.9", "zh-Hans"},
		{"two varieties of Portuguese", hosts, "", "pt-PT,pt-BR;q=0.9", "pt-PT"},
		{"Angola", hosts, "", "pt-AO,en;q=0.9", "pt-PT"},
		{"plain Portuguese", hosts, "", "pt", "pt-BR"},
		{"British English", hosts, "en-GB", "", "en-GB"},
		{"Australian English", hosts, "", "en-AU", "en-GB"},
		{"American English", hosts, "", "en-US", "en"},
		{"Serbian in Latin letters", hosts, "", "sr-Latn,sr;q=0.9", "sr-Latn"},
		{"Serbian", hosts, "", "sr-RS,sr;q=0.9", "sr"},
		{"Montenegro", hosts, "", "sr-ME", "sr-Latn"},
		{"the old name of Serbo-Croatian", hosts, "", "sh", "sr-Latn"},
		{"Norwegian", hosts, "", "no", "nb"},
		{"Bokmål", hosts, "", "nb-NO,en;q=0.9", "nb"},
		{"Nynorsk", hosts, "", "nn,nb;q=0.9,en;q=0.5", "nn"},
		{"Nynorsk where it is not offered", "en nb", "", "nn-NO,en;q=0.9", "nb"},
		{"Bokmål where Norwegian is offered", "en no", "", "nb", "no"},
		{"Danish where Norwegian is offered", "en nb", "", "da,en;q=0.9", "en"},
		{"Serbian where Latin letters are offered", "en sr-Latn", "", "sr,en;q=0.9", "en"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			among := tags(tt.among)
			got := among[i18n.NewMatcher(among, language.English).Match(tt.locale, tt.list)]
			if got.String() != tt.want {
				t.Errorf("%v, want %s", got, tt.want)
			}
		})
	}
}

// The default is one of the languages, or of the family of one.
func TestDefaultLanguage(t *testing.T) {
	among := tags("en de pt-BR pt-PT zh-Hans")
	for def, want := range map[string]string{"de": "de", "de-AT": "de", "pt-PT": "pt-PT", "pt-AO": "pt-PT", "pt": "pt-BR", "zh-CN": "zh-Hans"} {
		m := i18n.NewMatcher(among, language.MustParse(def))
		for _, list := range []string{"", "sv", "*", "*;q=0.1,fi"} {
			if got := among[m.Match("", list)]; got.String() != want {
				t.Errorf("default %s, %q: %v, want %s", def, list, got, want)
			}
		}
	}
	for def, ok := range map[string]bool{"en-GB": true, "pt-PT": true, "zh-SG": true, "zh": true, "zh-TW": false, "gl": false, "fi": false, "und": false, "x-private": false} {
		if err := i18n.CheckDefault(language.MustParse(def)); (err == nil) != ok {
			t.Errorf("%s: %v", def, err)
		}
	}
}

// testdata/negotiator.txt has lists of primary languages and what negotiator of
// npm chose of them, or a hyphen for nothing. The test beside
// internal/browsertest/languages/negotiator.js makes and checks the file.
func TestAgreesWithNegotiator(t *testing.T) {
	f, err := os.Open("testdata/negotiator.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	among := tags("en es fr de pt hi ar zh ja")
	m := i18n.NewMatcher(among, language.English)
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		list, want, ok := strings.Cut(s.Text(), "\t")
		if want == "-" {
			want = "en"
		}
		if got := among[m.Match("", list)]; !ok || got.String() != want {
			t.Errorf("%q: %v, want %s", list, got, want)
		}
	}
	if lines < 400 {
		t.Errorf("%d lists", lines)
	}
}

// A14: a list that fills the field costs little.
func BenchmarkMatch(b *testing.B) {
	m := i18n.NewMatcher(i18n.Tags(), language.English)
	for name, list := range map[string]string{
		"usual": "de-CH,fr;q=0.9,en-US;q=0.8,en;q=0.7", "full": strings.Repeat("xh,", 171), "bare": strings.Repeat("zh,", 160) + "zh-TW",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Match("", list)
			}
		})
	}
}
