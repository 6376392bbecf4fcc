package password_test

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
)

func TestTheLists(t *testing.T) {
	words, err := password.DictionaryWords()
	if err != nil {
		t.Fatal(err)
	}
	if len(words) != 85088 {
		t.Errorf("the lists have %d words, want 85088: say so in the documentation", len(words))
	}
	step := 10
	if testenv.Long() {
		step = 1
	}
	for i := 0; i < len(words); i += step {
		for _, s := range []string{words[i], strings.ToUpper(words[i])} {
			if password.Weakness(s) == "" {
				t.Errorf("%q is listed and was not refused", s)
			}
		}
	}
}

// The documentation of the package names the figure.
func TestTheListsTakeOneMegabyte(t *testing.T) {
	before := reachableHeap()
	dictionary, err := password.ReadDictionary()
	if err != nil {
		t.Fatal(err)
	}
	if held := reachableHeap() - before; held > 1_000_000 {
		t.Errorf("%d bytes stay in use, want at most 1,000,000", held)
	}
	runtime.KeepAlive(dictionary)
}

// reachableHeap returns how many bytes of the heap are left after a collection.
func reachableHeap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
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
		{"a first name twice", "jenniferjennifer"},
		{"a first name and the digits", "michael12345678"},
		{"a first name and nine digits", "thomas123456789"},
		{"a surname and a date", "Featherstone-24-12-1999"},
		{"a first name, a date and a mark", "Michael19850112!"},
		{"an English word and the digits", "chocolate123456"},
		{"a long English word", "congratulations"},
		{"a long English word and the digits", "administrator123"},
		{"a short English word and the digits", "the123456789012"},
		{"a letter and the digits", "a12345678901234"},
		{"a listed word, a sign and the digits", "Admin@1234567890"},
		{"a listed word and three patterns", "Welcome!!!12345678!!!"},
		{"a listed word and different numbers", "michael1michael2michael3"},
		{"a listed word and the same long number", "michael1985michael1985michael1985"},
		{"a listed word that ends in a digit, and signs", "trustno1!!!!!!!!"},
		{"a listed number among signs", "!!!!!159753!!!!!"},
		{"a listed number repeated", "159753159753159753"},

		{"substitutions, twice", "P@ssw0rdP@ssw0rd"},
		{"substitutions, padded", "P@ssw0rd12345678"},
		{"substitutions in one of two", "Passw0rdPassword"},
		{"substitutions, cut off", "p@ssw0rdpa$$w"},
		{"substitutions, with hyphens", "p@ss-w0rd-p@ss-w0rd"},
		{"a sign for the first letter", "$unshine1234567"},
		{"a digit for the first letter, after digits", "1234567894ndr3w"},
		{"a digit for the last letter, before digits", "chels3412345678"},
		{"one digit for two letters", "w1ll1amw1111am"},
		{"substitutions all over", "4dm1n1str4t0r!!"},
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
		"michael jennifer",
		"jenniferandmichael",
		"m1ch43l & j3nn1f3r",
		"chocolate sunshine",
		"p@ssw0rd is a b@d one",
		"thomas4815162342",
		"159753 and 159754",
		"leahcimleahcimxyz",
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
	list, err := password.DictionaryWords()
	if err != nil {
		t.Fatal(err)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	var words []string
	for _, w := range list[:len(list)/5] {
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
