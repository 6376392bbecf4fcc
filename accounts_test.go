package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

const sharedMail = "family@example.com"

// family is a portal whose leads a, b and c share an address, and whose store finds
// all of them.
func family(t testing.TB, edit func(p *portal, o *recovery.Options)) *portal {
	return newPortal(t, func(p *portal, o *recovery.Options) {
		p.users = p.leads.Multi()
		o.SignInField, o.NotMe = "Username", recovery.Link{URL: "https://portal.example.com/not-me"}
		for _, name := range []string{"a", "b", "c"} {
			p.leads.Add(member(name), "")
		}
		if edit != nil {
			edit(p, o)
		}
	})
}

func member(name string) recovery.Lead {
	return recovery.Lead{ID: "lead-" + name, Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: sharedMail, Verified: true}, "Username": {Value: "user-" + name},
		"Phone": {Value: "+4930123456", Verified: true},
	}}
}

// namesOf are the accounts that a message names, in order.
func namesOf(m recovery.Message) (names []string) {
	for _, a := range m.Accounts {
		names = append(names, a.Account)
	}
	return names
}

// linkOf is the message about one account, as if it had come alone.
func linkOf(m recovery.Message, account string) recovery.Message {
	for _, a := range m.Accounts {
		if a.Account == account {
			m.URL = a.URL
		}
	}
	return m
}

// reasons are the reasons of suppressed messages, with the lead and the scope.
func (p *portal) reasons() (all []string) {
	for _, e := range p.events.of(recovery.EventMessageSuppressed) {
		all = append(all, strings.TrimSpace(fmt.Sprint(e.Reason, " ", e.LeadID, " ", e.Scope)))
	}
	return all
}

// A99: several accounts with one address get one message. Each link works for its own
// account, and once, and ends no other.
func TestAccountsShareOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := family(t, func(p *portal, _ *recovery.Options) {
			disabled := member("d")
			disabled.Status = recovery.StatusDisabled
			p.leads.Add(disabled, "")
		})
		m := p.forgot(t, byMail("Family@example.com"))
		if m.Kind != recovery.MessageResetLinks || m.To != sharedMail || m.LeadID != "" || !m.URL.IsZero() || m.Expires.IsZero() || m.Account != "" {
			t.Errorf("%v to %s for %q with %d accounts", m, m.To, m.LeadID, len(m.Accounts))
		}
		if got := namesOf(m); !slices.Equal(got, []string{"user-a", "user-b", "user-c"}) {
			t.Fatalf("it names %q", got)
		}
		var sent []string
		for _, e := range p.events.of(recovery.EventMessageSent) {
			sent = append(sent, e.LeadID)
		}
		if !slices.Equal(sent, []string{"lead-a", "lead-b", "lead-c"}) || !slices.Equal(p.reasons(), []string{"disabled lead-d"}) {
			t.Errorf("events: sent to %q, suppressed %q", sent, p.reasons())
		}
		for _, name := range []string{"b", "a", "c"} {
			proof := recovery.TokenProof(token(t, linkOf(m, "user-"+name)))
			got, err := p.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: proof})
			if err != nil || got.Account != "user-"+name {
				t.Fatalf("the link of %s is for %q: %v", name, got.Account, err)
			}
			if err := p.reset(t.Context(), proof, goodPassword); err != nil {
				t.Fatalf("the link of %s: %v", name, err)
			}
			if hash := p.leads.Hash("lead-" + name); hash != "fast:"+goodPassword {
				t.Errorf("the hash of %s is %q", name, hash)
			}
			wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
		}
		settle()
		if n := len(p.outbox.OfKind(recovery.MessagePasswordChanged)); n != 6 { // to the address and to the phone
			t.Errorf("%d notices", n)
		}
	})
}

