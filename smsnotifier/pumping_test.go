package smsnotifier_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

// A portal is a real Service with a Notifier for text messages. It runs in a
// bubble of synctest.
type portal struct {
	*recovery.Service
	leads   *recoverytest.Leads
	carrier *carrier
	mail    *recoverytest.Outbox
	tokens  *countedTokens
	log     *bytes.Buffer

	mu      sync.Mutex
	events  []recovery.Event
	clients uint32
	handles map[string]string // of the first code, by number
}

// countedTokens is a TokenStore that counts the calls of Put.
type countedTokens struct {
	recovery.TokenStore
	mu   sync.Mutex
	puts int
}

func (s *countedTokens) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	s.mu.Lock()
	s.puts++
	s.mu.Unlock()
	return s.TokenStore.Put(ctx, slot, spec)
}

func (s *countedTokens) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts
}

// A lockedWriter records what several goroutines log.
type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func newPortal(t *testing.T, edit func(o *smsnotifier.Options)) *portal {
	t.Helper()
	fields := []recovery.Field{
		{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true},
		{Name: "Work", Type: recovery.FieldTypePhone, Receive: true},
	}
	p := &portal{
		leads: recoverytest.NewLeads(fields...), carrier: &carrier{}, mail: &recoverytest.Outbox{}, log: &bytes.Buffer{},
		tokens: &countedTokens{TokenStore: recovery.NewMemoryTokenStore()}, handles: map[string]string{},
	}
	opts := options()
	if edit != nil {
		edit(&opts)
	}
	sms, err := smsnotifier.New(texts(), p.carrier, opts)
	if err != nil {
		t.Fatal(err)
	}
	var logging sync.Mutex
	p.Service, err = recovery.New(p.leads, p.tokens,
		recovery.ByChannel(map[recovery.Channel]recovery.Notifier{recovery.ChannelEmail: p.mail, recovery.ChannelSMS: sms}),
		recovery.Options{
			Keys:                    [][]byte{testenv.Key("k")},
			Link:                    recovery.Link{URL: "https://example.com/reset"},
			Fields:                  fields,
			DangerouslyKeepSessions: true,
			Limiter:                 recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}),
			Queue:                   recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}),
			Events:                  p.sink,
			Logger:                  slog.New(slog.NewTextHandler(lockedWriter{&logging, p.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *portal) sink(_ context.Context, e recovery.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

// suppressed returns the reasons why messages were not sent, in order.
func (p *portal) suppressed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var reasons []string
	for _, e := range p.events {
		if e.Kind == recovery.EventMessageSuppressed {
			reasons = append(reasons, strings.TrimSpace(string(e.Reason)+" "+string(e.Scope)))
		}
	}
	return reasons
}

func (p *portal) count(kind recovery.EventKind) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// add adds a lead with a telephone number, and with a second one if work is
// given.
func (p *portal) add(number string, work ...string) {
	values := map[string]recovery.FieldValue{"Phone": {Value: number, Verified: true}}
	for _, w := range work {
		values["Work"] = recovery.FieldValue{Value: w, Verified: true}
	}
	p.leads.Add(recovery.Lead{Fields: values}, "hash")
}

// ask posts a request for a code from a client address of its own, waits until
// its job is done, and returns everything that the client sees.
func (p *portal) ask(number string) string { return p.askAt(number, "Phone") }

// askAt is ask for the telephone number in another field.
func (p *portal) askAt(number, field string) string {
	p.clients++
	body := fmt.Sprintf(`{"identifier":{"field":"Phone","value":%q},"recipientField":%q}`, number, field)
	r := httptest.NewRequest(http.MethodPost, "/forgot-password", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	addr := netip.AddrFrom4([4]byte{198, 51, byte(p.clients >> 8), byte(p.clients)})
	r.RemoteAddr = netip.AddrPortFrom(addr, 1234).String()
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, r)
	time.Sleep(time.Second)
	synctest.Wait()
	res := w.Result()
	all, _ := io.ReadAll(res.Body)
	if m := handles.FindSubmatch(all); m != nil && len(p.handles[number]) == 0 {
		p.handles[number] = string(m[1]) // of the first code, which is sent
	}
	all = handles.ReplaceAll(all, []byte(`"handle":"..."`)) // each is another
	var b strings.Builder
	fmt.Fprintln(&b, res.StatusCode)
	_ = res.Header.Write(&b)
	b.Write(all)
	return b.String()
}

var (
	digits  = regexp.MustCompile(`[0-9]{8}`)
	handles = regexp.MustCompile(`"handle":"([A-Za-z0-9_-]+)"`)
)

// codeTo returns the code in the last text to a number.
func (p *portal) codeTo(t *testing.T, number string) string {
	t.Helper()
	texts := p.carrier.to(number)
	if len(texts) == 0 {
		t.Fatalf("nothing was sent to the number\n%s", p.log)
	}
	code := digits.FindString(texts[len(texts)-1].Body.Reveal())
	if code == "" {
		t.Fatal("the text holds no code")
	}
	return code
}

func (p *portal) check(t *testing.T, number, code string) error {
	t.Helper()
	_, err := p.CheckProof(t.Context(), recovery.CheckProofRequest{
		Proof:     recovery.CodeProof(recovery.LeadKey{Field: "Phone", Value: number}, code).WithHandle(p.handles[number]),
		Requester: recovery.Requester{Client: netip.MustParseAddr("192.0.2.9")},
	})
	return err
}

// A57: whatever the numbers and clients, no more than N messages are sent, and
// an event says why.
func TestCapStopsAtN_A57(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(o *smsnotifier.Options)
	}{
		{"the budget of all", func(o *smsnotifier.Options) { o.Budget = perDay(5) }},
		{"the budget of the country", func(o *smsnotifier.Options) { o.Countries["DE"] = perDay(5) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, tt.edit)
				answers := map[string]int{}
				for i := range 40 {
					number := fmt.Sprintf("+49151%08d", 10_000_000+i*10_007) // each in another block
					p.add(number)
					answers[p.ask(number)]++
				}
				if n := len(p.carrier.all()); n != 5 || p.tokens.count() != 5 {
					t.Errorf("%d were sent and %d put, want 5", n, p.tokens.count())
				}
				if len(answers) != 1 {
					t.Errorf("%d different answers: %v", len(answers), answers)
				}
				reasons := p.suppressed()
				if len(reasons) != 35 || slices.ContainsFunc(reasons, func(r string) bool { return r != "rate_limited budget" }) {
					t.Errorf("%d events: %q", len(reasons), reasons)
				}
				time.Sleep(24 * time.Hour)
				p.ask("+4915110000000")
				if n := len(p.carrier.all()); n != 6 {
					t.Errorf("%d were sent a day later, want 6", n)
				}
			})
		})
	}
}

