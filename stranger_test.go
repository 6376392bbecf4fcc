package recovery_test

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A stranger asks in John's name and takes every place in the second in which
// it opens.
type stranger struct {
	p         *portal
	requests  []recovery.ForgotRequest
	addresses int
	asked     int
	next      time.Time
	limiter   *waitLimiter
}

// A waitLimiter remembers for how long the limits on a person last refused.
type waitLimiter struct {
	recovery.Limiter
	wait time.Duration
}

func (l *waitLimiter) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	decisions, err := l.Limiter.Allow(ctx, requests...)
	for i, d := range decisions {
		if requests[i].ID != "" && !d.Allowed { // the requests of clients have no ID
			l.wait = max(l.wait, d.RetryAfter)
		}
	}
	return decisions, err
}

// askUntil has the stranger ask until the instant, and then sleeps until it.
func (s *stranger) askUntil(t testing.TB, end time.Time) {
	for s.next.Before(end) {
		time.Sleep(time.Until(s.next))
		var soonest time.Duration = time.Hour
		for _, req := range s.requests {
			s.asked++
			i := s.asked % s.addresses
			req.Requester.Client = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			s.limiter.wait = 0
			if _, err := s.p.ForgotPassword(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			settle()
			soonest = min(soonest, s.limiter.wait)
		}
		s.next = time.Now().Add(max(time.Second, soonest))
	}
	time.Sleep(time.Until(end))
}

// besideStranger has ask called at a random second of each of 72 hours, while a
// stranger asks all the time, and returns how often ask returned true.
func besideStranger(t *testing.T, addresses int, edit func(o *recovery.Options), requests []recovery.ForgotRequest, ask func(p *portal) bool) (p *portal, times int) {
	random := rand.New(rand.NewPCG(58, 72))
	limiter := &waitLimiter{Limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
	p = newPortal(t, func(_ *portal, o *recovery.Options) {
		o.Limits, o.Limiter = recovery.Limits{}, limiter
		if edit != nil {
			edit(o)
		}
	})
	began := time.Now()
	s := &stranger{p: p, requests: requests, addresses: addresses, next: began, limiter: limiter}
	for hour := range 72 {
		s.askUntil(t, began.Add(time.Duration(hour)*time.Hour+time.Duration(random.IntN(3600))*time.Second))
		if ask(p) {
			times++
		}
	}
	return p, times
}

// hasWorkingLink reports whether a link works that was sent to the address.
func hasWorkingLink(t testing.TB, p *portal, address string) bool {
	for _, m := range p.outbox.OfKind(recovery.MessageResetLink) {
		if m.To == address && m.Expires.After(time.Now()) && p.check(t.Context(), recovery.TokenProof(token(t, m))) == nil {
			return true
		}
	}
	return false
}

// askAs asks as the person does, and returns the handle of a code.
func askAs(t testing.TB, p *portal, req recovery.ForgotRequest, device string) (handle string) {
	t.Helper()
	req.Requester = recovery.Requester{Client: netip.MustParseAddr("192.0.2.7"), Device: device}
	result, err := p.ForgotPassword(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	settle()
	return result.Handle
}

// A58: whatever a stranger asks for, in step or out of step and from as many
// addresses as it likes, the person who asks has a link that works in the
// mailbox that links go to by default. Nobody gets more mail than is promised.
func TestAskingLocksNobodyOut_A58(t *testing.T) {
	same := byMail(johnMail)
	otherField, code, phone := same, same, same
	otherField.RecipientField = "mx_Alternate_Email"
	code.Code = true
	phone.RecipientField = "Phone"
	otherKey := recovery.ForgotRequest{Key: recovery.LeadKey{Field: "Username", Value: "John_Doe"}}
	for name, requests := range map[string][]recovery.ForgotRequest{
		"the same":              {same},
		"another address":       {otherField},
		"codes":                 {code},
		"a link by phone":       {phone},
		"by another identifier": {otherKey},
		"all of it":             {same, otherField, code, phone, otherKey},
	} {
		for _, addresses := range []int{1, 1000} {
			for _, ttl := range []time.Duration{time.Hour, 15 * time.Minute, 24 * time.Hour} {
				if len(requests) > 1 && addresses == 1 {
					continue // one address may not ask so often
				}
				t.Run(name+" with "+ttl.String(), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						p, times := besideStranger(t, addresses, func(o *recovery.Options) { o.Tokens.LinkTTL = ttl }, requests, func(p *portal) bool {
							askAs(t, p, same, "")
							return hasWorkingLink(t, p, johnMail)
						})
						if times != 72 {
							t.Errorf("the person had a working link in %d of 72 hours", times)
						}
						most := 10 + int(24*time.Hour/min(time.Hour, ttl))
						for _, kind := range []recovery.MessageKind{recovery.MessageResetLink, recovery.MessageResetCode} {
							first := p.outbox.Messages()[0].RequestedAt.Add(24 * time.Hour)
							got := 0
							for _, m := range p.outbox.OfKind(kind) {
								if m.To == johnMail && m.RequestedAt.Before(first) {
									got++
								}
							}
							if got > most {
								t.Errorf("%d mails of kind %s in a day, want at most %d", got, kind, most)
							}
						}
					})
				})
			}
		}
	}
}