// The whole way over the JSON API: the answer is that for everybody (A20), and each
// link resets its own account.
func TestAccountsOverTheAPI_A20(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := family(t, nil)
		h := p.Handler()
		shared, nobody := post(h, "/forgot-password", `{"email":"`+sharedMail+`"}`), post(h, "/forgot-password", `{"email":"nobody@example.com"}`)
		if a, b := limitFields.ReplaceAllString(answer(shared), ""), limitFields.ReplaceAllString(answer(nobody), ""); a != b || shared.Code != 202 {
			t.Errorf("%s\n%s", a, b)
		}
		settle()
		all := p.outbox.Messages()
		if len(all) != 1 || len(all[0].Accounts) != 3 {
			t.Fatalf("%d messages", len(all))
		}
		for _, a := range all[0].Accounts {
			body := `{"token":"` + token(t, linkOf(all[0], a.Account)) + `","password":"` + goodPassword + `"}`
			if w := post(h, "/reset-password", body); w.Code != 204 || p.leads.Hash(a.LeadID) != "fast:"+goodPassword {
				t.Errorf("%s: %s", a.Account, answer(w))
			}
		}
	})
}

// With one account that can be reset, the message is the usual one. With none, it is
// what one account would get.
func TestAccountsOfWhichFewAreAble(t *testing.T) {
	for name, tt := range map[string]struct {
		status  map[string]recovery.LeadStatus
		kind    recovery.MessageKind
		leadID  string
		reasons []string
	}{
		"one is active": {map[string]recovery.LeadStatus{"a": recovery.StatusDisabled, "b": recovery.StatusNoPassword}, recovery.MessageResetLink, "lead-c",
			[]string{"disabled lead-a", "no_password lead-b"}},
		"one has no password": {map[string]recovery.LeadStatus{"a": recovery.StatusDisabled, "b": recovery.StatusNoPassword, "c": recovery.StatusDisabled},
			recovery.MessageNoPassword, "lead-b", nil},
		"none": {map[string]recovery.LeadStatus{"a": recovery.StatusDisabled, "b": recovery.StatusDisabled, "c": recovery.StatusDisabled}, "", "", []string{"disabled lead-a"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := family(t, func(_ *portal, o *recovery.Options) { o.Messages.NoPassword, o.Messages.UnknownAddress = true, true })
				for id, status := range tt.status {
					p.leads.SetStatus("lead-"+id, status)
				}
				if tt.kind == "" {
					if _, err := p.ForgotPassword(t.Context(), byMail(sharedMail)); err != nil {
						t.Fatal(err)
					}
					settle()
				} else if m := p.forgot(t, byMail(sharedMail)); m.Kind != tt.kind || m.LeadID != tt.leadID || len(m.Accounts) > 0 {
					t.Errorf("%v for %q, want %s for %q", m, m.LeadID, tt.kind, tt.leadID)
				} else if tt.kind == recovery.MessageResetLink {
					if err := p.reset(t.Context(), recovery.TokenProof(token(t, m)), goodPassword); err != nil {
						t.Error(err)
					}
				}
				if got := p.reasons(); !slices.Equal(got, tt.reasons) {
					t.Errorf("suppressed: %q, want %q", got, tt.reasons)
				}
			})
		})
	}
}

