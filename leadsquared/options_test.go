package leadsquared_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/leadsquared"
)

// optionErrors returns the names of the options that New complains about.
func optionErrors(t *testing.T, err error) []string {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error %v is not joined", err)
	}
	var names []string
	for _, e := range joined.Unwrap() {
		o, ok := errors.AsType[*recovery.OptionError](e)
		if !ok {
			t.Fatalf("%v is no OptionError", e)
		}
		names = append(names, o.Option)
	}
	return names
}

func TestNewRefuses(t *testing.T) {
	p := func(f func(p *leadsquared.Portal)) func(o *leadsquared.Options) {
		return func(o *leadsquared.Options) { f(&o.Portals[0]) }
	}
	tests := []struct {
		sentence string
		change   func(o *leadsquared.Options)
		want     []string
	}{
		{"no portals", func(o *leadsquared.Options) { o.Portals = nil }, []string{"Portals"}},
		{"a path that ends with a slash", func(o *leadsquared.Options) { o.Path = "/crm/" }, []string{"Path"}},
		{"an id that is no GUID", p(func(p *leadsquared.Portal) { p.ID = "portal-a" }), []string{"Portals[0].ID"}},
		{"an id with braces", p(func(p *leadsquared.Portal) { p.ID = "{" + idA + "}" }), []string{"Portals[0].ID"}},
		{"an id of the right length that is no GUID", p(func(p *leadsquared.Portal) { p.ID = "x" + idA[1:] }), []string{"Portals[0].ID"}},
		{"an id with its hyphens elsewhere", p(func(p *leadsquared.Portal) { p.ID = "3f0b8c7-e5d8f-4f0e-9a3c-2f1f6f7f7b10" }), []string{"Portals[0].ID"}},
		{"an id that another portal has in capitals", p(func(p *leadsquared.Portal) { p.ID = strings.ToUpper(idB) }), []string{"Portals[1].ID"}},
		{"no Service", p(func(p *leadsquared.Portal) { p.Service = nil }), []string{"Portals[0].Service"}},
		{"one Service for two portals (A36)", func(o *leadsquared.Options) { o.Portals[1].Service = o.Portals[0].Service }, []string{"Portals[1].Service"}},
		{"no public key", p(func(p *leadsquared.Portal) { p.PublicAuthKeys = nil }), []string{"Portals[0].PublicAuthKeys"}},
		{"three public keys", p(func(p *leadsquared.Portal) { p.PublicAuthKeys = append(p.PublicAuthKeys, "third-public-auth-key") }), []string{"Portals[0].PublicAuthKeys"}},
		{"an empty public key", p(func(p *leadsquared.Portal) { p.PublicAuthKeys[1] = "" }), []string{"Portals[0].PublicAuthKeys[1]"}},
		{"empty public keys in two portals, each said once", func(o *leadsquared.Options) {
			o.Portals[0].PublicAuthKeys, o.Portals[1].PublicAuthKeys = []string{""}, []string{""}
		}, []string{"Portals[0].PublicAuthKeys[0]", "Portals[1].PublicAuthKeys[0]"}},
		{"a public key with a space", p(func(p *leadsquared.Portal) { p.PublicAuthKeys[0] = "Bearer 0123456789abcdef" }), []string{"Portals[0].PublicAuthKeys[0]"}},
		{"a public key longer than a header is read", p(func(p *leadsquared.Portal) { p.PublicAuthKeys[0] = strings.Repeat("k", 513) }), []string{"Portals[0].PublicAuthKeys[0]"}},
		{"a public key given twice", p(func(p *leadsquared.Portal) { p.PublicAuthKeys[1] = keyA }), []string{"Portals[0].PublicAuthKeys[1]"}},
		{"a public key that v1 finds in two portals", func(o *leadsquared.Options) { o.Portals[1].PublicAuthKeys = []string{oldKeyA} }, []string{"Portals[1].PublicAuthKeys[0]"}},
		{"a public key that is a secret", p(func(p *leadsquared.Portal) { p.PublicAuthKeys[1] = secretB }), []string{"Portals[0].PublicAuthKeys[1]"}},
		{"no register token", p(func(p *leadsquared.Portal) { p.RegisterTokens = nil }), []string{"Portals[0].RegisterTokens"}},
		{"a register token of few characters", p(func(p *leadsquared.Portal) { p.RegisterTokens[0] = "short" }), []string{"Portals[0].RegisterTokens[0]"}},
		{"a register token that is a secret", p(func(p *leadsquared.Portal) { p.RegisterTokens[1] = secretA }), []string{"Portals[0].RegisterTokens[1]"}},
		{"three key pairs", p(func(p *leadsquared.Portal) {
			p.AccessKeys = append(p.AccessKeys, leadsquared.AccessKey{Key: "third-0123456789abcdef", Secret: recovery.NewSecret(strings.Repeat("3", 40))})
		}), []string{"Portals[0].AccessKeys"}},
		{"a key pair without a name", p(func(p *leadsquared.Portal) { p.AccessKeys[0].Key = "" }), []string{"Portals[0].AccessKeys[0].Key"}},
		{"a key pair without a secret", p(func(p *leadsquared.Portal) { p.AccessKeys[0].Secret = recovery.Secret{} }), []string{"Portals[0].AccessKeys[0].Secret"}},
		{"a secret that could be guessed", p(func(p *leadsquared.Portal) { p.AccessKeys[0].Secret = recovery.NewSecret("hunter2") }), []string{"Portals[0].AccessKeys[0].Secret"}},
		{"one pair's name in two portals", func(o *leadsquared.Options) { o.Portals[1].AccessKeys[0].Key = accessA }, []string{"Portals[1].AccessKeys[0].Key"}},
		{"no reset URL (A01)", p(func(p *leadsquared.Portal) { p.ResetURL = "" }), []string{"Portals[0].ResetURL or the names of its parameters"}},
		{"a reset URL that is not https (A01)", p(func(p *leadsquared.Portal) { p.ResetURL = "http://portal-a.example.com/" }), []string{"Portals[0].ResetURL or the names of its parameters"}},
		{"one name for both parameters", p(func(p *leadsquared.Portal) { p.LeadIDParam = "TemporaryPassword" }), []string{"Portals[0].ResetURL or the names of its parameters"}},
		{"every origin", p(func(p *leadsquared.Portal) { p.Origins = []string{"*"} }), []string{"Portals[0].Origins[0]"}},
		{"an origin with a path", p(func(p *leadsquared.Portal) { p.Origins = []string{originA, originA + "/"} }), []string{"Portals[0].Origins[1]"}},
		{"the null origin", p(func(p *leadsquared.Portal) { p.Origins = []string{"null"} }), []string{"Portals[0].Origins[0]"}},
		{"ten mistakes, all at once", func(o *leadsquared.Options) {
			o.Portals = []leadsquared.Portal{
				{Origins: []string{"*", "null"}},
				{ID: idA, PublicAuthKeys: []string{"a", "b"}, RegisterTokens: []string{tokenA}, ResetURL: resetA},
			}
		}, []string{
			"Portals[0].ID", "Portals[0].Service", "Portals[0].PublicAuthKeys", "Portals[0].RegisterTokens",
			"Portals[0].ResetURL or the names of its parameters", "Portals[0].Origins[0]", "Portals[0].Origins[1]",
			"Portals[1].Service", "Portals[1].PublicAuthKeys[0]", "Portals[1].PublicAuthKeys[1]",
		}},
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, test := range tests {
			opts := w.options()
			test.change(&opts)
			h, err := leadsquared.New(opts)
			if h != nil || err == nil {
				t.Errorf("%s: New accepts it", test.sentence)
				continue
			}
			if got := optionErrors(t, err); !slices.Equal(got, test.want) {
				t.Errorf("%s: errors on %q, want %q:\n%v", test.sentence, got, test.want, err)
			}
			for _, secret := range []string{secretA, secretB, "hunter2", keyA, tokenA} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%s: the error quotes %s", test.sentence, secret)
				}
			}
		}
	})
}

