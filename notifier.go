package recovery

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// A MessageKind says what a message is about.
type MessageKind string

// The kinds of messages.
const (
	// MessageResetLink carries a link, in URL.
	MessageResetLink MessageKind = "reset_link"
	// MessageResetLinks carries a link for each of several accounts that have the
	// address, in Accounts. It goes by e-mail only. Only a [MultiLeadStore] leads
	// to it.
	MessageResetLinks MessageKind = "reset_links"
	// MessageResetCode carries a code, in Code.
	MessageResetCode MessageKind = "reset_code"
	// MessagePasswordChanged says that the password was reset. It goes to every
	// verified address of the lead in a field with Receive.
	MessagePasswordChanged MessageKind = "password_changed"
	// MessageInvitation carries a link, in URL, with which a lead chooses its
	// first password.
	MessageInvitation MessageKind = "invitation"
	// MessageResetRequired carries a link, in URL, with which a lead has to
	// choose another password, because the host asks for it.
	MessageResetRequired MessageKind = "reset_required"
	// MessageNoPassword tells a lead with [StatusNoPassword] to sign in with
	// its identity provider. It is sent only if [MessageOptions.NoPassword] is
	// set.
	MessageNoPassword MessageKind = "no_password"
	// MessageUnknownAddress says that no account has this address. It is sent
	// only if [MessageOptions.UnknownAddress] is set.
	MessageUnknownAddress MessageKind = "unknown_address"
)

// hasToken reports whether messages of this kind carry a link or a code.
func (k MessageKind) hasToken() bool {
	switch k {
	case MessageResetLink, MessageResetLinks, MessageResetCode, MessageInvitation, MessageResetRequired:
		return true
	}
	return false
}

// A Channel is a way to reach a person.
type Channel string

// The channels, one for each type of field that can receive.
const (
	ChannelEmail Channel = "email"
	ChannelSMS   Channel = "sms"
)

// A Message is what a [Notifier] delivers. Printing and logging it show neither
// address nor content. Name, Account, Locale, Languages, NotMe, Template,
// IdentityProviders, Client and Operator may be empty.
type Message struct {
	// ID is the same in every attempt to deliver this message, so that a
	// provider with idempotency keys can drop repetitions. It says nothing
	// about the account.
	ID      string
	Kind    MessageKind
	Channel Channel
	// To is one address. For e-mail it is written as on the lead, without white
	// space around it, and with an internationalised domain in ASCII. Use it
	// byte by byte: the part before the '@' is for the receiving server to
	// interpret. That part may have letters outside ASCII, which SMTP delivers with
	// SMTPUTF8 only, and dots in a row or at its end, which SMTP wants in quotes.
	// For SMS it is '+' and digits.
	To string
	// LeadID is empty for [MessageUnknownAddress] and [MessageResetLinks].
	LeadID string
	// Name is [Lead].Name. In a [MessageResetLinks] it is the name that all accounts
	// have, or empty.
	Name string
	// Account is what the person signs in with: the lead's value of
	// [Options].SignInField, as the host stores it, up to 256 bytes. It is set for
	// [MessageResetLink], [MessageResetCode] and [MessagePasswordChanged], so that
	// a person with several accounts sees which one it is. It may be To. Whoever
	// signed up may have chosen it: show it as text, never as markup or as a link.
	Account string
	// Locale is [Lead].Locale. Languages is the Accept-Language field of the
	// request, for a lead whose Locale is empty.
	Locale    string
	Languages string
	// URL is the link in a [MessageResetLink], [MessageInvitation] or
	// [MessageResetRequired].
	URL Secret
	// Accounts are those in a [MessageResetLinks]: 2 to 8, each with a link of its
	// own, in the order of [MultiLeadStore]. The message has to show which link is
	// whose.
	Accounts []MessageAccount
	// Code is the code in a [MessageResetCode]: digits, which may begin with
	// zeros.
	Code Secret
	// NotMe is the link to the page where the person says "this was not me", if
	// [Options].NotMe is set. [MessageResetLink], [MessageResetLinks],
	// [MessageResetCode] and [MessagePasswordChanged] have it. Like URL, it carries
	// a secret. A text message is short, so it may leave NotMe out beside a link or
	// a code. In a MessageResetLinks it ends the links of all accounts, and is empty
	// if their IDs together are too long for a link.
	NotMe Secret
	// Expires is when the link, or the code, or the first of several links, expires, by the clock of this
	// machine. It is zero for the other kinds.
	Expires time.Time
	// Template is the template that the request named. Empty means the usual
	// one.
	Template string
	// IdentityProviders are those of the lead, in a [MessageNoPassword].
	IdentityProviders []string
	// RequestedAt is the time of the request, and Client the address that it
	// came from.
	RequestedAt time.Time
	Client      netip.Addr
	// Brand is the name of the message's brand: [Lead].Brand or, if the lead has
	// none, that of the request. It is empty for no brand. A [MessageResetLinks] has
	// the accounts of one brand only.
	Brand string
	// Data are the host's own words: those of the request, for example
	// [ForgotRequest].Data, and [Lead].Data. They are for templates, which have to
	// escape them, and for no log. A MessageResetLinks has those of the request
	// only. Nil if there are none.
	Data map[string]string
	// Operator is who helped, in a [MessagePasswordChanged] after a reset with what
	// [Service.IssueForHelpDesk] returned, as the host wrote it: up to 64 characters.
	// It is empty after any other reset.
	Operator string
}

