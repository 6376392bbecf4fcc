package password_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/password"
)

func TestContextWords(t *testing.T) {
	policy, err := password.NewPolicy(password.PolicyOptions{ContextWords: []string{"Acme", "Road Runner", "3M", "Kärcher"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, in string
		refused  bool
	}{
		{"a word and the digits", "acme12345678901", true},
		{"a word and a date", "Acme 24.12.1999", true},
		{"a word among marks", "!!!!!!ACME!!!!!!", true},
		{"a word repeated", "acmeacmeacmeacme", true},
		{"a word repeated and cut off", "acmeacmeacmeacm", true},
		{"a word repeated with hyphens", "acme-acme-acme-2024", true},
		{"a name of two words", "Road Runner 2024!", true},
		{"a name of two words, together", "roadrunner12345", true},
		{"a name of two words, with hyphens", "--road-runner--2024", true},
		{"a word twice and a year between", "acme-2024-acme!!", true},
		{"a word twice and much between", "acme4815162342acme", false},
		{"two words", "acme road runner", true},
		{"two words, together and padded", "AcmeRoadRunner1!", true},
		{"a word that begins with a digit", "3m3m3m3m3m3m3m3", true},
		{"a word that begins with a digit, after digits", "1233M!!!!!!!!!!", true},
		{"a word with an accent, decomposed", "ka\u0308rcher12345678", true},
		{"a word in full width letters", "\uff21\uff23\uff2d\uff25 1234567890", true},

		{"a passphrase that contains a word", "acme makes my coffee cold", false},
		{"a passphrase that ends in a word", "I work too hard for acme", false},
		{"a word and a strong rest", "acme x7Kq!2vLp#9w", false},
		{"a word and random digits", "acme4815162342357", false},
		{"a word without its accent", "karcher12345678", false},
		{"half a name of two words", "runner and his friend", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := refusedBy(policy.Check(tt.in), password.RuleContext); got != tt.refused {
				t.Errorf("%q: refused %v, want %v", tt.in, got, tt.refused)
			}
		})
	}
}

func TestIdentifiers(t *testing.T) {
	policy, err := password.NewPolicy(password.PolicyOptions{ContextWords: []string{"Acme"}})
	if err != nil {
		t.Fatal(err)
	}
	person := []string{"Jane.Doe+shop@mail.example.co.uk", "+44 20 7946 0018", "jdoe1964", "Jane Elisabeth O'Hara-Doe", "李小龍", "", "@", " "}
	for _, tt := range []struct {
		name, in string
		refused  bool
	}{
		{"the address", "Jane.Doe+shop@mail.example.co.uk", true},
		{"the address in capitals", "JANE.DOE+SHOP@MAIL.EXAMPLE.CO.UK", true},
		{"the address and a mark", "jane.doe+shop@mail.example.co.uk!", true},
		{"the address without the tag", "jane.doe@mail.example.co.uk", true},
		{"the local part, padded", "jane.doe12345678", true},
		{"the local part repeated", "janedoejanedoejanedoe", true},
		{"the local part without its separator", "JaneDoe!!!!!!!!!!", true},
		{"the local part backwards", "doe.jane.2024.!!", true},
		{"the domain", "mail.example.co.uk", true},
		{"the domain without the top level", "mail.example.co", true},
		{"the name in the domain, padded", "example12345678", true},
		{"the phone number", "+44 20 7946 0018", true},
		{"the phone number, digits only", "442079460018!!!", true},
		{"the phone number without its country code", "020 7946 0018 !!!", true},
		{"the phone number twice", "20794600182079460018", true},
		{"the user name, padded", "jdoe1964!!!!!!!", true},
		{"the user name twice", "jdoe1964jdoe1964", true},
		{"the name", "Jane Elisabeth O'Hara-Doe", true},
		{"the name without a mark", "jane elisabeth ohara doe", true},
		{"the first name and a date", "Elisabeth 19641225", true},
		{"a part of a double name", "hara hara hara hara", true},
		{"a name in another script", "李小龍李小龍李小龍李小龍李小龍", true},
		{"the name and the product", "jane doe at acme", false},
		{"the name and the product, nothing else", "jane.doe@acme.1964", true},

		{"a passphrase that contains the name", "jane and the beanstalk", false},
		{"a passphrase that begins with the address", "jane.doe@example.com is my mail", false},
		{"initials", "j e o d j e o d x y", false},
		{"the name and a strong rest", "jane x7Kq!2vLp#9w", false},
		{"the product alone, which is another rule", "acme 1234567890!", false},
		{"something else", "correct horse battery staple", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := policy.CheckFor(t.Context(), tt.in, person...)
			if got := refusedBy(err, password.RuleIdentifier); got != tt.refused {
				t.Errorf("%q: refused %v, want %v (%v)", tt.in, got, tt.refused, err)
			}
			if refusedBy(policy.Check(tt.in), password.RuleIdentifier) {
				t.Error("Check knows the person")
			}
		})
	}
}

// People know their number without the code of the country, which has one to
// three digits.
func TestPhoneNumbersWithoutTheirCountryCode(t *testing.T) {
	policy, err := password.NewPolicy(password.PolicyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ number, national string }{
		{"+1 202 555 0143", "202 555 0143"},
		{"+49 30 901820", "30 901820"},
		{"+351 912 345 789", "912 345 789"},
	} {
		for _, in := range []string{tt.national + "!!!!!!", tt.national + " " + tt.national} {
			if err := policy.CheckFor(t.Context(), in, tt.number); !refusedBy(err, password.RuleIdentifier) {
				t.Errorf("%q is not refused to the owner of %s: %v", in, tt.number, err)
			}
		}
	}
}

// CVE-2021-45115: comparisons with texts that strangers chose must not be
// expensive.
func TestHostileIdentifiers(t *testing.T) {
	policy, err := password.NewPolicy(password.PolicyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const chosen = "correct horse battery staple"
	for _, tt := range []struct{ name, identifier string }{
		{"a megabyte", strings.Repeat("correct", 1<<17)},
		{"a thousand bytes of words", strings.Repeat("co ", 340)},
		{"a thousand bytes of at signs", strings.Repeat("@", 1000)},
		{"a thousand labels", "a@" + strings.Repeat("b.", 500)},
		{"invalid UTF-8", "\xff\xfe\x80"},
		{"NUL bytes", "\x00\x00"},
		{"code points that grow", strings.Repeat("\ufdfa", 300)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := policy.CheckFor(t.Context(), chosen, tt.identifier); err != nil {
				t.Error(err)
			}
		})
	}
}
