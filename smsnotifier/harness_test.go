package smsnotifier_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

// A number of each country and kind that the tests use.
const (
	german   = "+4915123456789"
	american = "+14157415569"
	canadian = "+15062345678"
	jamaican = "+18762101234"
	bahamian = "+12423591234"
	cuban    = "+5351234567"
	premium  = "+499001234567"
	landline = "+493012345678"
)

// A renderer is a function that is a Renderer.
type renderer func(m recovery.Message) (messages.SMS, error)

func (f renderer) SMS(m recovery.Message) (messages.SMS, error) { return f(m) }

// plain is a Renderer that writes only the message's kind, code and link.
var plain = renderer(func(m recovery.Message) (messages.SMS, error) {
	return messages.SMS{Text: string(m.Kind) + " " + m.Code.Reveal() + m.URL.Reveal(), Language: language.English, Segments: 1, GSM7: true}, nil
})

// texts returns the Renderer that a host would use. It is made once, because
// checking all templates takes longer than most tests.
var texts = sync.OnceValue(func() *messages.Renderer {
	set, err := messages.New(messages.Options{Product: "Example", Host: "example.com"})
	if err != nil {
		panic(err)
	}
	return set
})

// A carrier is a Provider that records the texts.
type carrier struct {
	mu    sync.Mutex
	texts []smsnotifier.Text
	send  func(ctx context.Context, t smsnotifier.Text) error
}

func (c *carrier) Send(ctx context.Context, t smsnotifier.Text) error {
	c.mu.Lock()
	send := c.send
	c.mu.Unlock()
	if send != nil {
		if err := send(ctx, t); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, t)
	return nil
}

func (c *carrier) intercept(f func(ctx context.Context, t smsnotifier.Text) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.send = f
}

func (c *carrier) all() []smsnotifier.Text {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.texts)
}

// to returns the texts that were sent to a number, oldest first.
func (c *carrier) to(number string) []smsnotifier.Text {
	return slices.DeleteFunc(c.all(), func(t smsnotifier.Text) bool { return t.To != number })
}

func perDay(n int) recovery.LimitPolicy {
	return recovery.LimitPolicy{Limits: []recovery.Limit{{N: n, Window: 24 * time.Hour}}}
}

// options returns options with large budgets for Germany, the United States and
// the Bahamas.
func options() smsnotifier.Options {
	return smsnotifier.Options{
		Countries:   map[string]recovery.LimitPolicy{"DE": perDay(1000), "US": perDay(1000), "BS": perDay(1000)},
		Budget:      perDay(1000),
		NumberBlock: perDay(1000),
	}
}

func newNotifier(t testing.TB, p smsnotifier.Provider, edit func(o *smsnotifier.Options)) *smsnotifier.Notifier {
	t.Helper()
	opts := options()
	if edit != nil {
		edit(&opts)
	}
	n, err := smsnotifier.New(plain, p, opts)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// code returns a message with a code.
func code(to string) recovery.Message {
	return recovery.Message{
		ID: "job-1", Kind: recovery.MessageResetCode, Channel: recovery.ChannelSMS, To: to,
		LeadID: "lead-1", Code: recovery.NewSecret("90412773"), Expires: time.Now().Add(10 * time.Minute),
	}
}

// notice returns a message that says that the password was changed.
func notice(id, to string) recovery.Message {
	return recovery.Message{ID: id, Kind: recovery.MessagePasswordChanged, Channel: recovery.ChannelSMS, To: to, LeadID: "lead-1"}
}