// String returns the kind, the channel and the ID, but neither the person nor a
// secret.
func (m Message) String() string {
	return fmt.Sprintf("%s by %s (%s)", m.Kind, m.Channel, m.ID)
}

// Format writes what String returns, for every verb, because %+v would print
// the fields.
func (m Message) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(m.String())) }

// LogValue returns the same as String, as a group.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", m.ID),
		slog.String("kind", string(m.Kind)),
		slog.String("channel", string(m.Channel)),
	)
}

// A Notifier delivers messages. The workers of the queue call Notify, never a
// request that waits for its answer. Implementations are safe for concurrent
// use.
type Notifier interface {
	// Notify hands the message to the next server, and returns nil once that
	// server is responsible for it. It returns when ctx ends.
	//
	// After an error the queue tries again until the token would have expired,
	// or for 24 hours if the message is a notice of a reset, unless the error
	// wraps [ErrPermanent]. An error must not quote the link, the code or NotMe,
	// nor a part of them, in whatever escaping: servers like to quote what they
	// refuse.
	//
	// Delivery is at least once: the same message, with the same ID and the
	// same token, can come again. It must be delivered then, unless the next
	// server took it before. Another ID is another message, also to the same
	// address, for the same lead and of the same kind. A Notifier that knows that
	// the next server has a message and has not answered yet returns an error
	// that wraps [ErrAwaitingReply] when ctx ends.
	Notify(ctx context.Context, m Message) error
}

// ConcurrencyLimited is a [Notifier] that delivers only so many messages at a
// time, or a [WorkerQueue] that performs only so many jobs at a time. [New] makes
// its own delivery queue fit the Notifier, and warns if the host's queue has more
// workers than the Notifier can use: these would spend their time waiting for a
// connection.
type ConcurrencyLimited interface {
	// MaxConcurrent returns the number, or 0 if there is no limit, or no worker.
	MaxConcurrent() int
}

// A ChannelNotifier is a [Notifier] that says which channels it serves, such as
// that of package smtpnotifier, which sends mails only. [New] refuses one that
// cannot reach a field with Receive. A Notifier without this method, for example
// a [NotifierFunc], is taken to serve every channel.
type ChannelNotifier interface {
	Notifier
	// Channels returns the channels, always the same ones.
	Channels() []Channel
}