// A57: if the budget of one country is spent, messages to another are still
// sent.
func TestCountriesHaveBudgetsOfTheirOwn_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(o *smsnotifier.Options) { o.Countries["BS"] = perDay(2) })
		for i := range 5 {
			number := fmt.Sprintf("+1242359%04d", i*1000)
			p.add(number)
			p.ask(number)
		}
		p.add(german)
		p.ask(german)
		if n := len(p.carrier.all()); n != 3 || len(p.carrier.to(german)) != 1 {
			t.Errorf("%d were sent, %d of them to Germany, want 3 and 1", n, len(p.carrier.to(german)))
		}
	})
}

// A57: whoever rents numbers for fraud rents adjacent ones, so each block of
// numbers has a budget.
func TestAdjacentNumbers_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(o *smsnotifier.Options) { o.NumberBlock = recovery.LimitPolicy{} }) // the default
		answers := map[string]int{}
		for i := range 30 {
			number := fmt.Sprintf("+4915123450%03d", i)
			p.add(number)
			answers[p.ask(number)]++
		}
		if n := len(p.carrier.all()); n != 10 {
			t.Errorf("%d of a row were sent to, want 10", n)
		}
		// This does not affect a person with a number in another block.
		p.add("+4915199990000")
		answers[p.ask("+4915199990000")]++
		if n := len(p.carrier.to("+4915199990000")); n != 1 {
			t.Errorf("%d were sent to a number elsewhere, want 1", n)
		}
		if len(answers) != 1 {
			t.Errorf("%d different answers: %v", len(answers), answers)
		}
		// A person with a number in the same block waits for an hour at most.
		for i := range 20 {
			time.Sleep(10 * time.Minute)
			p.ask(fmt.Sprintf("+4915123450%03d", i))
		}
		before := len(p.carrier.all())
		time.Sleep(time.Hour)
		p.ask("+4915123450999") // a number that no lead has is not counted
		p.ask("+4915123450025")
		if n := len(p.carrier.all()); n != before+1 {
			t.Errorf("%d were sent after an hour, want 1", n-before)
		}
	})
}

