package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery/password"
)

// refusedBy reports whether err is a refusal by the given rule, and perhaps by
// others.
func refusedBy(err error, rule password.Rule) bool {
	refused, ok := errors.AsType[*password.PolicyError](err)
	return ok && refused.Has(rule)
}

// checkerFunc is a BreachChecker.
type checkerFunc func(ctx context.Context, s string) (bool, error)

func (f checkerFunc) Breached(ctx context.Context, s string) (bool, error) { return f(ctx, s) }

func TestPolicyLengths(t *testing.T) {
	const strong = "Vq7#Kx2!Lp9$Wn4&Zt6*Rb3^Mc8%Yd5@Hf1?Gj0+Sk=Tw~Ux;Oa:Pe|Il<Vz>Bn{Qm}Rt,Yw_"
	emoji := "🐎🔋📎✅🌊🍋🎲🚲🧭🪁🎻🦉🌵🧊🍄"
	wide := strings.Map(func(r rune) rune { return r + '！' - '!' }, strong[:30]) // three bytes each until NFKC
	for _, tt := range []struct {
		name string
		opts password.PolicyOptions
		in   string
		rule password.Rule
		min  int
		max  int
	}{
		{"14 characters", password.PolicyOptions{}, strong[:14], password.RuleTooShort, 15, 0},
		{"15 characters", password.PolicyOptions{}, strong[:15], "", 0, 0},
		{"the empty password", password.PolicyOptions{}, "", password.RuleTooShort, 15, 0},
		{"15 emoji count as 15 (NIST 3.1.1.2)", password.PolicyOptions{}, emoji, "", 0, 0},
		{"14 emoji are 14, though 56 bytes", password.PolicyOptions{}, emoji[:len(emoji)-4], password.RuleTooShort, 15, 0},
		{"15 accents composed are 15", password.PolicyOptions{}, "e\u0301t\u0302a\u0308n\u0303o\u0301u\u0308w\u0302y\u0301z\u030cc\u0327s\u030cg\u0306r\u030cd\u030ct\u030c", "", 0, 0},
		{"8 combined pairs are 8, though 16 were typed", password.PolicyOptions{}, strings.Repeat("e\u0301", 8), password.RuleTooShort, 15, 0},
		{"256 characters", password.PolicyOptions{}, strings.Repeat(strong, 5)[:256], "", 0, 0},
		{"257 characters", password.PolicyOptions{}, strings.Repeat(strong, 5)[:257], password.RuleTooLong, 0, 256},
		{"a megabyte (A63)", password.PolicyOptions{}, strings.Repeat("a", 1<<20), password.RuleTooLong, 0, 256},
		{"8 with a second factor", password.PolicyOptions{MinLength: 8}, strong[:8], "", 0, 0},
		{"7 with a second factor", password.PolicyOptions{MinLength: 8}, strong[:7], password.RuleTooShort, 8, 0},
		{"64 of 64", password.PolicyOptions{MaxLength: 64}, strong[:64], "", 0, 0},
		{"65 of 64", password.PolicyOptions{MaxLength: 64}, strong[:65], password.RuleTooLong, 0, 64},
		{"72 bytes for bcrypt (A64)", password.PolicyOptions{MaxBytes: 72}, strong[:72], "", 0, 0},
		{"73 bytes for bcrypt (A64)", password.PolicyOptions{MaxBytes: 72}, strong[:73], password.RuleTooLong, 0, 72},
		{"20 emoji for bcrypt: bytes, not characters (A64)", password.PolicyOptions{MaxBytes: 72}, emoji + "🐙🐡🦑🐬🦓", password.RuleTooLong, 0, 0},
		{"43 bytes that become 73 for bcrypt (A64)", password.PolicyOptions{MaxBytes: 72}, strong[:40] + "ﷺ", password.RuleTooLong, 0, 0},
		{"90 bytes that become 30 for bcrypt", password.PolicyOptions{MaxBytes: 72}, wide, "", 0, 0},
		{"300 emoji of 512: bytes, not characters", password.PolicyOptions{MaxLength: 512}, strings.Repeat(emoji, 20), password.RuleTooLong, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy, err := password.NewPolicy(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			err = policy.Check(tt.in)
			if tt.rule == "" {
				if err != nil {
					t.Errorf("got %v, want it accepted (%d code points)", err, utf8.RuneCountInString(tt.in))
				}
				return
			}
			refused, ok := errors.AsType[*password.PolicyError](err)
			if !ok {
				t.Fatalf("got %v, want %s", err, tt.rule)
			}
			got := refused.Violations[0]
			if got.Rule != tt.rule || got.Min != tt.min || got.Max != tt.max || got.Message == "" {
				t.Errorf("got %+v, want %s, min %d, max %d", got, tt.rule, tt.min, tt.max)
			}
		})
	}
}

