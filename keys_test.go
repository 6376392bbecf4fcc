package recovery_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// Keys that are not random are told at the start, with how to make one. Before,
// they were accepted without a word.
func TestWeakKeysAreMistakes(t *testing.T) {
	random := recovery.NewKey()
	for _, test := range []struct {
		sentence string
		keys     [][]byte
		want     string // a part of the mistake, or empty
	}{
		{"random bytes", [][]byte{random}, ""},
		{"zeros", [][]byte{make([]byte, 32)}, "key 0 is all zeros"},
		{"many zeros", [][]byte{make([]byte, 4096)}, "key 0 is all zeros"},
		{"a key in hexadecimal digits that was not read", [][]byte{[]byte(hex.EncodeToString(random))}, "key 0 is text"},
		{"16 bytes in hexadecimal digits", [][]byte{[]byte(hex.EncodeToString(random[:16]))}, "key 0 is text"},
		{"a key in base64 that was not read", [][]byte{[]byte(base64.StdEncoding.EncodeToString(random))}, "key 0 is text"},
		{"a phrase", [][]byte{[]byte("change-me-change-me-change-me-change-me")}, "key 0"},
		{"text behind a random key", [][]byte{random, []byte(hex.EncodeToString(random))}, ""},
		{"zeros behind a random key", [][]byte{random, make([]byte, 32)}, "key 1 is all zeros"},
	} {
		opts := goodOptions()
		opts.Keys = test.keys
		errs := newWith(t, opts)
		if test.want == "" {
			if len(errs) > 0 {
				t.Errorf("%s: %v", test.sentence, errs)
			}
			continue
		}
		if len(errs) != 1 || errs[0].Option != "Keys" || !strings.HasPrefix(errs[0].Reason, test.want) ||
			!strings.Contains(errs[0].Reason, "recovery.NewKey") || !strings.Contains(errs[0].Reason, "recovery.ParseKey") {
			t.Errorf("%s: %v, want one mistake that says %q and how to make a key", test.sentence, errs, test.want)
		}
	}
}

// Who has used text as a key can change to a random one, and is told to remove
// the old one.
func TestTextBehindTheFirstKeyIsAWarning(t *testing.T) {
	p := newPortal(t, func(_ *portal, o *recovery.Options) {
		o.Keys = append(o.Keys, []byte("a phrase of thirty-two characters"))
	})
	if log := p.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "option Keys is text") || strings.Contains(log, "phrase") {
		t.Errorf("logged %s", log)
	}
}

func TestParseKey(t *testing.T) {
	key := recovery.NewKey()
	odd := append(bytes.Repeat([]byte{0xfb, 0xef, 0xff}, 4), key...) // whose base64 has both characters in which the alphabets differ
	for _, test := range []struct {
		sentence, text string
		want           []byte
	}{
		{"base64", base64.StdEncoding.EncodeToString(key), key},
		{"base64 without padding", base64.RawStdEncoding.EncodeToString(key), key},
		{"base64 for URLs", base64.URLEncoding.EncodeToString(odd), odd},
		{"base64 for URLs without padding", base64.RawURLEncoding.EncodeToString(odd), odd},
		{"the standard alphabet", base64.StdEncoding.EncodeToString(odd), odd},
		{"hexadecimal", hex.EncodeToString(key), key},
		{"upper case", strings.ToUpper(hex.EncodeToString(key)), key},
		{"a file's line end", "\t" + base64.StdEncoding.EncodeToString(key) + "\r\n", key},
	} {
		if got, err := recovery.ParseKey(test.text); err != nil || !bytes.Equal(got, test.want) {
			t.Errorf("%s: %x, %v, want %x", test.sentence, got, err, test.want)
		}
	}
	for _, test := range []struct{ sentence, text, want string }{
		{"nothing", "", "base64 or in hexadecimal"},
		{"white space", " \n", "base64 or in hexadecimal"},
		{"another text", "correct horse, battery staple!", "base64 or in hexadecimal"},
		{"16 bytes", hex.EncodeToString(key[:16]), "has 16 bytes"},
		{"31 bytes", base64.StdEncoding.EncodeToString(key[:31]), "has 31 bytes"},
		{"zeros", strings.Repeat("0", 64), "the key is all zeros"},
		{"encoded text", base64.StdEncoding.EncodeToString([]byte("thirty-two characters of plain text")), "the key is text"},
	} {
		_, err := recovery.ParseKey(test.text)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "openssl rand -base64 32") {
			t.Errorf("%s: %v, want an error that says %q and how to make a key", test.sentence, err, test.want)
			continue
		}
		if secret := strings.TrimSpace(test.text); secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error quotes it", test.sentence)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1, 2, 3}, 11)))
	f.Add(hex.EncodeToString(testKey(1)))
	f.Fuzz(func(t *testing.T, text string) {
		key, err := recovery.ParseKey(text)
		if err != nil {
			return
		}
		// What it accepts as a key, New accepts too.
		opts := goodOptions()
		opts.Keys = [][]byte{key}
		if errs := newErrors(t, newLeads(), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts); len(errs) > 0 {
			t.Errorf("ParseKey accepted what New refuses: %v", errs)
		}
	})
}
