package loginradius_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

// dump returns everything that a client sees of an answer.
func (a answer) dump() string {
	var b strings.Builder
	fmt.Fprintln(&b, a.status)
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		if name != "Date" {
			fmt.Fprintln(&b, name, a.header[name])
		}
	}
	return b.String() + a.body
}

// TestForgotTellsNothing (A20, A21, A23, A26): status, headers and body are the
// same for every identifier and every outcome.
func TestForgotTellsNothing(t *testing.T) {
	identifiers := map[string][3]string{ // email, username, phone
		"known":      {"john@example.com", "john_doe", "+4915112345678"},
		"unknown":    {"nobody@example.com", "nobody", "+4915199999999"},
		"disabled":   {"disabled@example.com", "disabled", "+4915112345682"},
		"social":     {"social@example.com", "social", "+4915112345683"},
		"unverified": {"unverified@example.com", "unverified", "+4915112345684"},
	}
	endpoints := []struct {
		name, target, field string
		index               int
	}{
		{"e-mail link", pathPassword + "?apikey=" + apiKey, "email", 0},
		{"e-mail code", pathPassword + "?apikey=" + apiKey + "&emailtemplate=tpl-code", "email", 0},
		{"user name link", pathPassword + "?apikey=" + apiKey, "username", 1},
		{"user name code", pathPassword + "?apikey=" + apiKey + "&emailtemplate=tpl-code", "username", 1},
		{"phone code", pathOTP + "?apikey=" + apiKey, "phone", 2},
	}
	conditions := map[string]func(*site){
		"all well": func(*site) {},
		"delivery fails": func(s *site) {
			s.outbox.Intercept(func(context.Context, recovery.Message) error { return errors.New("550 no such mailbox") })
		},
		"user store down": func(s *site) { s.failFind(errors.New("down")) },
		"store ambiguous": func(s *site) { s.failFind(recovery.ErrLeadAmbiguous) },
		"tokens down":     func(s *site) { s.tokens.broken = true },
	}
	for _, e := range endpoints {
		t.Run(e.name, func(t *testing.T) {
			// Each has its own site with the default limits, because their
			// counters are part of the answer. The limit of the identifier
			// suppresses the second and third calls.
			var want [3]string
			for _, condition := range slices.Sorted(maps.Keys(conditions)) {
				for _, who := range slices.Sorted(maps.Keys(identifiers)) {
					s := newSite(t, func(o *recovery.Options) { o.Limits = recovery.Limits{} }, nil)
					conditions[condition](s)
					for i := range want {
						a := s.do("POST", e.target, fmt.Sprintf(`{%q:%q}`, e.field, identifiers[who][e.index]))
						a.wantPosted(t)
						got := withoutReset(a.dump())
						if want[i] == "" {
							want[i] = got
						}
						if got != want[i] {
							t.Errorf("%s, %s, call %d:\n%s\nwant\n%s", condition, who, i+1, got, want[i])
						}
						sent := s.deliver()
						if wantSent := condition == "all well" && who == "known" && i == 0; (len(sent) == 1) != wantSent {
							t.Errorf("%s, %s, call %d: sent %v", condition, who, i+1, sent)
						}
					}
				}
			}
		})
	}
}

// withoutReset removes the seconds until the window of a limit ends. They
// depend only on the clock.
func withoutReset(dump string) string {
	lines := strings.Split(dump, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "Ratelimit ") {
			parts := strings.Split(line, ";")
			lines[i] = strings.Join(slices.DeleteFunc(parts, func(p string) bool { return strings.HasPrefix(p, "t=") }), ";")
		}
	}
	return strings.Join(lines, "\n")
}

// TestResetTellsNothing (A24): there is one answer to every invalid token and
// one to every invalid code, for every identifier.
func TestResetTellsNothing(t *testing.T) {
	s := newSite(t, nil, nil)
	used := s.manage("", john).wantToken(t)
	s.reset(used).wantPosted(t)
	foreign := newSite(t, func(o *recovery.Options) { o.Prefix = "other" }, nil).manage("", john).wantToken(t)
	superseded := s.manage("", `{"Username":"user"}`).wantToken(t)
	s.leads.Touch("lead-user")
	disabled := s.manage("", `{"Username":"py"}`).wantToken(t)
	s.leads.SetStatus("lead-py", recovery.StatusDisabled)
	deleted := s.manage("", `{"Username":"gouser"}`).wantToken(t)
	s.leads.Remove("lead-gouser")

	want := ""
	for name, token := range map[string]string{
		"used": used, "foreign": foreign, "superseded": superseded, "disabled": disabled, "deleted": deleted,
		"tampered": used[:20] + "AAAA" + used[24:], "invented": "x",
	} {
		a := s.reset(token)
		a.wantFailure(t, 403, 1063, "")
		if got := withoutReset(a.dump()); want == "" {
			want = countless(got)
		} else if countless(got) != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}

	want = ""
	for _, body := range []string{
		`"email":"john@example.com"`, `"email":"nobody@example.com"`, `"email":"disabled@example.com"`,
		`"email":"social@example.com"`, `"username":"john_doe"`, `"username":"nobody"`,
	} {
		for _, code := range []string{"12345678", "1", "abcdefgh"} {
			a := s.do("PUT", pathReset+"?apikey="+apiKey, `{`+body+`,"otp":"`+code+`","password":"`+newPassword+`"}`)
			a.wantFailure(t, 403, 1185, "")
			if got := countless(withoutReset(a.dump())); want == "" {
				want = got
			} else if got != want {
				t.Errorf("%s with %s:\n%s\nwant\n%s", body, code, got, want)
			}
		}
	}
	for _, phone := range []string{"+4915112345678", "+4915199999999", "+4915112345682"} {
		a := s.do("PUT", pathOTP+"?apikey="+apiKey, `{"phone":"`+phone+`","otp":"12345678","password":"`+newPassword+`"}`)
		a.wantFailure(t, 403, 1185, "")
		if got := countless(withoutReset(a.dump())); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", phone, got, want)
		}
	}
}