func TestPolicyAnyComposition(t *testing.T) {
	policy, err := password.NewPolicy(password.PolicyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, in string }{
		{"lower case only (ASVS v5.0.0-6.2.5)", "gqzvkxwjhrmbtdf"},
		{"upper case only", "GQZVKXWJHRMBTDF"},
		{"digits only", "482915037164829"},
		{"signs only", "}&~%:)=|{*@$<?>^"},
		{"spaces at both ends, which are kept", "  lonely cloud  "},
		{"a NUL and control characters", "lonely\x00cloud\t\x7f wanders"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := policy.Check(tt.in); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPolicyReportsAllThatIsWrong(t *testing.T) {
	policy, err := password.NewPolicy(password.PolicyOptions{ContextWords: []string{"Dragon"}})
	if err != nil {
		t.Fatal(err)
	}
	err = policy.CheckFor(t.Context(), "dragon", "dragon@example.com")
	want := "password: refused: too_short, common, context, identifier"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	err = policy.CheckFor(t.Context(), "dragon\xff", "dragon@example.com")
	if want := "password: refused: encoding"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s: nothing can be said about the rest", err, want)
	}
}

func TestPolicyBreachCheck(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name     string
		in       string
		breached bool
		err      error
		asked    string
		want     string
	}{
		{"a clean password passes", "correct horse battery", false, nil, "correct horse battery", ""},
		{"a breached one is refused", "correct horse battery", true, nil, "correct horse battery", "password: refused: breached"},
		{"the normal form is asked for", "ko\u0308nnte ja auch sein", false, nil, "k\u00f6nnte ja auch sein", ""},
		{"a failure is an error and no refusal", "correct horse battery", false, boom, "correct horse battery", "password: the breach check failed: boom"},
		{"a password refused already is not sent", "dragon", true, boom, "", "password: refused: too_short, common"},
		{"nor is one that is the person's name", "jane doe 20240917", true, boom, "", "password: refused: identifier"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := ""
			policy, err := password.NewPolicy(password.PolicyOptions{Breach: checkerFunc(func(_ context.Context, s string) (bool, error) {
				asked = s
				return tt.breached, tt.err
			})})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := policy.CheckFor(t.Context(), tt.in, "Jane Doe"); err != nil {
				got = err.Error()
				if errors.Is(err, password.ErrBreachCheck) != (tt.err != nil && tt.asked != "") {
					t.Errorf("%v: ErrBreachCheck is %v", err, errors.Is(err, password.ErrBreachCheck))
				}
			}
			if got != tt.want || asked != tt.asked {
				t.Errorf("got %q having asked for %q; want %q, %q", got, asked, tt.want, tt.asked)
			}
			if policy.Check("correct horse battery") != nil {
				t.Error("Check asked the breach checker")
			}
		})
	}
}

func TestPolicyOptions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		opts     password.PolicyOptions
		mistakes int
	}{
		{"the zero value", password.PolicyOptions{}, 0},
		{"the extremes", password.PolicyOptions{MinLength: 8, MaxLength: 1024}, 0},
		{"exactly 64", password.PolicyOptions{MinLength: 64, MaxLength: 64, MaxBytes: 64}, 0},
		{"a minimum of 7", password.PolicyOptions{MinLength: 7}, 1},
		{"a negative minimum", password.PolicyOptions{MinLength: -1}, 1},
		{"a minimum of 65", password.PolicyOptions{MinLength: 65}, 1},
		{"a maximum of 63", password.PolicyOptions{MaxLength: 63}, 1},
		{"a negative maximum", password.PolicyOptions{MaxLength: -1}, 1},
		{"a maximum of 1,025", password.PolicyOptions{MaxLength: 1025}, 1},
		{"63 bytes", password.PolicyOptions{MaxBytes: 63}, 1},
		{"1,025 bytes", password.PolicyOptions{MaxBytes: 1025}, 1},
		{"72 bytes and the default maximum", password.PolicyOptions{MaxBytes: 72}, 0},
		{"72 bytes and 100 characters", password.PolicyOptions{MaxLength: 100, MaxBytes: 72}, 1},
		{"an empty context word", password.PolicyOptions{ContextWords: []string{"Acme", ""}}, 1},
		{"a context word of signs", password.PolicyOptions{ContextWords: []string{"-!-"}}, 1},
		{"a context word that is not UTF-8", password.PolicyOptions{ContextWords: []string{"Acme\xff"}}, 1},
		{"a context word of a kilobyte", password.PolicyOptions{ContextWords: []string{strings.Repeat("a", 1024)}}, 1},
		{"ten at once", password.PolicyOptions{MinLength: 1, MaxLength: 1, MaxBytes: 1, ContextWords: []string{"", " ", "!", "-", "_", ".", "?"}}, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy, err := password.NewPolicy(tt.opts)
			if n := mistakes(err); n != tt.mistakes {
				t.Fatalf("got %d mistakes, want %d: %v", n, tt.mistakes, err)
			}
			if (policy == nil) != (err != nil) {
				t.Errorf("got %v, %v", policy, err)
			}
		})
	}
}

