package smsnotifier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// A Renderer writes the text of a message. [*messages.Renderer] is one.
// Implementations are safe for concurrent use.
type Renderer interface {
	// SMS writes the text and counts its segments. Every error counts as
	// permanent: a text that cannot be written now can never be written.
	SMS(m recovery.Message) (messages.SMS, error)
}

// A Notifier delivers messages for [recovery.ChannelSMS]. It is a
// [recovery.BudgetNotifier], and safe for concurrent use.
type Notifier struct {
	opts     Options
	renderer Renderer
	provider Provider
}

var (
	_ recovery.BudgetNotifier  = (*Notifier)(nil)
	_ recovery.ChannelNotifier = (*Notifier)(nil)
)

// New returns a Notifier. The renderer writes the texts, and the provider sends
// them. New reports every mistake at once, each as a [*recovery.OptionError].
func New(renderer Renderer, provider Provider, opts Options) (*Notifier, error) {
	opts = opts.withDefaults()
	if err := opts.validate(renderer, provider); err != nil {
		return nil, err
	}
	if isZero(opts.Notices) {
		opts.Notices = opts.Budget
	}
	return &Notifier{opts, renderer, provider}, nil
}

// Channels implements [recovery.ChannelNotifier]. It returns
// [recovery.ChannelSMS].
func (n *Notifier) Channels() []recovery.Channel {
	return []recovery.Channel{recovery.ChannelSMS}
}

// Budgets implements [recovery.BudgetNotifier]. It returns the budgets of all
// messages ("sms"), of the country ("sms-DE") and of the number's block
// ("sms-491512345": the number without its last four digits, which 10,000
// numbers share). If no message may be sent to the number, the error wraps
// [recovery.ErrPermanent].
func (n *Notifier) Budgets(ctx context.Context, m recovery.Message) ([]recovery.Budget, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	to, err := n.checkRecipient(m)
	if err != nil {
		return nil, err
	}
	// The policies are copied, so that the caller cannot change the Notifier's.
	return []recovery.Budget{
		{Name: "sms", Policy: clonePolicy(n.opts.Budget)},
		{Name: "sms-" + to.country, Policy: clonePolicy(n.opts.Countries[to.country])},
		{Name: "sms-" + to.block, Policy: clonePolicy(n.opts.NumberBlock)},
	}, nil
}

// Notify implements [recovery.Notifier]. It sends nothing to a number that
// Budgets refuses, nothing after the code or link has expired, and no text
// longer than [Options].MaxSegments. In each case the error wraps
// [recovery.ErrPermanent]. No error quotes the number, the text, the code or
// the link, even if the error of the Provider or the Renderer does.
func (n *Notifier) Notify(ctx context.Context, m recovery.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	to, err := n.checkRecipient(m)
	if err != nil {
		return err
	}
	// A code that no longer works is useless, but sending it costs money.
	if !m.Expires.IsZero() && !time.Now().Before(m.Expires) {
		return permanentError("the code or link has expired")
	}
	text, err := n.text(m, to)
	if err != nil {
		return err
	}
	if err := n.allowNotice(ctx, m); err != nil {
		return err
	}
	return withhold(m, "sending", n.provider.Send(ctx, text))
}

// checkRecipient decides whether anything may be sent to the message's number.
func (n *Notifier) checkRecipient(m recovery.Message) (number, error) {
	if m.Channel != recovery.ChannelSMS {
		return number{}, permanentError("the message is not for SMS")
	}
	if m.Kind == recovery.MessageUnknownAddress {
		// The number came from the request: the owner of a premium number would
		// only have to type it (A57).
		return number{}, permanentError("a message is never sent to a number from a request")
	}
	to, err := parseNumber(m.To)
	if err != nil {
		return number{}, permanentError(err.Error())
	}
	if _, ok := n.opts.Countries[to.country]; !ok {
		return number{}, permanentError("the country " + to.country + " is not allowed")
	}
	return to, nil
}

// text renders the message. It refuses a text with more than MaxSegments.
func (n *Notifier) text(m recovery.Message, to number) (Text, error) {
	sms, err := n.renderer.SMS(m)
	if err != nil {
		return Text{}, withhold(m, "rendering", fmt.Errorf("%w: %w", recovery.ErrPermanent, err))
	}
	switch {
	case strings.TrimSpace(sms.Text) == "":
		return Text{}, permanentError("the rendered text is empty")
	case sms.Segments < 1:
		return Text{}, permanentError("the rendered text was not counted in segments")
	case sms.Segments > n.opts.MaxSegments:
		return Text{}, permanentError(fmt.Sprintf("the rendered text has %d segments, at most %d are allowed", sms.Segments, n.opts.MaxSegments))
	}
	return Text{
		ID: m.ID, To: to.e164, Country: to.country, Body: recovery.NewSecret(sms.Text),
		Segments: sms.Segments, GSM7: sms.GSM7, NotAfter: m.Expires, Brand: m.Brand,
	}, nil
}

// allowNotice counts a message for which the Service asked for no budget.
// Another attempt at the same message is not counted again.
func (n *Notifier) allowNotice(ctx context.Context, m recovery.Message) error {
	if m.Kind != recovery.MessagePasswordChanged {
		return nil
	}
	decisions, err := n.opts.Limiter.Allow(ctx, recovery.LimitRequest{Key: n.opts.Prefix + ":sms-notices", Policy: n.opts.Notices, ID: m.ID})
	if err != nil {
		return fmt.Errorf("smsnotifier: limiter: %w", err)
	}
	if len(decisions) != 1 || !decisions[0].Allowed {
		return errors.New("smsnotifier: the budget of notices is spent")
	}
	return nil
}

func permanentError(reason string) error {
	return fmt.Errorf("smsnotifier: %w: %s", recovery.ErrPermanent, reason)
}

// withhold returns the error of a Renderer or Provider with a prefix. If the
// error quotes the number, the code or a link, withhold drops its text and
// keeps only what decides about a retry.
func withhold(m recovery.Message, doing string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, quoted := range []string{strings.TrimPrefix(m.To, "+"), m.Code.Reveal(), m.URL.Reveal(), m.NotMe.Reveal()} {
		if quoted == "" || !strings.Contains(text, quoted) {
			continue
		}
		withheld := errors.New("the error is withheld, because it quotes the message")
		for _, kind := range []error{recovery.ErrPermanent, context.Canceled, context.DeadlineExceeded} {
			if errors.Is(err, kind) {
				withheld = fmt.Errorf("%w (%w)", withheld, kind)
			}
		}
		err = withheld
		break
	}
	return fmt.Errorf("smsnotifier: %s: %w", doing, err)
}
