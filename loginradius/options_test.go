package loginradius_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

// mistakes returns the names of the options that New complains about.
func mistakes(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T is not joined", err)
	}
	var options []string
	for _, err := range joined.Unwrap() {
		e, ok := errors.AsType[*recovery.OptionError](err)
		if !ok {
			t.Fatalf("%T is no OptionError", err)
		}
		if e.Reason == "" {
			t.Errorf("%s has no reason", e.Option)
		}
		options = append(options, e.Option)
	}
	return options
}

func secrets(values ...string) []recovery.Secret {
	var list []recovery.Secret
	for _, v := range values {
		list = append(list, recovery.NewSecret(v))
	}
	return list
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*loginradius.App)
		want   []string
	}{
		{"right", func(*loginradius.App) {}, nil},
		{"two secrets", func(a *loginradius.App) { a.Secrets = secrets(apiSecret, newSecret) }, nil},
		{"no key", func(a *loginradius.App) { a.APIKey = "" }, []string{"APIKey"}},
		{"key with a space", func(a *loginradius.App) { a.APIKey = "k 123" }, []string{"APIKey"}},
		{"long key", func(a *loginradius.App) { a.APIKey = strings.Repeat("k", 129) }, []string{"APIKey"}},
		{"no secret", func(a *loginradius.App) { a.Secrets = nil }, []string{"Secrets"}},
		{"empty secret", func(a *loginradius.App) { a.Secrets = secrets("") }, []string{"Secrets"}},
		{"short secret", func(a *loginradius.App) { a.Secrets = secrets("s-456") }, []string{"Secrets"}},
		{"three secrets", func(a *loginradius.App) { a.Secrets = secrets(apiSecret, newSecret, newSecret+"3") }, []string{"Secrets"}},
		{"one secret twice", func(a *loginradius.App) { a.Secrets = secrets(apiSecret, apiSecret) }, []string{"Secrets"}},
		{"the key as secret", func(a *loginradius.App) { a.APIKey = apiSecret }, []string{"Secrets"}},
		{"no service", func(a *loginradius.App) { a.Service = nil }, []string{"Service"}},
		{"no URL", func(a *loginradius.App) { a.ResetURLs = nil }, []string{"ResetURLs"}},
		{"bad URLs", func(a *loginradius.App) {
			a.ResetURLs = []string{"", "/reset", "http://example.com/", "https://u@example.com/", "https://example.com/#x", "//example.com", "javascript:1", `https://example.com\x`}
		}, []string{"ResetURLs[0]", "ResetURLs[1]", "ResetURLs[2]", "ResetURLs[3]", "ResetURLs[4]", "ResetURLs[5]", "ResetURLs[6]", "ResetURLs[7]"}},
		{"one page twice", func(a *loginradius.App) {
			a.ResetURLs = []string{"https://example.com/r?lang=de", "https://example.com/r?lang=en"}
		}, []string{"ResetURLs[1]"}},
		{"bad templates", func(a *loginradius.App) {
			a.EmailTemplates = []loginradius.Template{{Name: ""}, {Name: "a b"}, {Name: "x", Kind: "sms"}, {Name: "y"}, {Name: "y", Kind: "code"}}
			a.DefaultEmailTemplate = "z"
		}, []string{"EmailTemplates[0]", "EmailTemplates[1]", "EmailTemplates[2]", "EmailTemplates[4]", "DefaultEmailTemplate"}},
		{"bad SMS templates", func(a *loginradius.App) {
			a.SMSTemplates, a.DefaultSMSTemplate = []string{"", "x", "x", strings.Repeat("x", 129)}, "tpl-1"
		}, []string{"SMSTemplates[0]", "SMSTemplates[2]", "SMSTemplates[3]", "DefaultSMSTemplate"}},
		{"bad origins", func(a *loginradius.App) { a.Origins = []string{"*"} }, []string{"Origins"}},
		{"fields of other types", func(a *loginradius.App) {
			a.EmailField, a.UsernameField, a.PhoneField = "Phone", "mx_Login", "EmailAddress"
		}, []string{"EmailField", "UsernameField", "PhoneField"}},
		{"all at once", func(a *loginradius.App) { *a = loginradius.App{} }, []string{"APIKey", "Secrets", "ResetURLs", "Service"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, nil, nil)
			a := appOptions(s)
			tt.change(&a)
			h, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{a}})
			var want []string
			for _, option := range tt.want {
				want = append(want, "Apps[0]."+option)
			}
			if got := mistakes(t, err); !slices.Equal(got, want) {
				t.Errorf("mistakes %v, want %v", got, want)
			}
			if (h == nil) != (err != nil) {
				t.Error("a handler and an error, or neither")
			}
			if err != nil && strings.Contains(err.Error(), apiSecret) {
				t.Error("the error shows a secret")
			}
		})
	}
	t.Run("no app", func(t *testing.T) {
		_, err := loginradius.New(loginradius.Options{})
		if got := mistakes(t, err); !slices.Equal(got, []string{"Apps"}) {
			t.Errorf("mistakes %v", got)
		}
	})
	t.Run("one key twice", func(t *testing.T) {
		s := newSite(t, nil, nil)
		_, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{appOptions(s), appOptions(s)}})
		if got := mistakes(t, err); !slices.Equal(got, []string{"Apps[1].APIKey"}) {
			t.Errorf("mistakes %v", got)
		}
	})
	t.Run("user names that are compared with case", func(t *testing.T) {
		s := newSite(t, func(o *recovery.Options) { o.Fields[1].IgnoreCase = false; o.Prefix = "x" }, func(a *loginradius.App) { a.UsernameField = "EmailAddress" })
		_, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{appOptions(s)}})
		if got := mistakes(t, err); !slices.Equal(got, []string{"Apps[0].UsernameField"}) {
			t.Errorf("mistakes %v", got)
		}
	})
}

// TestOptionsAreCopied: the host may change its slices afterwards.
func TestOptionsAreCopied(t *testing.T) {
	s := newSite(t, nil, nil)
	a := appOptions(s)
	h, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{a}})
	if err != nil {
		t.Fatal(err)
	}
	s.handler = h
	a.Secrets[0] = recovery.NewSecret("another secret altogether")
	a.ResetURLs[0] = "https://evil.com/"
	a.EmailTemplates[0].Name = "changed"
	s.manage("&sendemail=true&emailtemplate=tpl-1", john).wantToken(t)
	if got := s.one().URL.Reveal(); !strings.HasPrefix(got, resetURL) {
		t.Errorf("mailed %q", got)
	}
}

// TestAppPrintsWithoutSecrets (A39).
func TestAppPrintsWithoutSecrets(t *testing.T) {
	a := loginradius.App{APIKey: apiKey, Secrets: secrets(apiSecret)}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if s := fmt.Sprintf(format, a); strings.Contains(s, apiSecret) {
			t.Errorf("%s shows the secret: %s", format, s)
		}
	}
}
