package recovery_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A15: spellings of one account share one quota, whichever identifier they
// spell; and spellings of nobody look the same from outside.
func TestSpellingsShareOneQuota_A15(t *testing.T) {
	spell := func(local string, i int) string {
		b := []byte(local + "@example.com")
		for j := range b {
			if i>>(j%7)&1 == 1 && 'a' <= b[j] && b[j] <= 'z' {
				b[j] -= 'a' - 'A'
			}
		}
		return strings.Repeat(" ", i%4) + string(b) + strings.Repeat(" ", i%3)
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Limits.Identifier, o.Limits.Lead, o.Limits.Recipient = recovery.LimitPolicy{}, recovery.LimitPolicy{}, recovery.LimitPolicy{}
		})
		h := p.Handler()
		answers := map[string]int{}
		for i := range 100 {
			bodies := []string{
				fmt.Sprintf(`{"email":%q}`, spell("johnwick", i)),
				fmt.Sprintf(`{"email":%q}`, spell("nobody", i)),
			}
			switch i % 10 {
			case 1:
				bodies = append(bodies, `{"identifier":{"field":"Username","value":"JOHN_doe"}}`)
			case 2:
				bodies = append(bodies, `{"identifier":{"field":"Phone","value":"+1 (415) 741-5569"}}`)
			}
			for j, body := range bodies {
				addr := netip.AddrFrom4([4]byte{198, 51, byte(j), byte(i)})
				answers[answer(post(h, "/forgot-password", body, from(addr.String())))]++
			}
		}
		settle()
		if len(answers) != 1 {
			t.Errorf("%d different answers: %v", len(answers), answers)
		}
		if n := len(p.outbox.Messages()); n != 1 {
			t.Errorf("%d mails, want 1", n)
		}
	})
}

// A50: an address in a header is believed only from a trusted proxy, and only
// as far as trusted proxies vouch for it.
func TestForwardedAddresses_A50(t *testing.T) {
	xff := func(values ...string) func(*http.Request) { return header("X-Forwarded-For", values...) }
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := []struct {
		sentence string
		proxies  []netip.Prefix
		peer     string
		edit     func(i int) func(*http.Request) // of the i-th request
		admitted int                             // of 40
	}{
		{"a random address in the header, no proxies", nil, "192.0.2.1", func(i int) func(*http.Request) { return xff(fmt.Sprintf("203.0.113.%d", i)) }, 30},
		{"other headers that proxies use", nil, "192.0.2.1", func(i int) func(*http.Request) {
			name := []string{"X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Forwarded"}[i%6]
			return header(name, fmt.Sprintf("203.0.113.%d", i))
		}, 30},
		{"the same headers by way of a proxy", proxies, "10.0.0.1", func(i int) func(*http.Request) {
			return func(r *http.Request) {
				xff("192.0.2.1")(r)
				header([]string{"X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"}[i%4], fmt.Sprintf("203.0.113.%d", i))(r)
			}
		}, 30},
		{"a header from a peer that is no proxy", proxies, "192.0.2.1", func(i int) func(*http.Request) { return xff(fmt.Sprintf("203.0.113.%d", i)) }, 30},
		{"40 clients of one proxy", proxies, "10.0.0.1", func(i int) func(*http.Request) { return xff(fmt.Sprintf("203.0.113.%d", i)) }, 40},
		{"one client that spoofs the left end", proxies, "10.0.0.1", func(i int) func(*http.Request) {
			return xff(fmt.Sprintf("203.0.113.%d, 192.0.2.1", i))
		}, 30},
		{"one client that spoofs trusted hops on the left", proxies, "10.0.0.1", func(i int) func(*http.Request) {
			return xff(fmt.Sprintf("203.0.113.%d, 10.9.9.9, 192.0.2.1, 10.0.0.2", i))
		}, 30},
		{"one client whose lines a proxy kept", proxies, "10.0.0.1", func(i int) func(*http.Request) {
			return xff(fmt.Sprintf("203.0.113.%d", i), "192.0.2.1, 10.0.0.2")
		}, 30},
		{"one client, with a port of its own each time", proxies, "10.0.0.1", func(i int) func(*http.Request) {
			return xff(fmt.Sprintf("192.0.2.1:%d", 1024+i))
		}, 30},
		{"garbage is one client", proxies, "10.0.0.1", func(i int) func(*http.Request) {
			return xff([]string{"unknown", "_hidden", "192.0.2.256", "010.0.0.1", "1.2.3", "::g", strings.Repeat("x", 200), "\x00"}[i%8])
		}, 30},
		{"nothing but proxies is the first of them", proxies, "10.0.0.1", func(int) func(*http.Request) { return xff("10.0.0.7, fd00::1") }, 30},
		{"more hops than anybody has", proxies, "10.0.0.1", func(i int) func(*http.Request) {
			return xff(fmt.Sprintf("203.0.113.%d", i) + strings.Repeat(", 10.0.0.2", 40))
		}, 30},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, func(_ *portal, o *recovery.Options) {
					o.Limits.ClientForgot = recovery.LimitPolicy{}
					o.ClientAddress.TrustedProxies = test.proxies
				})
				h := p.Handler()
				n := 0
				for i := range 40 {
					if post(h, "/forgot-password", `{"email":"nobody@example.com"}`, from(test.peer), test.edit(i)).Code == http.StatusAccepted {
						n++
					}
				}
				if n != test.admitted {
					t.Errorf("%d of 40 were admitted, want %d", n, test.admitted)
				}
			})
		})
	}
}

