package recoverytest_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// mailer is a notifier as a team might write it. It writes a mail as text,
// which a relay in memory reads. It is right, except for one bug that it can be
// given.
type mailer struct {
	bug string

	mu     sync.Mutex
	relay  string // how the relay behaves
	mails  []recoverytest.Delivery
	shared recovery.Message // for one bug
	seen   map[string]bool  // for some bugs
	later  sync.WaitGroup   // for one bug

	connection sync.Mutex        // for one bug
	addresses  map[string]string // by lead, for one bug
}

func (s *mailer) Notify(ctx context.Context, m recovery.Message) error {
	if s.drops(m) {
		return nil
	}
	if ctx.Err() != nil {
		if s.bug == "success without delivery" {
			return nil
		}
		if s.bug == "ended ctx is permanent" {
			return fmt.Errorf("%w: %w", recovery.ErrPermanent, ctx.Err())
		}
		return ctx.Err()
	}
	s.mu.Lock()
	relay := s.relay
	s.shared = m
	s.mu.Unlock()
	if relay != "" {
		if s.bug == "one connection" {
			s.connection.Lock()
			defer s.connection.Unlock()
		}
		return s.failing(ctx, relay, m)
	}
	if s.bug == "races" {
		time.Sleep(time.Millisecond)
		s.mu.Lock()
		m.URL, m.Code = s.shared.URL, s.shared.Code
		s.mu.Unlock()
	}
	if s.bug == "refuses repetitions" {
		s.mu.Lock()
		known := s.seen[m.ID]
		s.seen = map[string]bool{m.ID: true}
		s.mu.Unlock()
		if known {
			return fmt.Errorf("%w: sent before", recovery.ErrPermanent)
		}
	}
	if s.bug == "needs a name" && m.Name == "" && m.Kind != recovery.MessageUnknownAddress {
		return fmt.Errorf("%w: no name", recovery.ErrPermanent)
	}
	if s.bug == "needs a client" {
		_ = m.Client.As16() // which panics without one
		_ = m.IdentityProviders[:min(1, len(m.IdentityProviders))]
		if !m.Client.IsValid() {
			panic("no client")
		}
	}
	name := strings.Map(func(r rune) rune {
		if r < ' ' && s.bug != "header injection" {
			return -1
		}
		return r
	}, m.Name)
	to := m.To
	if strings.ContainsAny(to, "\r\n") {
		return fmt.Errorf("%w: bad address", recovery.ErrPermanent)
	}
	switch s.bug {
	case "lower-cases addresses":
		to = strings.ToLower(to)
	case "remembers the lead's address":
		s.mu.Lock()
		if s.addresses == nil {
			s.addresses = map[string]string{}
		}
		if known := s.addresses[m.LeadID]; known != "" && m.LeadID != "" {
			to = known
		}
		s.addresses[m.LeadID] = to
		s.mu.Unlock()
	case "cuts the tag":
		local, domain, _ := strings.Cut(to, "@")
		local, _, _ = strings.Cut(local, "+")
		to = local + "@" + domain
	}
	mail := "To: " + to + "\nSubject: Hello " + name + "\n\n" + s.text(m)
	rcpt := []string{to}
	if s.bug == "splits addresses" {
		rcpt = strings.FieldsFunc(to, func(r rune) bool { return r == ',' || r == ';' || r == ' ' })
	}
	if s.bug == "copies the office" {
		rcpt = append(rcpt, "office@example.com")
	}
	if s.bug == "sends later" {
		s.later.Go(func() {
			time.Sleep(time.Second)
			s.accept(rcpt, mail)
		})
		return nil
	}
	s.accept(rcpt, mail)
	if s.bug == "sends twice" {
		s.accept(rcpt, mail)
	}
	return nil
}

// drops reports whether a bug makes the mailer take the message for one that it
// has sent before.
func (s *mailer) drops(m recovery.Message) bool {
	key := map[string]string{
		"marks before it sends":    m.ID,
		"one for each address":     m.To,
		"one for each lead":        m.LeadID,
		"one for each kind":        string(m.Kind),
		"one for each lead's kind": m.LeadID + string(m.Kind),
		"one for 8 bytes of ID":    m.ID[:min(8, len(m.ID))],
	}[s.bug]
	if s.bug == "drops the expired" && m.Expires.Before(time.Now()) {
		return true
	}
	if key == "" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	dropped := s.seen[key]
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[key] = true
	return dropped
}