// Where it is not certain whom a message is for, nobody gets one, the answer is that
// for nobody, and the event says so.
func TestAmbiguous_A20(t *testing.T) {
	phone := recovery.LeadKey{Field: "Phone", Value: "+4930123456"}
	for name, tt := range map[string]struct {
		edit func(p *portal, o *recovery.Options)
		req  recovery.ForgotRequest
	}{
		"a store that finds one": {func(p *portal, _ *recovery.Options) { p.users = nil }, byMail(sharedMail)},
		"a code":                 {nil, recovery.ForgotRequest{Key: phone, RecipientField: "Phone", Code: true}},
		"a link to a phone":      {nil, recovery.ForgotRequest{Key: phone, RecipientField: "Phone"}},
		"several addresses": {func(p *portal, _ *recovery.Options) { p.leads.SetValue("lead-a", "EmailAddress", "alone@example.com") },
			recovery.ForgotRequest{Key: phone}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := family(t, func(p *portal, o *recovery.Options) {
					o.Messages.UnknownAddress = true // it would say that there is no account
					if tt.edit != nil {
						tt.edit(p, o)
					}
				})
				_, err := p.ForgotPassword(t.Context(), tt.req)
				settle()
				if n := len(p.outbox.Messages()); err != nil || n != 0 {
					t.Errorf("%d messages, %v", n, err)
				}
				if got := p.reasons(); !slices.Equal(got, []string{"ambiguous"}) {
					t.Errorf("suppressed: %q", got)
				}
			})
		})
	}
	t.Run("issued", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := family(t, nil)
			_, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: phone, Requester: recovery.Requester{Caller: "crm"}})
			if !errors.Is(err, recovery.ErrLeadNotFound) || errors.Is(err, recovery.ErrLeadAmbiguous) || !slices.Equal(p.reasons(), []string{"ambiguous"}) {
				t.Errorf("%v, suppressed: %q", err, p.reasons())
			}
			wantErr(t, p.check(t.Context(), recovery.CodeProof(phone, "12345678")), recovery.ErrInvalidProof)
		})
	})
}

// A message goes to the address that was asked for. Who has another one there is
// left out.
func TestAccountsOfTheAddressThatWasAsked_A81(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := family(t, nil)
		p.leads.SetValue("lead-a", "mx_Alternate_Email", "thief@example.com")
		p.leads.SetValue("lead-b", "mx_Alternate_Email", sharedMail)
		p.leads.SetValue("lead-c", "mx_Alternate_Email", sharedMail)
		req := byMail(sharedMail)
		req.RecipientField = "mx_Alternate_Email"
		m := p.forgot(t, req)
		if m.To != sharedMail || !slices.Equal(namesOf(m), []string{"user-b", "user-c"}) || !slices.Equal(p.reasons(), []string{"no_verified_recipient lead-a"}) {
			t.Errorf("to %s, naming %q, suppressed %q", m.To, namesOf(m), p.reasons())
		}
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, linkOf(m, "user-c"))), goodPassword); err != nil {
			t.Error(err)
		}
	})
}

// A repeated attempt sends the same links, and no link has the secret of another:
// all are derived under the keys of the job.
func TestAccountsGetTheSameLinksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []recovery.Message
		p := family(t, func(p *portal, o *recovery.Options) {
			o.Link = recovery.Link{URL: "https://portal.example.com/reset", LeadIDParam: "LeadId", SecretParam: "Auth"}
			p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
				if seen = append(seen, m); len(seen) < 3 {
					return errors.New("451 later")
				}
				return nil
			})
		})
		if _, err := p.ForgotPassword(t.Context(), byMail(sharedMail)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(seen) != 3 {
			t.Fatalf("%d attempts", len(seen))
		}
		secrets := map[string]bool{}
		for i, a := range seen[0].Accounts {
			secret := linkParam(t, linkOf(seen[0], a.Account), "Auth")
			secrets[secret] = true
			for _, m := range seen[1:] {
				if !m.Accounts[i].URL.Equal(a.URL) || m.ID != seen[0].ID {
					t.Errorf("the link of %s is another one in a later attempt", a.Account)
				}
			}
			for _, b := range seen[0].Accounts {
				err := p.check(t.Context(), recovery.LinkSecretProof(b.LeadID, secret))
				if (err == nil) != (a.LeadID == b.LeadID) {
					t.Errorf("the secret of %s for %s: %v", a.Account, b.Account, err)
				}
			}
		}
		if len(secrets) != 3 {
			t.Errorf("%d secrets for 3 accounts", len(secrets))
		}
	})
}