func TestPolicyBounds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		opts     password.PolicyOptions
		min, max int
	}{
		{"the defaults", password.PolicyOptions{}, 15, 256},
		{"set", password.PolicyOptions{MinLength: 12, MaxLength: 128}, 12, 128},
		{"a bcrypt host's maximum is its bytes", password.PolicyOptions{MaxBytes: 72}, 15, 72},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy, err := password.NewPolicy(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if policy.MinLength() != tt.min || policy.MaxLength() != tt.max {
				t.Errorf("got %d to %d, want %d to %d", policy.MinLength(), policy.MaxLength(), tt.min, tt.max)
			}
		})
	}
}

func TestZeroPolicyIsTheDefault(t *testing.T) {
	var policy password.Policy
	if policy.MinLength() != 15 || policy.MaxLength() != 256 {
		t.Errorf("got %d to %d", policy.MinLength(), policy.MaxLength())
	}
	for _, in := range []string{"", "short", "passwordpassword", strings.Repeat("a", 300)} {
		if policy.Check(in) == nil {
			t.Errorf("%q was accepted", in)
		}
	}
	if err := policy.CheckFor(t.Context(), "correct horse battery"); err != nil {
		t.Error(err)
	}
}

func TestPolicyKeepsNothingOfItsOptions(t *testing.T) {
	words := []string{"Zenith"}
	policy, err := password.NewPolicy(password.PolicyOptions{ContextWords: words})
	if err != nil {
		t.Fatal(err)
	}
	words[0] = "Acme"
	if !refusedBy(policy.Check("Zenith 1234567890"), password.RuleContext) {
		t.Error("the policy changed with the caller's slice")
	}
}

func FuzzPolicy(f *testing.F) {
	policy, err := password.NewPolicy(password.PolicyOptions{MinLength: 8, ContextWords: []string{"Acme", "3M", "Road Runner"}})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"", "passwordpassword", "Samplepassword@123", "acme-road.runner 3m3m3", "1qaz2wsx3edc4rfv", "q1w2e3r4t5",
		"9998979695", "00000000", "jane.doe@example.com", "\u0130stanbul\u0307", "\xff", strings.Repeat("1!", 200), "ﷺﷺﷺﷺﷺﷺﷺﷺ",
	} {
		f.Add(s, "jane.doe@example.com")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, s, identifier string) {
		err := policy.CheckFor(t.Context(), s, identifier)
		normal, normalErr := password.Normalize(s)
		if normalErr != nil {
			if err == nil {
				t.Fatalf("%q has no normal form and was accepted", s)
			}
			return
		}
		// The policy judges the normal form.
		again := policy.CheckFor(t.Context(), normal, identifier)
		if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
			t.Fatalf("%q: %v; its normal form: %v", s, err, again)
		}
		n := utf8.RuneCountInString(normal)
		if err == nil {
			if n < 8 || n > 256 {
				t.Fatalf("%q was accepted with %d code points", s, n)
			}
			return
		}
		refused, ok := errors.AsType[*password.PolicyError](err)
		if !ok || len(refused.Violations) == 0 {
			t.Fatalf("%q: %v", s, err)
		}
		// A password that is refused is also refused when it is repeated, or it
		// becomes too long.
		if refused.Has(password.RuleCommon) && n > 0 && policy.Check(normal+normal) == nil && 2*n <= 256 {
			if twice, _ := password.Normalize(normal + normal); twice == normal+normal {
				t.Fatalf("%q is common and was accepted twice in a row", s)
			}
		}
	})
}
