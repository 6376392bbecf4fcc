package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// quiet is a logger for what no test reads.
var quiet = slog.New(slog.DiscardHandler)

// goodOptions are enough for New.
func goodOptions() recovery.Options {
	return recovery.Options{
		Keys:                    [][]byte{testKey(1)},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		Passwords:               recovery.PasswordOptions{Hasher: fastHasher{}},
		DangerouslyKeepSessions: true,
		Queue:                   &heldQueue{},
		Logger:                  quiet,
	}
}

// A mistake that another check has worded with the package's name has it once.
func TestOptionErrorsNameThePackageOnce(t *testing.T) {
	for name, want := range map[string]string{"": "recovery", "acme": "acme"} {
		mistakes := recovery.OptionErrors{Package: name}
		mistakes.Add("URL", "%v", errors.New(want+": does not parse"))
		if got := mistakes.Err().Error(); got != want+": option URL: does not parse" {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// newErrors are the mistakes that New reports, by option.
func newErrors(t *testing.T, leads recovery.LeadStore, tokens recovery.TokenStore, n recovery.Notifier, opts recovery.Options) []*recovery.OptionError {
	t.Helper()
	s, err := recovery.New(leads, tokens, n, opts)
	if err == nil {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		return nil
	}
	if s != nil {
		t.Error("New returned a Service and an error")
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T is no joined error: %v", err, err)
	}
	var all []*recovery.OptionError
	for _, e := range joined.Unwrap() {
		o, ok := errors.AsType[*recovery.OptionError](e)
		if !ok || o.Option == "" || o.Reason == "" || o.Error() != "recovery: option "+o.Option+": "+o.Reason {
			t.Fatalf("%T is no OptionError: %v", e, e)
		}
		all = append(all, o)
	}
	return all
}

func newWith(t *testing.T, opts recovery.Options) []*recovery.OptionError {
	t.Helper()
	return newErrors(t, newLeads(), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts)
}

func names(errs []*recovery.OptionError) (names []string) {
	for _, e := range errs {
		names = append(names, e.Option)
	}
	return names
}

func TestNewReportsEveryMistakeAtOnce(t *testing.T) {
	errs := newWith(t, recovery.Options{
		Keys:          [][]byte{[]byte("short")},
		Prefix:        "has space",
		Link:          recovery.Link{URL: "http://portal.example.com/reset"},
		Fields:        []recovery.Field{{Name: "EmailAddress", Type: "E-mail", Search: true}},
		Passwords:     recovery.PasswordOptions{History: 25},
		Tokens:        recovery.TokenOptions{LinkTTL: 25 * time.Hour, CodeTTL: 11 * time.Minute, CodeTries: 11},
		Limits:        recovery.Limits{Caller: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 0, Window: time.Second}}}},
		ClientAddress: recovery.ClientAddressOptions{IPv6Prefix: 128},
		Queue:         &heldQueue{},
		// and no decision on sessions
	})
	want := []string{
		"Keys", "Prefix", "Link", "Sessions", "Fields", "Passwords.History", "Passwords.History", // out of range, and no store for it
		"Tokens.LinkTTL", "Tokens.CodeTTL", "Tokens.CodeTries", "Limits.Caller", "ClientAddress",
	}
	if got := names(errs); !slices.Equal(got, want) {
		t.Errorf("mistakes %q, want %q", got, want)
	}
}