// serves reports whether a notifier delivers by a channel, or does not say.
func serves(n Notifier, c Channel) bool {
	says, ok := n.(ChannelNotifier)
	return !ok || slices.Contains(says.Channels(), c)
}

// A BudgetNotifier is a [Notifier] that knows, before a token is stored,
// whether it can deliver to an address, and which further budgets the message
// counts against, for example that of a country. For authors of notifiers;
// package smsnotifier has one.
//
// A [Service] asks it in the job of a public request, and in
// [Service.IssueToken] with Send, while the caller waits. The budgets are
// counted together with the limits of the person. If one of them refuses, no
// token is stored.
type BudgetNotifier interface {
	Notifier
	// Budgets returns the budgets that m counts against, at most 4. It must
	// return at once. m has neither URL nor Code yet, and no ID if it comes
	// from IssueToken.
	//
	// An error that wraps [ErrPermanent] says that m can never be delivered. No
	// token is stored then and no message is sent, and an event says so. After
	// any other error the queue tries again.
	Budgets(ctx context.Context, m Message) ([]Budget, error)
}

// A Budget is a limit on the number of messages, to whomever they go. For
// authors of a [BudgetNotifier].
type Budget struct {
	// Name is what is counted, for example "sms-DE": 1 to 32 characters of
	// printable ASCII without spaces. It must not name a person.
	Name   string
	Policy LimitPolicy
}

// A NotifierFunc is a function that is a [Notifier].
type NotifierFunc func(ctx context.Context, m Message) error

// Notify calls f.
func (f NotifierFunc) Notify(ctx context.Context, m Message) error { return f(ctx, m) }

// ByChannel returns a Notifier that gives each message to the notifier of its
// channel, and asks that one for budgets if it is a [BudgetNotifier]. A message
// whose channel has no notifier fails with [ErrPermanent].
func ByChannel(notifiers map[Channel]Notifier) Notifier {
	byChannel := make(map[Channel]Notifier, len(notifiers))
	for channel, n := range notifiers {
		if n != nil {
			byChannel[channel] = n
		}
	}
	return channels(byChannel)
}

type channels map[Channel]Notifier

func (c channels) of(m Message) (Notifier, error) {
	n, ok := c[m.Channel]
	if !ok {
		return nil, fmt.Errorf("%w: no notifier for channel %q", ErrPermanent, m.Channel)
	}
	return n, nil
}

// Notify implements [Notifier].
func (c channels) Notify(ctx context.Context, m Message) error {
	n, err := c.of(m)
	if err != nil {
		return err
	}
	return n.Notify(ctx, m)
}

// Channels implements [ChannelNotifier]. It leaves out a channel whose notifier
// says that it does not serve it.
func (c channels) Channels() []Channel {
	var served []Channel
	for channel, n := range c {
		if serves(n, channel) {
			served = append(served, channel)
		}
	}
	return served
}

// MaxConcurrent implements [ConcurrencyLimited]. All channels share the workers
// of one queue, so it returns the smallest number of them.
func (c channels) MaxConcurrent() int {
	least := 0
	for _, n := range c {
		if limited := maxConcurrent(n); limited > 0 && (least == 0 || limited < least) {
			least = limited
		}
	}
	return least
}

// maxConcurrent returns how much a notifier or a queue does at a time, or 0 if
// that is not known.
func maxConcurrent(collaborator any) int {
	if c, ok := collaborator.(ConcurrencyLimited); ok {
		return max(0, c.MaxConcurrent())
	}
	return 0
}

// Budgets implements [BudgetNotifier]. It returns none if the notifier of the
// channel is no BudgetNotifier.
func (c channels) Budgets(ctx context.Context, m Message) ([]Budget, error) {
	n, err := c.of(m)
	if err != nil {
		return nil, err
	}
	if b, ok := n.(BudgetNotifier); ok {
		return b.Budgets(ctx, m)
	}
	return nil, nil
}