// text is what the person reads.
func (s *mailer) text(m recovery.Message) string {
	secret := m.URL.Reveal() + m.Code.Reveal()
	switch s.bug {
	case "escapes links":
		secret = url.QueryEscape(secret)
	case "prints the secret":
		secret = m.URL.String()
	case "codes as numbers":
		secret = strings.TrimLeft(secret, "0")
	case "lower-cases links":
		secret = strings.ToLower(secret)
	}
	text := string(m.Kind) + " " + secret
	switch {
	case s.bug == "no link NotMe":
	case s.bug == "no link NotMe in notices" && m.Kind == recovery.MessagePasswordChanged:
	default:
		text += " " + m.NotMe.Reveal()
	}
	switch {
	case s.bug == "one account of several" && len(m.Accounts) > 0:
		m.Accounts = m.Accounts[:1]
	case s.bug == "links of nobody":
		m.Accounts = slices.Clone(m.Accounts)
		for i := range m.Accounts {
			m.Accounts[i].Account = ""
		}
	}
	return text + accountsOf(m)
}

// failing is what Notify does while the relay fails.
func (s *mailer) failing(ctx context.Context, relay string, m recovery.Message) error {
	secret := m.URL.Reveal() + m.Code.Reveal()
	switch relay {
	case "stalls":
		switch s.bug {
		case "ignores ctx":
			time.Sleep(time.Hour)
		case "never returns":
			select {}
		}
		<-ctx.Done()
		switch s.bug {
		case "permanent timeouts":
			return fmt.Errorf("%w: %w", recovery.ErrPermanent, ctx.Err())
		case "timeouts quote":
			return fmt.Errorf("sending %s: %w", secret, ctx.Err())
		}
		return ctx.Err()
	case "refuses":
		switch s.bug {
		case "refusals may pass":
			return errors.New("550 no such user")
		case "refusals quote":
			return fmt.Errorf("%w: 550 %s", recovery.ErrPermanent, secret)
		case "refusals quote NotMe":
			return fmt.Errorf("%w: 550 %s", recovery.ErrPermanent, m.NotMe.Reveal())
		case "refusals quote accounts":
			return fmt.Errorf("%w: 550 %s", recovery.ErrPermanent, accountsOf(m))
		}
		return fmt.Errorf("%w: 550 no such user", recovery.ErrPermanent)
	}
	switch s.bug {
	case "all failures permanent":
		return fmt.Errorf("%w: 451 later", recovery.ErrPermanent)
	case "swallows failures":
		return nil
	}
	if quote, ok := quotes[s.bug]; ok {
		return errors.New("451 later: " + quote(secret, m.NotMe.Reveal()))
	}
	return errors.New("451 later")
}

// quotes are ways to quote a secret in an error.
var quotes = map[string]func(secret, notMe string) string{
	"errors quote":          func(secret, _ string) string { return secret },
	"errors quote NotMe":    func(_, notMe string) string { return notMe },
	"errors quote a query":  func(secret, _ string) string { return url.QueryEscape(secret) },
	"errors quote HTML":     func(secret, _ string) string { return html.EscapeString(secret) },
	"errors quote JSON":     func(secret, _ string) string { return strings.ReplaceAll(secret, "=", `\u003d`) },
	"errors quote Go":       func(secret, _ string) string { return strconv.Quote(secret) },
	"errors quote base64":   func(secret, _ string) string { return base64.StdEncoding.EncodeToString([]byte(".." + secret)) },
	"errors quote URL64":    func(secret, _ string) string { return base64.RawURLEncoding.EncodeToString([]byte(secret)) },
	"errors quote hex":      func(secret, _ string) string { return hex.EncodeToString([]byte(secret)) },
	"errors quote percents": func(secret, _ string) string { return escapeAll("%", secret) },
	"errors quote printable": func(secret, _ string) string {
		return strings.ReplaceAll(secret[:len(secret)/2]+"=\r\n"+secret[len(secret)/2:], "?", "=3F")
	},
	"errors quote lower case": func(secret, _ string) string { return strings.ToLower(secret) },
	"errors quote an excerpt": func(secret, _ string) string { return secret[:max(len(secret)-12, 8)] },
	"errors quote in groups": func(secret, _ string) string {
		if len(secret) == 8 {
			return secret[:4] + "-" + secret[4:]
		}
		return ""
	},
}