// A link that was used before the attempt is repeated does not come again.
func TestUsedLinkOfAnAccountStaysUsed_A33(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := &heldQueue{}
		p := family(t, func(_ *portal, o *recovery.Options) { o.Queue = queue })
		if _, err := p.ForgotPassword(t.Context(), byMail(sharedMail)); err != nil {
			t.Fatal(err)
		}
		if err := p.Perform(t.Context(), queue.take()[0]); err != nil {
			t.Fatal(err)
		}
		send := queue.take()[0]
		for i, want := range [][]string{{"user-a", "user-b", "user-c"}, {"user-b", "user-c"}, nil, {}} {
			before := len(p.outbox.Messages())
			if err := p.Perform(t.Context(), send); err != nil {
				t.Fatal(err)
			}
			all := p.outbox.Messages()[before:]
			switch {
			case i == 3:
				if len(all) != 0 {
					t.Errorf("attempt %d sends %v", i, all)
				}
				continue
			case len(all) != 1:
				t.Fatalf("attempt %d sends %d messages", i, len(all))
			case i == 2: // one is left
				if all[0].Kind != recovery.MessageResetLink || all[0].LeadID != "lead-c" {
					t.Errorf("attempt %d: %v for %s", i, all[0], all[0].LeadID)
				}
			case !slices.Equal(namesOf(all[0]), want):
				t.Errorf("attempt %d names %q", i, namesOf(all[0]))
			}
			m := all[0]
			if i < 2 {
				m = linkOf(m, want[0])
			}
			if err := p.reset(t.Context(), recovery.TokenProof(token(t, m)), goodPassword); err != nil {
				t.Fatal(err)
			}
			queue.take() // the notices
		}
	})
}

// A58: who asks for one account often leaves the others what they have. Each limit
// counts a message for several accounts once.
func TestAccountsHaveTheirOwnLimits_A58(t *testing.T) {
	two := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: 24 * time.Hour}}}
	byName := recovery.ForgotRequest{Key: recovery.LeadKey{Field: "Username", Value: "user-b"}}
	t.Run("lead", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := family(t, func(_ *portal, o *recovery.Options) { o.Limits.Lead = two })
			p.forgot(t, byName)
			if m := p.forgot(t, byMail(sharedMail)); len(m.Accounts) != 3 {
				t.Errorf("it names %q", namesOf(m))
			}
			if m := p.forgot(t, byMail(sharedMail)); !slices.Equal(namesOf(m), []string{"user-a", "user-c"}) {
				t.Errorf("it names %q, want all but the one that was asked for twice", namesOf(m))
			}
			if got := p.reasons(); !slices.Equal(got, []string{"rate_limited lead-b lead"}) {
				t.Errorf("suppressed: %q", got)
			}
			if _, err := p.ForgotPassword(t.Context(), byMail(sharedMail)); err != nil {
				t.Fatal(err)
			}
			settle()
			if got := p.reasons(); !slices.Equal(got[1:], []string{"rate_limited  lead"}) {
				t.Errorf("suppressed: %q", got)
			}
		})
	})
	for scope, limit := range map[recovery.LimitScope]func(*recovery.Limits){
		recovery.ScopeIdentifier: func(l *recovery.Limits) { l.Identifier = two },
		recovery.ScopeRecipient:  func(l *recovery.Limits) { l.Recipient = two },
		recovery.ScopeBudget:     func(l *recovery.Limits) { l.EmailBudget = two },
	} {
		t.Run(string(scope), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := family(t, func(_ *portal, o *recovery.Options) { limit(&o.Limits) })
				p.forgot(t, byMail(sharedMail))
				p.forgot(t, byMail(sharedMail))
				if _, err := p.ForgotPassword(t.Context(), byMail(sharedMail)); err != nil {
					t.Fatal(err)
				}
				settle()
				if got := p.reasons(); !slices.Equal(got, []string{"rate_limited  " + string(scope)}) {
					t.Errorf("suppressed: %q", got)
				}
			})
		})
	}
}