// A58: if two fields have the same address, nobody can use its limit up without
// a link being sent there. The stranger has one of the limits on the lead and on
// the address refuse, and the other one count, by asking for both fields in turn
// and with two identifiers.
func TestTwoFieldsWithOneAddress_A58(t *testing.T) {
	same := byMail(johnMail)
	other := same
	other.RecipientField = "mx_Alternate_Email"
	otherByName := recovery.ForgotRequest{
		Key: recovery.LeadKey{Field: "Username", Value: "John_Doe"}, RecipientField: "mx_Alternate_Email",
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.Limits = recovery.Limits{}
			p.leads.Change(johnID, func(l *recovery.Lead) {
				l.Fields["mx_Alternate_Email"] = recovery.FieldValue{Value: johnMail, Verified: true}
			})
		})
		ask := func(req recovery.ForgotRequest, then time.Duration) {
			askAs(t, p, req, "")
			time.Sleep(then)
		}
		for range 12 { // the places of the first day
			ask(other, 12*time.Minute)
			ask(same, 12*time.Minute)
		}
		time.Sleep(time.Hour)
		ask(same, 30*time.Minute)
		ask(other, 30*time.Minute)
		times := 0
		for range 72 {
			ask(otherByName, 30*time.Minute)
			ask(other, 29*time.Minute)
			ask(same, 0) // the person
			if hasWorkingLink(t, p, johnMail) {
				times++
			}
			time.Sleep(time.Minute - time.Second)
		}
		if times != 72 {
			t.Errorf("the person had a working link in %d of 72 hours", times)
		}
	})
}

// A58: from a known device, a person also gets what goes elsewhere, and codes.
func TestKnownDevicesAreNeverLockedOut_A58(t *testing.T) {
	same := byMail(johnMail)
	code, phone, sms := same, same, same
	code.Code = true
	phone.RecipientField = "Phone"
	sms.RecipientField, sms.Code = "Phone", true
	codeWorks := func(t testing.TB, p *portal, handle string) bool {
		codes := p.outbox.OfKind(recovery.MessageResetCode)
		if len(codes) == 0 {
			return false
		}
		return p.check(t.Context(), recovery.CodeProof(same.Key, codes[len(codes)-1].Code.Reveal()).WithHandle(handle)) == nil
	}
	for name, req := range map[string]recovery.ForgotRequest{"codes by mail": code, "codes by phone": sms, "links by phone": phone} {
		t.Run(name, func(t *testing.T) {
			for _, known := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					device := ""
					_, times := besideStranger(t, 1000, nil, []recovery.ForgotRequest{req}, func(p *portal) bool {
						if known && device == "" {
							var err error
							if device, err = p.NewDevice(t.Context(), johnID, ""); err != nil {
								t.Fatal(err)
							}
						}
						before := len(p.outbox.Messages())
						handle := askAs(t, p, req, device)
						if len(p.outbox.Messages()) == before {
							return false
						}
						return req.Code && codeWorks(t, p, handle) || !req.Code && hasWorkingLink(t, p, johnPhone)
					})
					if known && times != 72 {
						t.Errorf("from a known device, it worked in %d of 72 hours", times)
					}
					if !known && times > 36 {
						t.Errorf("without a known device it worked in %d of 72 hours: the stranger does nothing", times)
					}
				})
			}
		})
	}
}

// A58: messages that say that nobody has the address take no place of the links
// that go to it. The lead has it in a field that is not searched.
func TestUnknownAddressLocksNobodyOut_A58(t *testing.T) {
	link := byMail(johnMail)
	link.RecipientField = "mx_Alternate_Email"
	synctest.Test(t, func(t *testing.T) {
		_, times := besideStranger(t, 1000, func(o *recovery.Options) { o.Messages.UnknownAddress = true },
			[]recovery.ForgotRequest{byMail(johnAlt)}, func(p *portal) bool {
				askAs(t, p, link, "")
				return hasWorkingLink(t, p, johnAlt)
			})
		if times != 72 {
			t.Errorf("the person had a working link in %d of 72 hours", times)
		}
	})
}

// A58: a thief of a known device's cookie, who uses up all that the devices of
// the lead have together by asking for what goes to the phone, takes nothing from
// the person. From a known device the usual mailbox has a working link at all
// times, as it has from any other.
func TestStolenDeviceLocksNobodyOut_A58(t *testing.T) {
	same := byMail(johnMail)
	code, link := same, same
	code.RecipientField, code.Code = "Phone", true
	link.RecipientField = "Phone"
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Limits = recovery.Limits{} })
		stolen, own := newDevice(t, p, johnID, ""), newDevice(t, p, johnID, "")
		random := rand.New(rand.NewPCG(58, 72))
		began, times := time.Now(), 0
		for hour := range 72 {
			// At the earliest, the person asks when the thief is done.
			at := time.Duration(600+random.IntN(3000)) * time.Second
			for range 5 {
				askAs(t, p, code, stolen)
				askAs(t, p, link, stolen)
				time.Sleep(time.Minute)
			}
			time.Sleep(time.Until(began.Add(time.Duration(hour)*time.Hour + at)))
			askAs(t, p, same, own)
			if hasWorkingLink(t, p, johnMail) {
				times++
			}
			time.Sleep(time.Until(began.Add(time.Duration(hour+1) * time.Hour)))
		}
		if times != 72 {
			t.Errorf("the person had a working link in %d of 72 hours", times)
		}
	})
}