// A51: a client is an IPv4 address or an IPv6 /64, however it is written.
func TestWhatOneClientIs_A51(t *testing.T) {
	tests := []struct {
		sentence string
		prefix   int
		a, b     string
		same     bool
	}{
		{"two IPv4 addresses side by side", 0, "192.0.2.1", "192.0.2.2", false},
		{"an IPv4 address mapped into IPv6", 0, "192.0.2.1", "::ffff:192.0.2.1", true},
		{"two mapped IPv4 addresses", 0, "::ffff:192.0.2.2", "::ffff:192.0.2.1", false},
		{"two addresses of one /64", 0, "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"two neighbouring /64", 0, "2001:db8:0:0::1", "2001:db8:0:1::1", false},
		{"two neighbouring /64 of one /56, counted by /56", 56, "2001:db8:0:0::1", "2001:db8:0:1::1", true},
		{"two /56, counted by /56", 56, "2001:db8:0:0::1", "2001:db8:0:100::1", false},
		{"a zone", 0, "fe80::1%eth0", "fe80::1%eth1", true},
		{"an IPv4 address behind NAT64", 0, "192.0.2.1", "64:ff9b::192.0.2.1", true},
		{"two IPv4 addresses behind NAT64", 0, "64:ff9b::192.0.2.2", "64:ff9b::192.0.2.1", false},
		{"two IPv4 addresses behind NAT64 with a local prefix", 0, "64:ff9b:1::192.0.2.2", "64:ff9b:1::192.0.2.1", false},
		{"two networks of one 6to4 site", 0, "2002:c000:201:1::1", "2002:c000:201:2::1", true},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, func(_ *portal, o *recovery.Options) {
					o.Limits.ClientForgot = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}
					o.ClientAddress.IPv6Prefix = test.prefix
				})
				h := p.Handler()
				for i, addr := range []string{test.a, test.b} {
					want := http.StatusAccepted
					if i == 1 && test.same {
						want = http.StatusTooManyRequests
					}
					if w := post(h, "/forgot-password", `{"email":"nobody@example.com"}`, from(addr)); w.Code != want {
						t.Errorf("%s: %d, want %d", addr, w.Code, want)
					}
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p := limitedPortal(t, func(l *recovery.Limits) { l.ClientForgot = recovery.LimitPolicy{} })
		h := p.Handler()
		n := 0
		for range 5 {
			for _, peer := range []string{"@", "", "/run/a.sock", "host:80", "1.2.3.4.5:1", "[::g]:1", "192.0.2.01:1"} {
				if post(h, "/forgot-password", `{"email":"nobody@example.com"}`, func(r *http.Request) { r.RemoteAddr = peer }).Code == http.StatusAccepted {
					n++
				}
			}
		}
		if n != 30 {
			t.Errorf("%d of 35 requests by peers without an address were admitted, want 30: they share one quota", n)
		}
	})
}