// Where no safe default exists New asks, and says how to answer.
func TestNewAsksWhereNoAnswerIsSafe(t *testing.T) {
	errs := newErrors(t, nil, nil, nil, recovery.Options{})
	if got, want := names(errs), []string{"leads", "tokens", "notifier", "Keys", "Link", "Sessions"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for i, hint := range []string{"user store", "NewMemoryTokenStore", "mail", "32 random bytes", "never built from a request", "DangerouslyKeepSessions"} {
		if !strings.Contains(errs[i].Reason, hint) || !strings.Contains(errs[i].Reason, "is required") {
			t.Errorf("%v does not say %q", errs[i], hint)
		}
	}
}

func TestOptions(t *testing.T) {
	tier := func(n int, w, trickle time.Duration) recovery.LimitPolicy {
		return recovery.LimitPolicy{Limits: []recovery.Limit{{N: n, Window: w}}, ThenOneEvery: trickle}
	}
	field := func(edit func(f *recovery.Field)) []recovery.Field {
		f := recovery.Field{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}
		edit(&f)
		return []recovery.Field{f}
	}
	keys := func(n int) [][]byte {
		var all [][]byte
		for i := range n {
			all = append(all, testKey(byte(i+1)))
		}
		return all
	}
	tests := []struct {
		sentence string
		edit     func(o *recovery.Options)
		wrong    []string // options
	}{
		{"enough", func(*recovery.Options) {}, nil},
		{"a key of 31 bytes", func(o *recovery.Options) { o.Keys = [][]byte{testKey(1)[:31]} }, []string{"Keys"}},
		{"a long key", func(o *recovery.Options) { o.Keys = [][]byte{slices.Concat(keys(8)...)} }, nil},
		{"eight keys", func(o *recovery.Options) { o.Keys = keys(8) }, nil},
		{"nine keys", func(o *recovery.Options) { o.Keys = keys(9) }, []string{"Keys"}},
		{"a key twice", func(o *recovery.Options) { o.Keys = [][]byte{testKey(1), testKey(2), testKey(1)} }, []string{"Keys"}},
		{"two short keys, which are two mistakes", func(o *recovery.Options) { o.Keys = [][]byte{{1}, {2}} }, []string{"Keys", "Keys"}},
		{"no keys", func(o *recovery.Options) { o.Keys = [][]byte{} }, []string{"Keys"}},
		{"a prefix of 32", func(o *recovery.Options) { o.Prefix = strings.Repeat("aZ0._-", 6)[:32] }, nil},
		{"an API at a path, called from an app", func(o *recovery.Options) {
			o.API = recovery.APIOptions{Path: "/account", Origins: []string{"https://app.example.com", "capacitor://localhost"}}
		}, nil},
		{"an API at no path, called from anywhere", func(o *recovery.Options) {
			o.API = recovery.APIOptions{Path: "account/", Origins: []string{"https://app.example.com", "*"}}
		}, []string{"API.Path", "API.Origins[1]"}},
		{"a prefix of 33", func(o *recovery.Options) { o.Prefix = strings.Repeat("a", 33) }, []string{"Prefix"}},
		{"a prefix with a slash", func(o *recovery.Options) { o.Prefix = "a/b" }, []string{"Prefix"}},
		{"a prefix with a colon", func(o *recovery.Options) { o.Prefix = "a:b" }, []string{"Prefix"}},
		{"a prefix with a hash tag", func(o *recovery.Options) { o.Prefix = "{a}" }, []string{"Prefix"}},
		{"a prefix outside ASCII", func(o *recovery.Options) { o.Prefix = "ä" }, []string{"Prefix"}},
		{"no link", func(o *recovery.Options) { o.Link = recovery.Link{} }, []string{"Link"}},
		{"neither an ender nor a decision", func(o *recovery.Options) { o.DangerouslyKeepSessions = false }, []string{"Sessions"}},
		{"an ender and a decision against it", func(o *recovery.Options) {
			o.Sessions = recovery.SessionEnderFunc(func(context.Context, string) error { return nil })
		}, []string{"Sessions"}},
		{"a field without a name", func(o *recovery.Options) { o.Fields = field(func(f *recovery.Field) { f.Name = "" }) }, []string{"Fields"}},
		{"a name of 64", func(o *recovery.Options) {
			o.Fields = field(func(f *recovery.Field) { f.Name = strings.Repeat("n", 64) })
		}, nil},
		{"a name of 65", func(o *recovery.Options) {
			o.Fields = field(func(f *recovery.Field) { f.Name = strings.Repeat("n", 65) })
		}, []string{"Fields"}},
		{"a name with a space", func(o *recovery.Options) { o.Fields = field(func(f *recovery.Field) { f.Name = "E mail" }) }, []string{"Fields"}},
		{"the reserved name", func(o *recovery.Options) { o.Fields = field(func(f *recovery.Field) { f.Name = recovery.LeadIDField }) }, []string{"Fields"}},
		{"a field twice", func(o *recovery.Options) {
			o.Fields = slices.Repeat(field(func(*recovery.Field) {}), 2)
		}, []string{"Fields"}},
		{"no field that can be searched", func(o *recovery.Options) { o.Fields = field(func(f *recovery.Field) { f.Search = false }) }, []string{"Fields"}},
		{"a field without a type", func(o *recovery.Options) { o.Fields = field(func(f *recovery.Field) { f.Type = "" }) }, []string{"Fields"}},
		{"a type in another case", func(o *recovery.Options) { o.Fields = field(func(f *recovery.Field) { f.Type = "Email" }) }, []string{"Fields"}},
		{"text that receives", func(o *recovery.Options) {
			o.Fields = field(func(f *recovery.Field) { f.Type = recovery.FieldTypeText })
		}, []string{"Fields"}},
		{"an address that ignores case", func(o *recovery.Options) { o.Fields = field(func(f *recovery.Field) { f.IgnoreCase = true }) }, []string{"Fields"}},
		{"a history of -1", func(o *recovery.Options) { o.Passwords.History = -1 }, []string{"Passwords.History"}},
		{"a history without a store for it", func(o *recovery.Options) { o.Passwords.History = 1 }, []string{"Passwords.History"}},
		{"a link of a minute", func(o *recovery.Options) { o.Tokens.LinkTTL = time.Minute }, nil},
		{"a link of less", func(o *recovery.Options) { o.Tokens.LinkTTL = time.Minute - 1 }, []string{"Tokens.LinkTTL"}},
		{"a link of 24 h", func(o *recovery.Options) { o.Tokens.LinkTTL = 24 * time.Hour }, nil},
		{"a link of more", func(o *recovery.Options) { o.Tokens.LinkTTL = 24*time.Hour + 1 }, []string{"Tokens.LinkTTL"}},
		{"a negative link", func(o *recovery.Options) { o.Tokens.LinkTTL = -time.Hour }, []string{"Tokens.LinkTTL"}},
		{"a code of a minute", func(o *recovery.Options) { o.Tokens.CodeTTL = time.Minute }, nil},
		{"a code of less", func(o *recovery.Options) { o.Tokens.CodeTTL = time.Minute - 1 }, []string{"Tokens.CodeTTL"}},
		{"a code of 10 min", func(o *recovery.Options) { o.Tokens.CodeTTL = 10 * time.Minute }, nil},
		{"a code of more", func(o *recovery.Options) { o.Tokens.CodeTTL = 10*time.Minute + 1 }, []string{"Tokens.CodeTTL"}},
		{"one try", func(o *recovery.Options) { o.Tokens.CodeTries = 1 }, nil},
		{"less than one", func(o *recovery.Options) { o.Tokens.CodeTries = -1 }, []string{"Tokens.CodeTries"}},
		{"ten tries", func(o *recovery.Options) { o.Tokens.CodeTries = 10 }, nil},
		{"eleven", func(o *recovery.Options) { o.Tokens.CodeTries = 11 }, []string{"Tokens.CodeTries"}},
		{"ten failures", func(o *recovery.Options) { o.Tokens.CodeFailures = 10 }, nil},
		{"nine", func(o *recovery.Options) { o.Tokens.CodeFailures = 9 }, []string{"Tokens.CodeFailures"}},
		{"a hundred failures", func(o *recovery.Options) { o.Tokens.CodeFailures = 100 }, nil},
		{"a hundred and one", func(o *recovery.Options) { o.Tokens.CodeFailures = 101 }, []string{"Tokens.CodeFailures"}},
		{"a store timeout of 1 ms", func(o *recovery.Options) { o.StoreTimeout = time.Millisecond }, nil},
		{"of less", func(o *recovery.Options) { o.StoreTimeout = time.Microsecond }, []string{"StoreTimeout"}},
		{"of a minute", func(o *recovery.Options) { o.StoreTimeout = time.Minute }, nil},
		{"of more", func(o *recovery.Options) { o.StoreTimeout = time.Minute + 1 }, []string{"StoreTimeout"}},
		{"a limit of 100,000", func(o *recovery.Options) { o.Limits.Caller = tier(100_000, time.Second, 0) }, nil},
		{"of more", func(o *recovery.Options) { o.Limits.Caller = tier(100_001, time.Second, 0) }, []string{"Limits.Caller"}},
		{"a limit of none", func(o *recovery.Options) { o.Limits.ClientForgot = tier(0, time.Second, 0) }, []string{"Limits.ClientForgot"}},
		{"a window of 1 ms", func(o *recovery.Options) { o.Limits.ClientReset = tier(1, time.Millisecond, 0) }, nil},
		{"of less", func(o *recovery.Options) { o.Limits.ClientReset = tier(1, time.Microsecond, 0) }, []string{"Limits.ClientReset"}},
		{"a window of 31 days", func(o *recovery.Options) { o.Limits.ClientCheck = tier(1, 31*24*time.Hour, 0) }, nil},
		{"of more", func(o *recovery.Options) { o.Limits.ClientCheck = tier(1, 31*24*time.Hour+1, 0) }, []string{"Limits.ClientCheck"}},
		{"a negative trickle", func(o *recovery.Options) { o.Limits.Identifier = tier(1, time.Hour, -1) }, []string{"Limits.Identifier"}},
		{"a trickle alone", func(o *recovery.Options) { o.Limits.Lead = recovery.LimitPolicy{ThenOneEvery: time.Hour} }, []string{"Limits.Lead"}},
		{"nine limits in one tier", func(o *recovery.Options) {
			o.Limits.Recipient.Limits = slices.Repeat([]recovery.Limit{{N: 1, Window: time.Hour}}, 9)
		}, []string{"Limits.Recipient"}},
		{"a wrong budget", func(o *recovery.Options) { o.Limits.SMSBudget = tier(-1, time.Hour, 0) }, []string{"Limits.SMSBudget"}},
		{"a right budget", func(o *recovery.Options) { o.Limits.EmailBudget = tier(1, time.Hour, 0) }, nil},
		{"every tier wrong", func(o *recovery.Options) {
			w := tier(-1, time.Hour, 0)
			o.Limits = recovery.Limits{Caller: w, ClientForgot: w, ClientReset: w, ClientCheck: w, Identifier: w, Lead: w, Recipient: w, Issue: w, EmailBudget: w, SMSBudget: w}
		}, []string{"Limits.Caller", "Limits.ClientForgot", "Limits.ClientReset", "Limits.ClientCheck", "Limits.Identifier", "Limits.Lead", "Limits.Recipient", "Limits.Issue", "Limits.EmailBudget", "Limits.SMSBudget"}},
		{"clients by /48", func(o *recovery.Options) { o.ClientAddress.IPv6Prefix = 48 }, nil},
		{"by /47", func(o *recovery.Options) { o.ClientAddress.IPv6Prefix = 47 }, []string{"ClientAddress"}},
		{"by /64", func(o *recovery.Options) { o.ClientAddress.IPv6Prefix = 64 }, nil},
		{"by /65", func(o *recovery.Options) { o.ClientAddress.IPv6Prefix = 65 }, []string{"ClientAddress"}},
		{"everybody a proxy (A50)", func(o *recovery.Options) {
			o.ClientAddress.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
		}, []string{"ClientAddress"}},
		{"one queue for both", func(o *recovery.Options) {
			o.Queue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
			o.DeliveryQueue = o.Queue
		}, []string{"DeliveryQueue"}},
		{"an e-mail field that is none", func(o *recovery.Options) { o.EmailField = "Phone" }, []string{"EmailField"}},
		{"a proxy that is no prefix", func(o *recovery.Options) { o.ClientAddress.TrustedProxies = make([]netip.Prefix, 1) }, []string{"ClientAddress"}},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			opts := goodOptions()
			test.edit(&opts)
			errs := newWith(t, opts)
			if got := names(errs); !slices.Equal(got, test.wrong) {
				t.Errorf("mistakes %v, want in %q", errs, test.wrong)
			}
		})
	}
}