// A58: a known device frees its own account from the limits of strangers, and no
// other.
func TestKnownDeviceOfOneAccount_A58(t *testing.T) {
	once := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 24 * time.Hour}}}
	synctest.Test(t, func(t *testing.T) {
		p := family(t, func(_ *portal, o *recovery.Options) {
			o.Limits.Lead, o.Limits.Recipient, o.Limits.Identifier = once, once, once
		})
		p.forgot(t, byMail(sharedMail)) // a stranger
		req := byMail(sharedMail)
		req.Requester.Device = newDevice(t, p, "lead-b", "")
		if m := p.forgot(t, req); m.Kind != recovery.MessageResetLink || m.LeadID != "lead-b" {
			t.Errorf("%v for %s, naming %q", m, m.LeadID, namesOf(m))
		}
	})
}

// A96, A95: an address that several have costs the public queue what one costs that
// nobody has: one question to the store, and one job more only in the other queue.
func TestAccountsCostTheSame_A96(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := family(t, nil)
		finds := func(address string) int {
			before := p.leads.Finds()
			if _, err := p.ForgotPassword(t.Context(), byMail(address)); err != nil {
				t.Fatal(err)
			}
			settle()
			return p.leads.Finds() - before
		}
		// Each is asked for once in the public queue, and whoever exists once more
		// where the public has no access.
		for address, want := range map[string]int{"nobody@example.com": 1, johnMail: 2, sharedMail: 2} {
			if got := finds(address); got != want {
				t.Errorf("%s: %d questions, want %d", address, got, want)
			}
		}
	})
}

// A10: a store that finds more than what has the value names nobody else.
func TestAccountsAreChecked_A10(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := family(t, nil)
		p.leads.SetHooks(recoverytest.LeadsHooks{AfterFind: func(_ context.Context, key recovery.LeadKey, lead recovery.Lead) (recovery.Lead, error) {
			switch lead.ID {
			case "lead-a":
				lead.Fields["EmailAddress"] = recovery.FieldValue{Value: "fam\u0131ly@example.com", Verified: true}
			case "lead-c":
				if key.Field != recovery.LeadIDField {
					lead.ID = "lead-b" // twice, as a join may find it
				}
			}
			return lead, nil
		}})
		if m := p.forgot(t, byMail(sharedMail)); m.Kind != recovery.MessageResetLink || m.LeadID != "lead-b" {
			t.Errorf("%v for %s, naming %q", m, m.LeadID, namesOf(m))
		}
		if len(p.events.of(recovery.EventWrongRecord)) == 0 {
			t.Error("nobody was told of the wrong lead")
		}
	})
}

// A message names eight accounts at most. The IDs of that many, each as long as a
// UUID, have room in the link "this was not me".
func TestAtMostEightAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := family(t, func(p *portal, _ *recovery.Options) {
			for i, name := range strings.Split("d e f g h i j k", " ") {
				lead := member(name)
				lead.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
				p.leads.Add(lead, "")
			}
		})
		if m := p.forgot(t, byMail(sharedMail)); len(m.Accounts) != 8 || m.NotMe.IsZero() {
			t.Errorf("it names %q", namesOf(m))
		}
	})
}

// "This was not me" in a message for several accounts ends the links of all of them,
// also if the store fails at first, and nothing else.
func TestNotMeOfSeveralAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := family(t, nil)
		john := p.forgot(t, byMail(johnMail))
		m := p.forgot(t, byMail(sharedMail))
		req := recovery.NotMeRequest{Token: notMe(t, m)}
		for range 2 { // looking changes nothing
			if got, err := p.CheckNotMe(t.Context(), req); err != nil || got.Message != recovery.MessageResetLinks {
				t.Fatalf("%s, %v", got.Message, err)
			}
		}
		if err := p.check(t.Context(), recovery.TokenProof(token(t, linkOf(m, "user-b")))); err != nil {
			t.Fatal(err)
		}
		if _, err := p.NotMe(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		settle()
		for _, a := range m.Accounts {
			wantErr(t, p.check(t.Context(), recovery.TokenProof(token(t, linkOf(m, a.Account)))), recovery.ErrInvalidProof)
		}
		if err := p.check(t.Context(), recovery.TokenProof(token(t, john))); err != nil {
			t.Errorf("somebody else's link: %v", err)
		}
		told := p.events.of(recovery.EventNotMe)
		if len(told) != 3 || len(p.ended) != 0 {
			t.Errorf("%d events, %d sessions ended", len(told), len(p.ended))
		}
		// A second click, hours later, does not end what was asked for since.
		again := p.forgot(t, byMail(sharedMail))
		if _, err := p.NotMe(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if err := p.check(t.Context(), recovery.TokenProof(token(t, linkOf(again, "user-a")))); err != nil {
			t.Errorf("a second click: %v", err)
		}
	})
}