// A52: an operation is limited by what it is, whatever path leads to it.
func TestPathsAreNoWayAroundTheLimit_A52(t *testing.T) {
	paths := []string{
		"/forgot-password", "//forgot-password", "/%66orgot-password", "/forgot-password/", "/./forgot-password",
		"/x/../forgot-password", "/forgot-password?x=1", "/FORGOT-PASSWORD", "/forgot-password;x=1",
		"/forgot-password%00", "/forgot%2dpassword", "/forgot-password%2f", "http://evil.example/forgot-password",
	}
	for _, mount := range []struct {
		sentence string
		wrap     func(h http.Handler) http.Handler
		prefix   string
	}{
		{"at the root", func(h http.Handler) http.Handler { return h }, ""},
		{"in a ServeMux", func(h http.Handler) http.Handler { m := http.NewServeMux(); m.Handle("/", h); return m }, ""},
		{"in a ServeMux, behind StripPrefix", func(h http.Handler) http.Handler {
			m := http.NewServeMux()
			m.Handle("/api/", http.StripPrefix("/api", h))
			return m
		}, "/api"},
	} {
		t.Run(mount.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := limitedPortal(t, func(l *recovery.Limits) { l.ClientForgot = recovery.LimitPolicy{} })
				h := mount.wrap(p.Handler())
				n := 0
				for range 10 {
					for _, path := range paths {
						if strings.HasPrefix(path, "/") {
							path = mount.prefix + path
						}
						switch w := post(h, path, `{"email":"johnwick@example.com"}`); w.Code {
						case http.StatusAccepted:
							n++
						case http.StatusNotFound, http.StatusTooManyRequests, http.StatusTemporaryRedirect, http.StatusMovedPermanently:
						default:
							t.Errorf("%s: %d", path, w.Code)
						}
					}
				}
				settle()
				if mails := len(p.outbox.Messages()); n != 30 || mails != 30 {
					t.Errorf("%d requests were admitted and %d mails sent, want 30", n, mails)
				}
			})
		})
	}
}

// A54: a place is taken before the mail is sent, so requests that race send as
// many mails as one after the other.
func TestParallelRequestsSendTheLimitsMails_A54(t *testing.T) {
	for _, n := range []int{1, 3, 7} {
		for _, tier := range []struct {
			sentence string
			set      func(l *recovery.Limits, t recovery.LimitPolicy)
		}{
			{"identifier", func(l *recovery.Limits, t recovery.LimitPolicy) { l.Identifier = t }},
			{"lead", func(l *recovery.Limits, t recovery.LimitPolicy) { l.Lead = t }},
			{"recipient", func(l *recovery.Limits, t recovery.LimitPolicy) { l.Recipient = t }},
			{"budget", func(l *recovery.Limits, t recovery.LimitPolicy) { l.EmailBudget = t }},
			{"client", func(l *recovery.Limits, t recovery.LimitPolicy) { l.ClientForgot = t }},
		} {
			t.Run(fmt.Sprintf("%d by the %s's tier", n, tier.sentence), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := limitedPortal(t, func(l *recovery.Limits) {
						tier.set(l, recovery.LimitPolicy{Limits: []recovery.Limit{{N: n, Window: time.Hour}}})
					})
					h := p.Handler()
					var wg sync.WaitGroup
					start := make(chan struct{})
					for range 200 {
						wg.Go(func() {
							<-start
							post(h, "/forgot-password", `{"email":"johnwick@example.com"}`)
						})
					}
					close(start)
					wg.Wait()
					settle()
					if got := len(p.outbox.Messages()); got != n {
						t.Errorf("%d mails, want exactly %d", got, n)
					}
				})
			})
		}
	}
}