func escapeAll(sign, s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%s%02X", sign, c)
	}
	return b.String()
}

// accept reads a mail as a relay that trusts the header of the mail.
func (s *mailer) accept(rcpt []string, mail string) {
	header, text, _ := strings.Cut(mail, "\n\n")
	d := recoverytest.Delivery{To: rcpt, Text: text}
	for line := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == '\n' || r == '\r' }) {
		for _, field := range []string{"Bcc: ", "Cc: ", "To: "} {
			if to, ok := strings.CutPrefix(line, field); ok {
				d.To = append(d.To, to)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, d)
}

var brokenNotifiers = []seeded{
	{"ignores ctx", "context-ends"},
	{"permanent timeouts", "context-ends"},
	{"success without delivery", "context-ended"},
	{"refusals may pass", "refused"},
	{"all failures permanent", "broken"},
	{"errors quote", "broken"},
	{"swallows failures", "broken"},
	{"races", "racing"},
	{"header injection", "hostile-texts"},
	{"splits addresses", "hostile-address"},
	{"copies the office", "delivers"},
	{"sends twice", "delivers"},
	{"escapes links", "carries-secret"},
	{"prints the secret", "carries-secret"},
	{"lower-cases links", "carries-secret"},
	{"no link NotMe", "carries-secret"},
	{"one account of several", "carries-secret"},
	{"links of nobody", "carries-secret"},
	{"no link NotMe in notices", "carries-secret"},
	{"codes as numbers", "carries-zeros"},
	{"needs a name", "only-required"},
	{"needs a client", "only-required"},
	{"lower-cases addresses", "delivers"},
	{"cuts the tag", "delivers"},
	{"sends later", "delivers"},
	{"one for each address", "another-message"},
	{"one for each lead", "another-message"},
	{"one for each kind", "another-message"},
	{"one for each lead's kind", "another-message"},
	{"marks before it sends", "retries"},
	{"timeouts quote", "context-ends"},
	{"ended ctx is permanent", "context-ended"},
	{"refusals quote", "refused"},
	{"refusals quote NotMe", "refused"},
	{"refusals quote accounts", "refused"},
	{"errors quote NotMe", "broken"},
	{"errors quote a query", "broken"},
	{"errors quote HTML", "broken"},
	{"errors quote JSON", "broken"},
	{"errors quote Go", "broken"},
	{"errors quote base64", "broken"},
	{"errors quote URL64", "broken"},
	{"errors quote hex", "broken"},
	{"errors quote percents", "broken"},
	{"errors quote printable", "broken"},
	{"errors quote lower case", "broken"},
	{"errors quote an excerpt", "broken"},
	{"errors quote in groups", "broken"},
	{"refuses repetitions", "repeats"},
	{"drops the expired", "delivers"},
	{"one for 8 bytes of ID", "another-message"},
	{"remembers the lead's address", "another-message"},
	{"one connection", "context-ends-beside-others"},
}

func (s *mailer) sent() []recoverytest.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

func TestBrokenNotifiers(t *testing.T) { catch(t, brokenNotifiers, examineMailer) }

func examineMailer(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
	relay := func(how string) func(*testing.T, recovery.Notifier) {
		return func(_ *testing.T, n recovery.Notifier) {
			s := n.(*mailer)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.relay = how
		}
	}
	var patience time.Duration
	if bug == "one connection" {
		patience = 200 * time.Millisecond // which pass in real time
	}
	return recoverytest.ExamineNotifier(t, recoverytest.NotifierHarness{
		Patience: patience,
		New: func(t *testing.T) recovery.Notifier {
			s := &mailer{bug: bug}
			t.Cleanup(s.later.Wait)
			return s
		},
		Deliveries: func(_ *testing.T, n recovery.Notifier) []recoverytest.Delivery {
			return n.(*mailer).sent()
		},
		Stall: relay("stalls"), Refuse: relay("refuses"), Break: relay("breaks"), Mend: relay(""),
		Bubble: synctest.Test,
	}, clauses...)
}

// TestGoroutineLeft shows that a call which never returns, not even after its
// clause, is a finding beside the others, and does not end the program.
func TestGoroutineLeft(t *testing.T) {
	found := strings.Join(examineMailer(t, "never returns", "context-ends")["context-ends"], "\n")
	for _, want := range []string{"Notify of a message (reset_link) while the next hop does not answer: it did not return", "goroutines of the implementation"} {
		if !strings.Contains(found, want) {
			t.Errorf("the findings do not say %q: %q", want, found)
		}
	}
	if strings.Contains(found, "Patience") {
		t.Errorf("the findings blame the machine, which is not slow in a bubble: %q", found)
	}
}

// TestQuotationNamesItsSentence shows that an error which quotes a secret is
// reported with the sentence about that, in whichever clause it shows.
func TestQuotationNamesItsSentence(t *testing.T) {
	for bug, field := range map[string]string{"errors quote NotMe": "quotes the message's NotMe", "errors quote hex": "quotes the message's URL"} {
		found := strings.Join(examineMailer(t, bug, "retries")["retries"], "\n")
		if !strings.Contains(found, "An error must not quote the link") || !strings.Contains(found, field) {
			t.Errorf("%s: the findings do not name the sentence or the field: %q", bug, found)
		}
	}
}

// budgeting is a notifier with budgets, which may be wrong.
type budgeting struct {
	*mailer
	budgets func(m recovery.Message) ([]recovery.Budget, error)
}

func (b budgeting) Budgets(_ context.Context, m recovery.Message) ([]recovery.Budget, error) {
	return b.budgets(m)
}

func TestBrokenBudgets(t *testing.T) {
	valid := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 9, Window: time.Hour}}}
	one := func(name string) []recovery.Budget { return []recovery.Budget{{Name: name, Policy: valid}} }
	for what, budgets := range map[string]func(m recovery.Message) ([]recovery.Budget, error){
		"":              func(recovery.Message) ([]recovery.Budget, error) { return one("mail"), nil },
		"five":          func(recovery.Message) ([]recovery.Budget, error) { return make([]recovery.Budget, 5), nil },
		"no policy":     func(recovery.Message) ([]recovery.Budget, error) { return []recovery.Budget{{Name: "mail"}}, nil },
		"no name":       func(recovery.Message) ([]recovery.Budget, error) { return one(""), nil },
		"long name":     func(recovery.Message) ([]recovery.Budget, error) { return one(strings.Repeat("n", 33)), nil },
		"names a lead":  func(m recovery.Message) ([]recovery.Budget, error) { return one(m.LeadID + "x"), nil },
		"needs a link":  func(m recovery.Message) ([]recovery.Budget, error) { return nil, errors.New("no link") },
		"sends at once": nil,
		"asks a server": func(recovery.Message) ([]recovery.Budget, error) {
			time.Sleep(5 * time.Second)
			return one("mail"), nil
		},
		"names a person": func(m recovery.Message) ([]recovery.Budget, error) { return one(m.To[:min(32, len(m.To))]), nil },
	} {
		t.Run(what, func(t *testing.T) {
			found := recoverytest.ExamineNotifier(t, recoverytest.NotifierHarness{
				New: func(*testing.T) recovery.Notifier {
					b := budgeting{&mailer{}, budgets}
					if budgets == nil {
						b.budgets = func(m recovery.Message) ([]recovery.Budget, error) {
							return one("mail"), b.Notify(context.Background(), m)
						}
					}
					return b
				},
				Deliveries: func(_ *testing.T, n recovery.Notifier) []recoverytest.Delivery { return n.(budgeting).sent() },
				Bubble:     synctest.Test,
			}, "budgets")
			if wrong := what != ""; (len(found) > 0) != wrong {
				t.Errorf("findings: %q", found)
			}
		})
	}
}

// TestQuotes shows that an error may name the server's reply and the message.
func TestQuotes(t *testing.T) {
	for _, harmless := range []string{
		"550 5.1.1 mailbox unavailable (id 2f6c4c1e-0b5e-4a41-9d0a-1f2e3d4c5b6a)", "dial tcp 192.0.2.1:25: i/o timeout after 30000000ms",
		"450 4.2.1 see https://example.com/reset and https://example.com/not-me?lang=en",
	} {
		m := recovery.Message{
			Code: recovery.NewSecret("00004217"), URL: recovery.NewSecret("https://example.com/reset?token=" + rand.Text()),
			NotMe: recovery.NewSecret("https://example.com/not-me?token=" + rand.Text()),
		}
		if field := recoverytest.QuotesSecret(harmless, m); field != "" {
			t.Errorf("%q is taken for a quotation of %s", harmless, field)
		}
	}
}