// IDs that are too long for one link leave the message without it.
func TestNotMeOfLongIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := family(t, func(p *portal, _ *recovery.Options) {
			for _, name := range []string{"x", "y", "z"} {
				lead := member(name)
				lead.ID = strings.Repeat(name, 256)
				p.leads.Add(lead, "")
			}
		})
		if m := p.forgot(t, byMail(sharedMail)); len(m.Accounts) != 6 || !m.NotMe.IsZero() {
			t.Errorf("it names %q, with a link \"not me\": %v", namesOf(m), !m.NotMe.IsZero())
		}
	})
}

// An instance of an earlier version beside this one, or one whose store finds one
// lead only, sends nothing for a job of this one. A job of an earlier version is the
// same, so this one shares its message.
func TestAccountsInMixedVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queues := [2]*heldQueue{{}, {}}
		newer := family(t, func(_ *portal, o *recovery.Options) { o.Queue = queues[0] })
		older := family(t, func(p *portal, o *recovery.Options) { p.users, o.Queue = nil, queues[1] })
		for _, from := range []*portal{newer, older} {
			if _, err := from.ForgotPassword(t.Context(), byMail(sharedMail)); err != nil {
				t.Fatal(err)
			}
		}
		made := [2]recovery.Job{queues[0].take()[0], queues[1].take()[0]}
		if err := older.Perform(t.Context(), made[0]); err != nil {
			t.Fatal(err)
		}
		if n := len(older.outbox.Messages()); n != 0 || !slices.Equal(older.reasons(), []string{"ambiguous"}) {
			t.Errorf("%d messages, suppressed %q", n, older.reasons())
		}
		if err := newer.Perform(t.Context(), made[1]); err != nil {
			t.Fatal(err)
		}
		if err := newer.Perform(t.Context(), queues[0].take()[0]); err != nil {
			t.Fatal(err)
		}
		if all := newer.outbox.Messages(); len(all) != 1 || len(all[0].Accounts) != 3 {
			t.Errorf("%d messages", len(all))
		}
	})
}

// A39: no link and no name of an account reaches a log or an event, also if a server
// quotes all of them.
func TestLinksOfAccountsStaySecret_A39(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		var sent recovery.Message
		p := family(t, func(p *portal, o *recovery.Options) {
			o.Events = func(_ context.Context, e recovery.Event) { out.add(e, e.Cause) }
			o.Queue = sunkQueue{recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}), out}
			o.DeliveryQueue = sunkQueue{recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}), out}
			p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
				sent = m
				out.add(m, m.Accounts)
				text := "554 refused:"
				for _, a := range m.Accounts {
					text += fmt.Sprintf(" %s <a href=%q>", a.Account, a.URL.Reveal())
				}
				return errors.New(text)
			})
		})
		if _, err := p.ForgotPassword(t.Context(), byMail(sharedMail)); err != nil {
			t.Fatal(err)
		}
		settle()
		all := out.String() + p.log.String()
		if len(sent.Accounts) != 3 || !strings.Contains(all, "554 refused") {
			t.Fatalf("%d accounts: %s", len(sent.Accounts), p.log)
		}
		for _, a := range sent.Accounts {
			for _, secret := range []string{a.Account, token(t, linkOf(sent, a.Account))} {
				if strings.Contains(all, secret) {
					t.Errorf("%q is in what is stored, told or logged", secret)
				}
			}
		}
	})
}