// A55: what counts tries is not set back by a success.
func TestSuccessResetsNoCounter_A55(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limitedPortal(t, func(l *recovery.Limits) {
			l.ClientReset, l.ClientCheck = recovery.LimitPolicy{}, recovery.LimitPolicy{}
		})
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		o := client("192.0.2.1")
		try := func(proof recovery.Proof) error {
			_, err := p.ResetPassword(t.Context(), recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(goodPassword), Requester: o})
			return err
		}
		for i := range 10 {
			if i == 5 { // their own account, in between
				if err := try(proof); err != nil {
					t.Fatal(err)
				}
				continue
			}
			wantErr(t, try(recovery.TokenProof("AAAA")), recovery.ErrInvalidProof)
		}
		if admitted(t, try(recovery.TokenProof("AAAA"))) {
			t.Error("the success gave further tries")
		}
	})
}

// A56: who is bombed gets as much mail as their quota, whoever asks.
func TestMailBombing_A56(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.Limits = recovery.Limits{}
			o.Limits.Caller = recovery.LimitPolicy{}
			for _, name := range []string{"twin", "third"} {
				l := lead(name, recovery.StatusActive)
				l.Fields["EmailAddress"] = recovery.FieldValue{Value: "Victim@Example.com", Verified: true}
				l.Fields["Username"] = recovery.FieldValue{Value: name}
				p.leads.Add(l, "")
			}
		})
		h := p.Handler()
		answers := map[string]int{}
		bomb := func(body string, n int, net byte) {
			for i := range n {
				addr := netip.AddrFrom4([4]byte{net, 51, byte(i >> 8), byte(i)})
				answers[answer(post(h, "/forgot-password", body, from(addr.String())))]++
			}
		}
		begin := time.Now()
		bomb(`{"email":"johnwick@example.com"}`, 1000, 198)
		settle()
		if n := len(p.outbox.Messages()); n != 1 {
			t.Errorf("%d mails of 1,000 requests at once, want 1", n)
		}
		// Two leads with one address have one quota.
		bomb(`{"identifier":{"field":"Username","value":"twin"}}`, 100, 199)
		bomb(`{"identifier":{"field":"Username","value":"third"}}`, 100, 200)
		settle()
		if n := len(p.outbox.Messages()); n != 2 {
			t.Errorf("%d mails, want one more for two leads with one address", n-1)
		}
		if len(answers) != 1 {
			t.Errorf("%d different answers: %v", len(answers), answers)
		}
		// A day of it: ten, and one an hour.
		for range 24*60 - 1 {
			time.Sleep(time.Minute)
			bomb(`{"email":"johnwick@example.com"}`, 1, 201)
		}
		settle()
		model := slidingLog{tier: recovery.DefaultLimits().Lead}
		for i := range 24 * 60 {
			model.take(begin.Add(time.Duration(i) * time.Minute))
		}
		mails := len(slices.DeleteFunc(p.outbox.Messages(), func(m recovery.Message) bool { return m.LeadID != johnID }))
		// Jobs start after a random pause, which moves some by a minute or so.
		if most := len(model.calls) + 1; mails > most || mails < most/2 {
			t.Errorf("%d mails in a day, want about %d", mails, len(model.calls))
		}
		t.Logf("%d mails in a day of one request a minute", mails)
	})
}

