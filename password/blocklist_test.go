package password_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/password"
)

func TestTheList(t *testing.T) {
	list, err := password.CommonPasswords()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 7141 {
		t.Errorf("the list has %d entries, want 7141: say so in the documentation", len(list))
	}
	eight, err := password.NewPolicy(password.PolicyOptions{MinLength: 8})
	if err != nil {
		t.Fatal(err)
	}
	for s := range list {
		for _, s := range []string{s, strings.ToUpper(s)} {
			if !refusedBy(eight.Check(s), password.RuleCommon) {
				t.Errorf("%q is on the list and was not refused", s)
			}
		}
	}
}

func TestCommon(t *testing.T) {
	for _, tt := range []struct{ name, in string }{
		{"a listed word", "contortionist"},
		{"a listed word in capitals", "CONTORTIONIST"},
		{"a listed word in full width letters", "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44"},

		{"a listed word twice", "passwordpassword"},
		{"a listed word twice, in two cases", "PasswordpassworD"},
		{"a listed word three times", "dragondragondragon"},
		{"a listed word cut off at the end", "monkeymonkeymon"},
		{"a listed word cut off in the second turn", "passwordpasswor"},
		{"a listed word with spaces", "password password"},
		{"a listed word with hyphens", "monkey-monkey-monkey"},
		{"a listed word with full stops", "pass.word.pass.word"},
		{"a listed word spelled", "p-a-s-s-w-o-r-d"},
		{"a padded listed word twice", "password1!password1!"},

		{"one letter", "aaaaaaaaaaaaaaa"},
		{"one emoji", strings.Repeat("\U0001f40e", 15)},
		{"one space", strings.Repeat(" ", 15)},
		{"one NUL", strings.Repeat("\x00", 15)},
		{"two letters", "abababababababab"},
		{"three letters", "abcabcabcabcabc"},
		{"four characters", "x7!qx7!qx7!qx7!q"},
		{"seven characters twice and a bit", "k3v9z!mk3v9z!mk"},
		{"a word of three letters with spaces", "bye bye bye bye bye"},

		{"the alphabet", "abcdefghijklmnop"},
		{"the alphabet in capitals", "ABCDEFGHIJKLMNOP"},
		{"the alphabet backwards", "zyxwvutsrqponmlk"},
		{"the alphabet round the end", "stuvwxyzabcdefgh"},
		{"every other letter", "acegikmoqsuwyac"},
		{"the digits", "123456789012345"},
		{"the digits from zero", "012345678901234"},
		{"the digits backwards", "987654321098765"},
		{"the even digits", "246802468024680"},
		{"the digits in groups", "12345-67890-12345"},
		{"the digits with spaces", "1 2 3 4 5 6 7 8 9"},
		{"counting", "123456789101112"},
		{"counting on", "1234567891011121314"},
		{"counting, cut off", "1234567891011121"},
		{"counting down", "20191817161514131211"},
		{"counting with zeros", "01020304050607080910"},
		{"counting years", "2019202020212022"},
		{"the Cyrillic alphabet", "абвгдежзийклмноп"},
		{"the Greek alphabet backwards", "οξνμλκιθηζεδγβα"},

		{"the rows of the keyboard", "qwertyuiopasdfgh"},
		{"all rows", "qwertyuiopasdfghjklzxcvbnm"},
		{"the rows from below", "zxcvbnmasdfghjkl"},
		{"the rows backwards", "poiuytrewqlkjhgfdsa"},
		{"the rows to and fro", "qwertyuiop;lkjhgfdsa"},
		{"the digits and the row below", "1234567890qwertyuiop"},
		{"the columns", "1qaz2wsx3edc4rfv"},
		{"the columns without digits", "qazwsxedcrfvtgb"},
		{"the columns up and down", "zaq12wsxcde34rfv"},
		{"the columns, shifted", "!QAZ2wsx#EDC4rfv"},
		{"the columns from below", "zaq1xsw2cde3vfr4"},
		{"blocks of three", "qweasdzxcqweasdzxc"},
		{"blocks of four", "asdfjkl;asdfjkl;"},
		{"zigzag", "1q2w3e4r5t6y7u8i"},
		{"zigzag, the other way", "q1w2e3r4t5y6u7i8"},
		{"the shifted digits", "!@#$%^&*()_+!@#$"},
		{"keys held down", "qqqwwweeerrrttt"},
		{"rows of a Dvorak keyboard", "aoeuidhtnsaoeuid"},
		{"the number pad in circles", "147896321478963"},
		{"the number pad, one path", "7412369874123698"},
		{"a row and its hyphens", "qwert-asdfg-zxcvb"},

		{"letters and digits by turns", "a1b2c3d4e5f6g7h8"},
		{"digits and letters by turns", "1a2b3c4d5e6f7g8h"},
		{"a row and one digit by turns", "q1w1e1r1t1y1u1i1"},

		{"a listed word and the digits", "password12345678"},
		{"a listed word and a year", "contortionist2024"},
		{"a listed word, a year and a mark", "contortionist2024!"},
		{"a listed word among exclamation marks", "!!!!!!dragon!!!!!!"},
		{"a listed word after the digits", "1234567890dragon"},
		{"a row and the digits", "asdfghjkl12345678"},
		{"the alphabet and the digits", "abcdefgh12345678"},
		{"two listed words the same and a mark", "passwordpassword1!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if password.Weakness(tt.in) == "" {
				t.Errorf("%q was not refused", tt.in)
			}
		})
	}
}