// A38, A39: an error about a key does not quote it.
func TestOptionErrorsDoNotQuoteKeys(t *testing.T) {
	opts := goodOptions()
	opts.Keys = [][]byte{[]byte("hunter2"), []byte("hunter2")}
	for _, e := range newWith(t, opts) {
		if strings.Contains(e.Error(), "hunter2") {
			t.Errorf("%v", e)
		}
	}
}

func TestPasswordHistoryNeedsAStoreForIt(t *testing.T) {
	opts := goodOptions()
	for _, test := range []struct {
		sentence string
		leads    recovery.LeadStore
		n        int
		wrong    int
	}{
		{"a store with a history", newLeads().History(), 24, 0},
		{"a history of 25", newLeads().History(), 25, 1},
		{"a store without", newLeads(), 1, 1},
		{"none wanted", newLeads(), 0, 0},
	} {
		opts.Passwords.History = test.n
		if errs := newErrors(t, test.leads, recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts); len(errs) != test.wrong {
			t.Errorf("%s: %v", test.sentence, errs)
		}
	}
}

// What the documentation of Limits says in words is what DefaultLimits returns.
func TestDefaultLimitsAreTheDocumentedOnes(t *testing.T) {
	person := recovery.LimitPolicy{Limits: []recovery.Limit{{1, time.Minute}, {5, time.Hour}, {10, 24 * time.Hour}}, ThenOneEvery: time.Hour}
	want := recovery.Limits{
		Caller:       recovery.LimitPolicy{Limits: []recovery.Limit{{25, 5 * time.Second}}},
		ClientForgot: recovery.LimitPolicy{Limits: []recovery.Limit{{30, 10 * time.Minute}, {50, 3 * time.Hour}}},
		ClientReset:  recovery.LimitPolicy{Limits: []recovery.Limit{{10, time.Minute}, {15, 2 * time.Minute}}},
		ClientCheck:  recovery.LimitPolicy{Limits: []recovery.Limit{{60, time.Minute}}},
		Identifier:   person, Lead: person, Recipient: person, Issue: person,
		Device:      recovery.LimitPolicy{Limits: []recovery.Limit{{1, time.Minute}, {5, time.Hour}, {30, 24 * time.Hour}}},
		LeadDevices: recovery.LimitPolicy{Limits: []recovery.Limit{{60, 24 * time.Hour}}},

		SecondFactor: recovery.LimitPolicy{Limits: []recovery.Limit{{5, 15 * time.Minute}, {20, 24 * time.Hour}}},
		Change:       recovery.LimitPolicy{Limits: []recovery.Limit{{10, 15 * time.Minute}, {30, 24 * time.Hour}}},
	}
	if got := recovery.DefaultLimits(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := want.Caller.Limits[0].String(); got != "25 in 5s" {
		t.Errorf("%q", got)
	}
	// A caller of DefaultLimits may edit what it returns.
	recovery.DefaultLimits().Caller.Limits[0].N = 1
	if got := recovery.DefaultLimits(); !reflect.DeepEqual(got, want) {
		t.Error("one result shares memory with the next")
	}
}

// Limits that are not set are the defaults, and those that are replace them
// tier by tier.
func TestZeroTiersAreTheDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Limits = recovery.Limits{ClientReset: recovery.LimitPolicy{Limits: []recovery.Limit{{2, time.Hour}}}}
		})
		o := client("192.0.2.1")
		for name, want := range map[string]int{"forgot": 30, "reset": 2, "check": 60} {
			n := 0
			for admitted(t, publicCalls(p, o)[name](t.Context())) {
				n++
			}
			if n != want {
				t.Errorf("%s: %d, want %d", name, n, want)
			}
		}
	})
}