func TestNewAccepts(t *testing.T) {
	tests := []struct {
		sentence string
		change   func(o *leadsquared.Options)
	}{
		{"the options of the other tests", func(*leadsquared.Options) {}},
		{"an id in capitals", func(o *leadsquared.Options) { o.Portals[0].ID = strings.ToUpper(idA) }},
		{"no key pairs and no origins", func(o *leadsquared.Options) { o.Portals[0].AccessKeys, o.Portals[0].Origins = nil, nil }},
		{"one public key in two portals without v1", func(o *leadsquared.Options) {
			o.Portals[0].AllowV1, o.Portals[1].PublicAuthKeys = false, []string{keyA}
		}},
		{"one register token in two portals", func(o *leadsquared.Options) { o.Portals[1].RegisterTokens = []string{tokenA} }},
		{"a page on this machine", func(o *leadsquared.Options) {
			o.Portals[0].ResetURL, o.Portals[0].Origins = "http://localhost:8080/reset", []string{"http://localhost:8080"}
		}},
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, test := range tests {
			opts := w.options()
			test.change(&opts)
			if _, err := leadsquared.New(opts); err != nil {
				t.Errorf("%s: %v", test.sentence, err)
			}
		}
	})
}

// New copies the slices of its options.
func TestNewCopies(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		h, err := leadsquared.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		w.handler = h
		opts.Portals[0].PublicAuthKeys[0] = "changed-after-the-fact"
		opts.Portals[0].RegisterTokens[0] = "changed-after-the-fact"
		opts.Portals[0].AccessKeys[0].Key = "changed-after-the-fact"
		opts.Portals[0].Origins[0] = "https://changed.example.com"
		opts.Portals[0].ID = idB
		want(t, w.do(post(forgotV2, `{"EmailAddress":"a@example.com"}`)), 200, forgotOK)
		want(t, w.do(get(publicTok, header("x-LSQ-AccessKey", accessA), header("x-LSQ-SecretKey", secretA))), 200, `{"PublicAuthKey":"`+keyA+`"}`)
	})
}

// Printed options show no secret.
func TestOptionsPrintWithoutSecrets(t *testing.T) {
	k := leadsquared.AccessKey{Key: accessA, Secret: recovery.NewSecret(secretA)}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		if s := fmt.Sprintf(verb, k); strings.Contains(s, secretA) {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}