// A58: whoever uses up a victim's quota takes nothing from the victim: the
// links that were delivered work, and after the tenth there is one an hour, so
// that by the time the last link has died there is a new one.
func TestExhaustedQuotaLocksNobodyOut_A58(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &heldQueue{}
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Queue = q
			o.Limits.Identifier, o.Limits.Lead, o.Limits.Recipient = recovery.LimitPolicy{}, recovery.LimitPolicy{}, recovery.LimitPolicy{}
		})
		ask := func() int {
			if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
				t.Fatal(err)
			}
			return p.performAll(t, q)
		}
		// Ten links as fast as the limits let an attacker have them.
		begin := time.Now()
		for len(p.outbox.Messages()) < 10 {
			ask()
			time.Sleep(time.Minute)
		}
		if d := time.Since(begin); d > 2*time.Hour {
			t.Fatalf("ten links took %v", d)
		}
		last := begin
		for range 36 * 60 { // and on asking every minute for 36 h
			if ask() == 1 {
				if gap := time.Since(last); len(p.outbox.Messages()) > 11 && gap != time.Hour {
					t.Fatalf("%v between two links, want 1h", gap)
				}
				last = time.Now()
			}
			// The victim, at any time, has a link that works.
			all := p.outbox.Messages()
			live := 0
			for _, m := range all[max(0, len(all)-3):] {
				if p.check(t.Context(), recovery.TokenProof(token(t, m))) == nil {
					live++
				}
			}
			if live == 0 && time.Since(last) < time.Hour {
				t.Fatalf("no link works %v after the last", time.Since(last))
			}
			time.Sleep(time.Minute)
		}
		all := p.outbox.Messages()
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, all[len(all)-1])), goodPassword); err != nil {
			t.Errorf("the last link: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		// A link that was delivered survives any number of requests after it.
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Limits.Identifier, o.Limits.Lead, o.Limits.Recipient = recovery.LimitPolicy{}, recovery.LimitPolicy{}, recovery.LimitPolicy{}
		})
		first := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		for range 50 {
			time.Sleep(time.Minute)
			if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		if err := p.reset(t.Context(), first, goodPassword); err != nil {
			t.Errorf("the first link: %v", err)
		}
	})
}

// What all messages of a channel cost together can be capped (A57).
func TestBudgets_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.Limits.EmailBudget = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: time.Hour}}}
			o.Limits.SMSBudget = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: time.Hour}}}
			for i := range 10 {
				l := lead("lead"+strconv.Itoa(i), recovery.StatusActive)
				l.Fields["Phone"] = recovery.FieldValue{Value: fmt.Sprintf("+4930123456%d", i), Verified: true}
				p.leads.Add(l, "")
			}
		})
		h := p.Handler()
		answers := map[string]int{}
		count := func() (mails, texts int) {
			for _, m := range p.outbox.Messages() {
				if m.Channel == recovery.ChannelSMS {
					texts++
				} else {
					mails++
				}
			}
			return mails, texts
		}
		ask := func() {
			for i := range 10 {
				for j, body := range []string{
					fmt.Sprintf(`{"email":"lead%d@example.com"}`, i),
					fmt.Sprintf(`{"email":"lead%d@example.com","recipientField":"Phone"}`, i),
				} {
					addr := netip.AddrFrom4([4]byte{198, 51, byte(j), byte(i)})
					answers[answer(post(h, "/forgot-password", body, from(addr.String())))]++
				}
			}
			settle()
		}
		ask()
		if mails, texts := count(); mails != 3 || texts != 2 {
			t.Errorf("%d mails and %d text messages, want 3 and 2", mails, texts)
		}
		time.Sleep(time.Hour)
		ask()
		if mails, texts := count(); mails != 6 || texts != 4 {
			t.Errorf("%d mails and %d text messages an hour later, want 6 and 4", mails, texts)
		}
		if len(answers) != 2 { // one for links, and one for codes
			t.Errorf("%d different answers: %v", len(answers), answers)
		}
		// What follows a reset is no expense that the public can cause.
		req := byMail("lead0@example.com")
		time.Sleep(time.Hour)
		link := p.forgot(t, req)
		ask()
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, link)), goodPassword); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := len(p.outbox.OfKind(recovery.MessagePasswordChanged)); n != 2 {
			t.Errorf("%d notices of the reset, want 2: the budget is not theirs", n)
		}
	})
}