// A57: a request with a number to which nothing may be sent has no effect. Its
// answer does not show this: it is the answer for a number that gets a message,
// and for a number that no lead has.
func TestForbiddenNumbersHaveNoEffect_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		p.add(german)
		want := p.ask(german)
		if len(p.carrier.all()) != 1 || p.tokens.count() != 1 {
			t.Fatalf("the allowed number was not sent to\n%s", p.log)
		}
		if !strings.HasPrefix(want, "202\n") {
			t.Fatalf("answer %s", want)
		}
		if got := p.ask("+4915199999999"); got != want {
			t.Errorf("an unknown number is answered\n%s\nwant\n%s", got, want)
		}
		for name, number := range map[string]string{
			"a country that is not allowed":        cuban,
			"one with the calling code of another": jamaican,
			"premium rate":                         premium,
			"a landline":                           landline,
			"no numbering plan":                    "+15551234567",
		} {
			p.add(number)
			if got := p.ask(number); got != want {
				t.Errorf("%s is answered\n%s\nwant\n%s", name, got, want)
			}
		}
		if len(p.carrier.all()) != 1 || p.tokens.count() != 1 {
			t.Errorf("%d were sent and %d put, want 1", len(p.carrier.all()), p.tokens.count())
		}
		wantReasons := append([]string{"unknown_lead"}, slices.Repeat([]string{"undeliverable"}, 5)...)
		if got := p.suppressed(); !slices.Equal(got, wantReasons) {
			t.Errorf("events %q, want %q", got, wantReasons)
		}
		// A39: even at level debug, the log does not identify the person.
		for _, s := range []string{"15123456789", "5351234567", "8762101234", "9001234567", p.codeTo(t, german)} {
			if strings.Contains(p.log.String(), s) {
				t.Errorf("the log quotes %s", s)
			}
		}
	})
}

// A57, A58: a request for which no message may be sent does not end the earlier
// code. The test removes the country from the list, and spends the budget.
func TestLiveCodesSurvive_A57(t *testing.T) {
	t.Run("a number that is not sent to", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, nil)
			p.add(german, cuban)
			want := p.ask(german)
			code := p.codeTo(t, german)
			if got := p.askAt(german, "Work"); got != want {
				t.Errorf("answered\n%s\nwant\n%s", got, want)
			}
			if p.tokens.count() != 1 || len(p.carrier.all()) != 1 {
				t.Errorf("%d were put and %d sent, want 1", p.tokens.count(), len(p.carrier.all()))
			}
			if err := p.check(t, german, code); err != nil {
				t.Errorf("the live code: %v", err)
			}
			if got := p.suppressed(); !slices.Equal(got, []string{"undeliverable"}) {
				t.Errorf("events %q", got)
			}
		})
	})
	t.Run("a budget that is spent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(o *smsnotifier.Options) { o.Budget = perDay(1) })
			p.add(german)
			p.ask(german)
			code := p.codeTo(t, german)
			for range 4 {
				time.Sleep(time.Minute)
				p.ask(german)
			}
			if n := len(p.carrier.all()); n != 1 {
				t.Errorf("%d were sent, want 1", n)
			}
			if err := p.check(t, german, code); err != nil {
				t.Errorf("the live code: %v", err)
			}
			if got := p.suppressed(); !slices.Contains(got, "rate_limited budget") {
				t.Errorf("events %q", got)
			}
		})
	})
}

// A57: a completed reset sends a notice to every address of the lead, and the
// Service asks for no budget. Still the Notifier sends only to allowed numbers.
func TestNoticesKeepToTheCountries_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		p.add(german, cuban)
		p.ask(german)
		code := p.codeTo(t, german)
		proof := recovery.CodeProof(recovery.LeadKey{Field: "Phone", Value: german}, code).WithHandle(p.handles[german])
		_, err := p.ResetPassword(t.Context(), recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret("correct horse battery 9")})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		texts := p.carrier.to(german)
		if len(texts) != 2 || strings.Contains(texts[1].Body.Reveal(), code) || len(p.carrier.all()) != 2 {
			t.Errorf("sent %v, want the code and a notice to Germany", p.carrier.all())
		}
		if n := p.count(recovery.EventDeadLetter); n != 1 {
			t.Errorf("%d dead letters, want that of the other number", n)
		}
	})
}
