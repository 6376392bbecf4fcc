package password_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery/password"
)

// frequent are the hundred most frequent passwords of ten million that were
// published in 2015, without "klaster", which is frequent in no other
// publication and on no list of zxcvbn.
var frequent = strings.Fields(`
	123456 password 12345678 qwerty 123456789 12345 1234 111111 1234567 dragon
	123123 baseball abc123 football monkey letmein 696969 shadow master 666666
	qwertyuiop 123321 mustang 1234567890 michael 654321 pussy superman 1qaz2wsx
	7777777 fuckyou 121212 000000 qazwsx 123qwe killer trustno1 jordan jennifer
	zxcvbnm asdfgh hunter buster soccer harley batman andrew tigger sunshine
	iloveyou fuckme 2000 charlie robert thomas hockey ranger daniel starwars
	112233 george asshole computer michelle jessica pepper 1111 zxcvbn 555555
	11111111 131313 freedom 777777 pass fuck maggie 159753 aaaaaa ginger princess
	joshua cheese amanda summer love ashley 6969 nicole chelsea biteme matthew
	access yankees 987654321 dallas austin thunder taylor matrix`)

// fill repeats s up to n bytes.
func fill(s string, n int) string {
	n = max(n, 0)
	return strings.Repeat(s, n/len(s)+1)[:n]
}

// spellings are ways to write one word.
var spellings = []struct {
	name string
	of   func(word string) string
}{
	{"as it is", func(w string) string { return w }},
	{"capitalised", func(w string) string { return strings.ToUpper(w[:1]) + w[1:] }},
	{"in capitals", strings.ToUpper},
	{"with zeros", strings.NewReplacer("o", "0").Replace},
	{"with signs", strings.NewReplacer("a", "@", "s", "$", "i", "!").Replace},
	{"with digits", strings.NewReplacer("a", "4", "e", "3", "i", "1", "l", "1", "o", "0", "s", "5", "t", "7").Replace},
	{"with all that is usual", strings.NewReplacer("a", "@", "e", "3", "i", "!", "l", "|", "o", "0", "s", "$", "t", "+").Replace},
	{"capitalised, with signs and zeros", func(w string) string {
		return strings.ToUpper(w[:1]) + strings.NewReplacer("a", "@", "s", "$", "o", "0").Replace(w[1:])
	}},
}

// arrangements are ways to make at least 15 characters of one word.
var arrangements = []struct {
	name    string
	numbers bool // whether numbers are refused in this arrangement
	plain   int  // the shortest word that is refused so
	spelled int  // the shortest word that is refused so with substitutions
	of      func(word string) string
}{
	{"repeated", true, 1, 1, func(w string) string { return strings.Repeat(w, max(2, 14/len(w)+1)) }},
	{"repeated and cut off", true, 1, 1, func(w string) string { return fill(w, max(15, 2*len(w)-1)) }},
	{"repeated with hyphens", true, 1, 1, func(w string) string { return w + strings.Repeat("-"+w, max(1, 14/len(w))) }},
	{"repeated with spaces", true, 1, 1, func(w string) string { return w + strings.Repeat(" "+w, max(1, 14/len(w))) }},
	{"repeated in two cases", true, 1, 1, func(w string) string { return strings.ToUpper(w) + strings.Repeat(w, max(1, 14/len(w))) }},
	{"repeated in two spellings", true, 1, 1, func(w string) string {
		return strings.Repeat(w, max(1, 14/len(w))) + strings.ReplaceAll(w, "o", "0")
	}},
	{"repeated with a digit between", false, 1, 1, func(w string) string { return w + strings.Repeat("1"+w, max(1, 14/len(w))) }},
	{"repeated with a year between", false, 1, 5, func(w string) string { return w + "1985" + w + fill("!", 11-2*len(w)) }},
	{"digits behind", false, 1, 1, func(w string) string { return w + fill("1234567890", max(3, 15-len(w))) }},
	{"digits before", false, 1, 1, func(w string) string { return fill("1234567890", max(3, 15-len(w))) + w }},
	{"digits around", false, 1, 1, func(w string) string { return "12345" + w + fill("1234567890", max(3, 10-len(w))) }},
	{"a date behind", false, 5, 5, func(w string) string { return w + "19850112" + strings.Repeat("!!", max(0, 8-len(w))/2) }},
	{"a year and signs", false, 1, 5, func(w string) string { return w + "2024" + fill("!", max(1, 11-len(w))) }},
	{"a sign and digits", false, 1, 1, func(w string) string { return w + "@" + fill("1234567890", max(3, 14-len(w))) }},
	{"signs and digits on both sides", false, 1, 1, func(w string) string { return "#1!" + w + fill("1234567890", max(3, 11-len(w))) + "!" }},
	{"signs behind", true, 1, 1, func(w string) string { return w + fill("!", max(1, 15-len(w))) }},
	{"signs before", true, 1, 1, func(w string) string { return fill("*", max(1, 15-len(w))) + w }},
	{"signs around", true, 1, 1, func(w string) string { return "!!!!!!" + w + fill("!", max(1, 9-len(w))) }},
}

// Whoever guesses tries the frequent passwords first, and then does to them
// what people do when a password must be longer.
func TestFrequentPasswordsAreRefused(t *testing.T) {
	policy, err := password.NewPolicy(password.PolicyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(frequent) != 99 {
		t.Fatalf("%d passwords, want 99", len(frequent))
	}
	for _, arrangement := range arrangements {
		for _, spelling := range spellings {
			t.Run(arrangement.name+", "+spelling.name, func(t *testing.T) {
				for _, word := range frequent {
					spelled := spelling.of(word)
					if !arrangement.numbers && !strings.ContainsFunc(spelled, unicode.IsLetter) {
						continue
					}
					if len(word) < arrangement.plain || len(word) < arrangement.spelled && !strings.EqualFold(spelled, word) {
						continue
					}
					s := arrangement.of(spelled)
					if n := utf8.RuneCountInString(s); n < policy.MinLength() {
						t.Fatalf("%q has %d characters, and is refused for that", s, n)
					}
					if !refusedBy(policy.Check(s), password.RuleCommon) {
						t.Errorf("%q was accepted", s)
					}
				}
			})
		}
	}
}

// All words of all lists, and not only the frequent ones, are refused in the
// same arrangements.
func TestListedWordsAreRefused(t *testing.T) {
	words, err := password.DictionaryWords()
	if err != nil {
		t.Fatal(err)
	}
	for i, word := range words {
		if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
			continue
		}
		arrangement := arrangements[i%len(arrangements)]
		spelling := spellings[i/len(arrangements)%len(spellings)]
		spelled := spelling.of(word)
		if !strings.ContainsFunc(spelled, unicode.IsLetter) {
			continue
		}
		if len(word) < arrangement.plain || len(word) < arrangement.spelled && !strings.EqualFold(spelled, word) {
			continue
		}
		if s := arrangement.of(spelled); password.Weakness(s) == "" {
			t.Errorf("%q: %q (%s, %s) was accepted", word, s, arrangement.name, spelling.name)
		}
	}
}