func TestNotCommon(t *testing.T) {
	policy, err := password.NewPolicy(password.PolicyOptions{ContextWords: []string{"Acme", "Road Runner"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"Samplepassword@123", // the vendor's own sample
		"Babayaga-has-a-dog-1964",
		"correct horse battery staple",
		"correcthorsebatterystaple",
		"my password is a secret",
		"passwords are for people",
		"dragon monkey shadow master",
		"dragonmonkeyshadow",
		"letmein football baseball",
		"the quick brown fox jumps",
		"Tr0ub4dor&3 was too short",
		"seven green bottles hanging",
		"we were referred to Fred",
		"were we ever here before",
		"deeper water, freer weeds",
		"assessed stewardesses read",
		"stewardesses were dressed",
		"Mississippi River boat",
		"a banana, a bandana, a cabana",
		"tomorrow and tomorrow and",
		"never say never say anything",
		"no one knows what it's like",
		"Ich habe heute keine Zeit",
		"Übermütige Käsebrötchen essen",
		"J'aime les crêpes au sucre",
		"el perro de San Roque no",
		"собака лает караван идёт",
		"птица говорун отличается",
		"καλημέρα σε όλον τον κόσμο",
		"吾輩は猫である名前はまだ無いどこで生れた",
		"床前明月光疑是地上霜举头望明月",
		"안녕하세요 만나서 반갑습니다 친구",
		"שלום לכולם מה שלומכם היום",
		"صباح الخير يا أصدقائي الأعزاء",
		"नमस्ते दुनिया कैसे हो आप",
		"🐎🔋📎✅🌊🍋🎲🚲🧭🪁🎻🦉🌵🧊🍄",
		"acme makes my coffee cold",
		"I hate the Road Runner show",
		"xK9$mQ2vL#7pW4nZ",
		"gqzvkxwjhrmbtdf",
		"8f3a1c9e7b2d4f60a5c8",
		"7c9e6679-7425-40de-944b-e07fc1f90ae7",
		"4815162342-is-lost",
		"3.14159265358979",
		"2718281828459045",
		"0612345678 is not mine",
		"12 monkeys, 1995, Gilliam",
		"1984 was not a manual",
		"call me 2nite at 11.45 pm",
		"one two three four five",
		"qwerty is a bad password",
		"my cat walks over asdfgh",
		"abcdefg is how it begins",
		"aaaargh said the pirate",
		"Thunderbird 2 was the green one",
		"hunter2 farmer3 fisher5",
		"a1b2 c3po r2d2 bb8 k2so",
		"S3cr3t.Sauce/With=Relish",
		"it's 5 o'clock somewhere!",
	} {
		if err := policy.CheckFor(t.Context(), s, "jane.doe+shop@example.co.uk", "Jane Doe", "+44 20 7946 0018"); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// No two English words in a row are a walk, a run or a repetition.
func TestPairsOfWordsAreNotCommon(t *testing.T) {
	list, err := password.CommonPasswords()
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for w := range list {
		if len(w) >= 7 && password.Weakness(w+"\u00fe\u00f0"+w[:2]) == "" && strings.Trim(w, "aeiouybcdfghjklmnpqrstvwxz") == "" {
			words = append(words, w)
		}
	}
	refused := 0
	for i, w := range words {
		pair := w + words[(i+1)%len(words)]
		if password.Weakness(pair) != "" {
			refused++
			t.Logf("%q", pair)
		}
	}
	// The list itself contains walks, and two walks together are one.
	if refused > len(words)/200 {
		t.Errorf("%d of %d pairs were refused", refused, len(words))
	}
}