// What New was given is the caller's again: changing it changes nothing.
func TestOptionsAreNotRetained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := testKey(1)
		opts := recovery.Options{
			Keys:          [][]byte{key, testKey(2)},
			Link:          recovery.Link{URL: "https://portal.example.com/reset", Fixed: []recovery.LinkParam{{"lang", "en"}}},
			Fields:        fields(),
			ClientAddress: recovery.ClientAddressOptions{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
			Limits:        recovery.Limits{ClientForgot: recovery.LimitPolicy{Limits: []recovery.Limit{{3, time.Hour}}}},
			Passwords:     recovery.PasswordOptions{Hasher: fastHasher{}},

			DangerouslyKeepSessions: true,
			Logger:                  quiet,
		}
		before := fmt.Sprintf("%+v", opts)
		var box recoverytest.Outbox
		s, err := recovery.New(newLeads(), recovery.NewMemoryTokenStore(), &box, opts)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		if after := fmt.Sprintf("%+v", opts); after != before {
			t.Errorf("New changed the options: %s, then %s", before, after)
		}
		forgot := func(addr string) int {
			r := post(s.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`, from("10.0.0.1"), header("X-Forwarded-For", addr))
			settle()
			return r.Code
		}
		if code := forgot("192.0.2.1"); code != 202 {
			t.Fatal(code)
		}
		clear(key)
		opts.Keys[1] = nil
		opts.Link.Fixed[0] = recovery.LinkParam{Name: "token", Value: "evil"}
		opts.Fields[0] = recovery.Field{Name: "EmailAddress", Type: recovery.FieldTypeText}
		opts.ClientAddress.TrustedProxies[0] = netip.MustParsePrefix("192.0.2.0/24")
		opts.Limits.ClientForgot.Limits[0].N = 1
		time.Sleep(time.Minute)
		if code := forgot("192.0.2.1"); code != 202 {
			t.Errorf("the second of three got %d", code)
		}
		all := box.Messages()
		if len(all) != 2 {
			t.Fatalf("%d mails, want 2", len(all))
		}
		for _, m := range all {
			if !strings.HasPrefix(m.URL.Reveal(), "https://portal.example.com/reset?lang=en&token=") {
				t.Error("the link changed")
			}
			if _, err := s.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: recovery.TokenProof(token(t, m))}); err != nil {
				t.Errorf("the keys changed: %v", err)
			}
		}
	})
}

// rotated are Services on one set of stores, as instances of one portal are in
// the middle of a rotation.
func rotated(t *testing.T, store recovery.TokenStore, leads *recoverytest.Leads, q recovery.Queue, prefix string, keys ...byte) *portal {
	return newPortal(t, func(p *portal, o *recovery.Options) {
		o.Keys = nil
		for _, k := range keys {
			o.Keys = append(o.Keys, testKey(k))
		}
		o.Prefix = prefix
		p.tokens, p.leads.Leads = store, leads
		if q != nil {
			o.Queue = q
		}
	})
}

// What was made under a key is good while any instance has that key, wherever
// it stands in the list, and no longer.
func TestKeyRotation(t *testing.T) {
	stages := []struct {
		sentence string
		keys     []byte
		good     bool
	}{
		{"before", []byte{1}, true},
		{"the new key is deployed as the last", []byte{1, 2}, true},
		{"the new key is moved to the front", []byte{2, 1}, true},
		{"a third is on its way", []byte{3, 2, 1}, true},
		{"the old key is gone", []byte{2}, false},
	}
	proofs := []struct {
		sentence string
		make     func(t *testing.T, p *portal) recovery.Proof
	}{
		{"a mailed link", func(t *testing.T, p *portal) recovery.Proof {
			return recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		}},
		{"a link with the lead's ID", func(t *testing.T, p *portal) recovery.Proof {
			req := byMail(johnMail)
			req.Link = &recovery.Link{URL: "https://portal.example.com/reset", LeadIDParam: "LeadId", SecretParam: "s"}
			return recovery.LinkSecretProof(johnID, linkParam(t, p.forgot(t, req), "s"))
		}},
		{"a code", func(t *testing.T, p *portal) recovery.Proof {
			req := byMail(johnMail)
			req.Code = true
			return recovery.CodeProof(req.Key, p.forgot(t, req).Code.Reveal())
		}},
		{"an issued token", func(t *testing.T, p *portal) recovery.Proof {
			issued, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: byMail(johnMail).Key, Requester: recovery.Requester{Caller: "crm"}})
			if err != nil {
				t.Fatal(err)
			}
			return recovery.TokenProof(issued.Token.Reveal())
		}},
	}
	for _, stage := range stages {
		for _, proof := range proofs {
			t.Run(stage.sentence+": "+proof.sentence, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store, leads := recovery.NewMemoryTokenStore(), newLeads()
					old := rotated(t, store, leads, nil, "", 1)
					made := proof.make(t, old)
					now := rotated(t, store, leads, nil, "", stage.keys...)
					want := error(nil)
					if !stage.good {
						want = recovery.ErrInvalidProof
					}
					wantErr(t, now.check(t.Context(), made), want)
					wantErr(t, now.reset(t.Context(), made, goodPassword), want)
					if !stage.good {
						return
					}
					// And what it used up is used up under the old key too.
					wantErr(t, old.reset(t.Context(), made, "another-fine-password"), recovery.ErrInvalidProof)
				})
			})
		}
	}
	// While the new key is the last one, what an instance that has moved it to
	// the front makes is good at those that have not.
	synctest.Test(t, func(t *testing.T) {
		store, leads := recovery.NewMemoryTokenStore(), newLeads()
		ahead, behind := rotated(t, store, leads, nil, "", 2, 1), rotated(t, store, leads, nil, "", 1, 2)
		for _, proof := range proofs {
			wantErr(t, behind.check(t.Context(), proof.make(t, ahead)), nil)
		}
		// RevokeTokens reaches what was made under either key.
		made := []recovery.Proof{proofs[0].make(t, ahead), proofs[0].make(t, behind)}
		if err := behind.RevokeTokens(t.Context(), johnID); err != nil {
			t.Fatal(err)
		}
		for _, p := range made {
			wantErr(t, ahead.check(t.Context(), p), recovery.ErrInvalidProof)
		}
	})
}

// A job outlives the rotation in its queue.
func TestJobsSurviveKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, leads := recovery.NewMemoryTokenStore(), newLeads()
		q := &heldQueue{}
		old := rotated(t, store, leads, q, "", 1)
		if _, err := old.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		jobs := q.take()
		gone := rotated(t, store, leads, q, "", 2)
		if err := gone.Perform(t.Context(), jobs[0]); err == nil || len(gone.outbox.Messages()) != 0 {
			t.Errorf("without the key: %v, want an error and no mail", err)
		}
		now := rotated(t, store, leads, q, "", 2, 1)
		_ = q.Enqueue(t.Context(), jobs[0])
		now.performAll(t, q)
		m := now.outbox.Messages()
		if len(m) != 1 {
			t.Fatalf("%d mails", len(m))
		}
		if err := now.reset(t.Context(), recovery.TokenProof(token(t, m[0])), goodPassword); err != nil {
			t.Error(err)
		}
	})
}

// A36: two Services on one store and with one key are strangers to each other
// if their prefixes differ.
func TestPrefixSeparatesServices_A36(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, leads := recovery.NewMemoryTokenStore(), newLeads()
		limiter := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		q := &heldQueue{}
		make := func(prefix string, queue recovery.Queue) *portal {
			return newPortal(t, func(p *portal, o *recovery.Options) {
				o.Prefix, p.tokens, p.leads.Leads, o.Limiter = prefix, store, leads, limiter
				o.Limits.Identifier = recovery.LimitPolicy{Limits: []recovery.Limit{{1, time.Hour}}}
				if queue != nil {
					o.Queue = queue
				}
			})
		}
		a, b, jobs := make("a", nil), make("b", nil), make("a", q)
		req := byMail(johnMail)
		req.Link = &recovery.Link{URL: "https://portal.example.com/reset", LeadIDParam: "LeadId", SecretParam: "s"}
		linkA := recovery.LinkSecretProof(johnID, linkParam(t, a.forgot(t, req), "s"))
		linkB := recovery.TokenProof(token(t, b.forgot(t, byMail(johnMail)))) // has a limit of its own
		wantErr(t, b.check(t.Context(), linkA), recovery.ErrInvalidProof)
		wantErr(t, a.check(t.Context(), linkB), recovery.ErrInvalidProof)
		if _, err := jobs.ForgotPassword(t.Context(), byMail("social@example.com")); err != nil {
			t.Fatal(err)
		}
		job := q.take()[0]
		if err := b.Perform(t.Context(), job); err == nil || len(b.outbox.Messages()) != 1 {
			t.Errorf("performed the job of another prefix: %v", err)
		}
		time.Sleep(16 * time.Minute)
		wantErr(t, b.Perform(t.Context(), job), recovery.ErrPermanent)
		// Revoking in one leaves the other's alone.
		if err := b.RevokeTokens(t.Context(), johnID); err != nil {
			t.Fatal(err)
		}
		wantErr(t, a.check(t.Context(), linkA), nil)
		wantErr(t, b.check(t.Context(), linkB), recovery.ErrInvalidProof)
		// The default is a prefix like any other.
		wantErr(t, make("", nil).check(t.Context(), linkA), recovery.ErrInvalidProof)
		wantErr(t, make("a", nil).check(t.Context(), linkA), nil)
	})
}

// A queue that cannot be started is an error of New.
func TestNewReportsAQueueThatDoesNotStart(t *testing.T) {
	q := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
	if err := q.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	opts := goodOptions()
	opts.Queue = q
	if s, err := recovery.New(newLeads(), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts); err == nil || s != nil {
		t.Errorf("%v, %v", s, err)
	}
}