// countless removes the number of remaining calls, which depends on how many
// calls the test has made.
func countless(dump string) string {
	lines := strings.Split(dump, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Ratelimit ") }), "\n")
}

// TestForgotDoesTheSameWork (A22): until the answer, the Service makes the same
// calls to its collaborators for a known and for an unknown identifier.
func TestForgotDoesTheSameWork(t *testing.T) {
	record := func(body string) []string {
		var calls []string
		s := newSite(t, func(o *recovery.Options) {
			o.Limiter = recordingLimiter{recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}), &calls}
		}, nil)
		s.do("POST", pathPassword+"?apikey="+apiKey, body).wantPosted(t)
		return append(calls, fmt.Sprintf("jobs %d, events %d", len(s.jobs.waiting), len(s.events)))
	}
	known, unknown := record(john), record(`{"email":"nobody@example.com"}`)
	if !slices.Equal(known, unknown) {
		t.Errorf("known: %v, unknown: %v", known, unknown)
	}
}

type recordingLimiter struct {
	recovery.Limiter
	calls *[]string
}

func (r recordingLimiter) Allow(ctx context.Context, takes ...recovery.LimitRequest) ([]recovery.Decision, error) {
	*r.calls = append(*r.calls, fmt.Sprintf("take %d", len(takes)))
	return r.Limiter.Allow(ctx, takes...)
}

// TestOnlyTheStoredAddressIsWrittenTo (A12): whatever the request says, mail is
// sent only to the address that is stored on the lead.
func TestOnlyTheStoredAddressIsWrittenTo(t *testing.T) {
	target := pathPassword + "?apikey=" + apiKey
	s := newSite(t, nil, nil)
	for _, email := range []string{
		`["john@example.com","evil@evil.com"]`, `{"0":"john@example.com"}`,
		`"john@example.com,evil@evil.com"`, `"john@example.com;evil@evil.com"`, `"john@example.com evil@evil.com"`,
		`"John <john@example.com>, evil@evil.com"`, `"john@example.com@evil.com"`, `"john@example.com\r\nBcc: evil@evil.com"`,
		`"john@example.com%0aevil@evil.com"`, `"\"john@example.com> ORCPT=a\"@evil.com"`, `"john\uff20example.com"`,
	} {
		a := s.do("POST", target, `{"email":`+email+`}`)
		a.wantFailure(t, 400, 908, "")
	}
	s.do("POST", target, `{"email":"john@example.com","Email":"evil@evil.com"}`).wantFailure(t, 400, 965, "")
	s.do("POST", target, `{"email":"john@example.com","email":"evil@evil.com"}`).wantFailure(t, 400, 965, "")
	s.quiet()
	for _, body := range []string{
		`{"email":"john@example.com","email[]":"evil@evil.com","recipient":"evil@evil.com","to":"evil@evil.com","cc":["evil@evil.com"]}`,
		`{"email":"JOHN@EXAMPLE.COM","recipientField":"mx_Other","phone":"+15550100"}`,
	} {
		s.do("POST", target+"&email=evil@evil.com&email[]=evil@evil.com&to=evil@evil.com", body).wantPosted(t)
		if m := s.one(); m.To != "john@example.com" {
			t.Errorf("sent to %s", m.To)
		}
	}
}

// Addresses with dots before the '@' and with letters outside ASCII get a link.
func TestAddressesThatExist(t *testing.T) {
	for _, address := range []string{"foo.@docomo.ne.jp", "a..b@docomo.ne.jp", "m\u00fcller@example.com"} {
		s := newSite(t, nil, nil)
		s.leads.Add(recovery.Lead{Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: address, Verified: true}}}, "")
		s.do("POST", pathPassword+"?apikey="+apiKey, `{"email":"`+address+`"}`).wantPosted(t)
		if m := s.one(); m.To != address {
			t.Errorf("sent to %q, want %q", m.To, address)
		}
	}
}

// TestMassAssignment (A65): other members in the body of a reset change
// nothing.
func TestMassAssignment(t *testing.T) {
	s := newSite(t, nil, func(a *loginradius.App) { a.DangerouslyAllowQuerySecret = true })
	before := s.lead("lead-john")
	token := s.manage("", john).wantToken(t)
	s.do("PUT", pathReset+"?apikey="+apiKey, `{"resettoken":"`+token+`","password":"`+newPassword+`",
		"IsActive":true,"Roles":["admin"],"Status":"active","Version":"1","EmailVerified":true,"PasswordHash":"x","Fields":{"EmailAddress":"evil@evil.com"}}`).wantPosted(t)
	after := s.lead("lead-john")
	if after.Status != before.Status || !maps.Equal(after.Fields, before.Fields) || s.leads.Hash("lead-john") != "hash of "+newPassword {
		t.Errorf("lead is %+v", after)
	}
}
