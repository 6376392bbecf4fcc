package recovery

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery/password"
)

// DevNotifier returns a [Notifier] that prints each message, with its link or
// code, to w, for example [os.Stdout]. It is for a developer who has no mail
// server yet: what it prints are secrets that open accounts. So [New] refuses it
// unless all links lead to the developer's own machine or network, as
// [Options].Development says.
func DevNotifier(w io.Writer) Notifier { return &devNotifier{w: w} }

type devNotifier struct {
	mu sync.Mutex
	w  io.Writer
}

// Notify implements [Notifier].
func (n *devNotifier) Notify(_ context.Context, m Message) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s to %s", m.Kind, m.To)
	if m.Account != "" && m.Account != m.To {
		fmt.Fprintf(&b, ", account %q", m.Account)
	}
	if m.Brand != "" {
		fmt.Fprintf(&b, ", brand %s", m.Brand)
	}
	if m.Operator != "" {
		fmt.Fprintf(&b, ", with the help of %s", m.Operator)
	}
	if !m.Expires.IsZero() {
		layout := time.TimeOnly
		if time.Until(m.Expires) > 12*time.Hour { // an invitation
			layout = time.DateTime
		}
		fmt.Fprintf(&b, ", good until %s", m.Expires.Local().Format(layout))
	}
	b.WriteString("\n")
	for _, a := range m.Accounts {
		fmt.Fprintf(&b, "  link for %q (%s): %s\n", a.Account, a.LeadID, a.URL.Reveal())
	}
	for _, line := range []struct {
		name  string
		value Secret
	}{{"link", m.URL}, {"code", m.Code}, {"\"this was not me\"", m.NotMe}} {
		if !line.value.IsZero() {
			fmt.Fprintf(&b, "  %s: %s\n", line.name, line.value.Reveal())
		}
	}
	b.WriteString("\n")
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err := io.WriteString(n.w, b.String())
	return err
}

// isForDevelopment reports whether a notifier is, or uses, a DevNotifier.
func isForDevelopment(n Notifier) bool {
	switch n := n.(type) {
	case *devNotifier:
		return true
	case channels:
		for _, part := range n {
			if isForDevelopment(part) {
				return true
			}
		}
	}
	return false
}

// checkDevelopment adds mistakes if something that is only for development is set
// while links lead elsewhere. The links must have been checked.
func (o Options) checkDevelopment(mistakes *OptionErrors, notifier Notifier) {
	const where = "is only for development: %s must lead to localhost, *.localhost, *.test, or a loopback or private address, and leads to another host"
	if n, ok := notifier.(*devNotifier); ok && n.w == nil {
		mistakes.Add("notifier", "DevNotifier needs a writer, for example os.Stdout")
	}
	for _, l := range []struct {
		name string
		link Link
	}{{"Link", o.Link}, {"NotMe", o.NotMe}, {"Invitations.Link", o.Invitations.Link}} {
		u, err := url.Parse(l.link.URL)
		if err != nil || u.Hostname() == "" || isDevelopmentHost(u.Hostname()) {
			continue
		}
		if o.Development {
			mistakes.Add("Development", where, l.name)
		}
		if isForDevelopment(notifier) {
			mistakes.Add("notifier", "DevNotifier "+where, l.name)
		}
	}
}

// isDevelopmentHost reports whether nobody on the internet reaches the host.
func isDevelopmentHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if isLoopback(host) || strings.HasSuffix(host, ".test") { // RFC 6761, section 6.2
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsPrivate()
}

// advise logs, while somebody develops, what to do about an event that would
// otherwise be told at level DEBUG only. Any stranger can cause these events, so
// in production they would fill the log.
func (s *Service) advise(ctx context.Context, e Event) {
	what, advice := "", ""
	switch e.Kind {
	case EventMessageSuppressed:
		what, advice = "nothing is sent", suppressedAdvice[e.Reason]
		if e.Reason == ReasonRateLimited {
			advice = limitAdvice(e.Scope)
		}
	case EventResetRefused:
		what, advice = "the link, code or password is refused", refusedAdvice[e.Reason]
		if e.Reason == ReasonRateLimited {
			advice = tooManyFactors
		}
	case EventChangeRefused:
		what, advice = "the change of the password is refused", changeAdvice[e.Reason]
	case EventRateLimited:
		what, advice = "the request is answered with 429", limitAdvice(e.Scope)
		if e.Scope == ScopeLead { // no other request is refused for its lead
			advice = "the password of this lead was changed, or tried for a change, too often. See option Limits.Change, and raise option Limits to try things out"
		}
	case EventPasswordReset, EventPasswordChanged:
		if _, bcrypt := s.opts.Passwords.Hasher.(*password.Bcrypt); !bcrypt && !s.toldOfHash.Swap(true) {
			what, advice = "the password was changed", "log-in has to call Verify of Service.Hasher, which reads the new hash and bcrypt. If log-in calls bcrypt.CompareHashAndPassword, this person can no longer sign in"
		}
	}
	if advice != "" {
		s.log.InfoContext(ctx, "recovery: development: "+what+": "+advice, "event", e)
	}
}

// tooManyFactors is for resets and changes.
const tooManyFactors = "too many second factors were tried for this lead. Raise option Limits to try things out"

var suppressedAdvice = map[EventReason]string{
	ReasonUnknownLead:          "LeadStore.FindLead found no lead. Look at the field and the value that it was asked for: the value is in lower case, and FindLead must find the lead however it is stored",
	ReasonAmbiguous:            "several leads have the value, so it is not certain whom the message is for. A link by e-mail can name them all, if FindLeads finds them (see MultiLeadStore) and they have one address. Codes need a value that one lead has",
	ReasonDisabled:             "the lead's Status is StatusDisabled, or none of the constants. The zero value counts as disabled, so FindLead has to set it",
	ReasonNoPassword:           "the lead has StatusNoPassword. Set option Messages.NoPassword to tell such leads how they sign in",
	ReasonNoRecipient:          "the lead has no verified address in the field that the message goes to. FindLead has to return it in Lead.Fields, under the name that option Fields gives, with Verified set",
	ReasonUndeliverableAddress: "the lead's verified address cannot be written to. The warning beside says why",
	ReasonInvalidLead:          "the lead's ID or Version is not valid. The error beside says why",
	ReasonUndeliverable:        "the notifier says that it can never deliver to this address. The warning beside says why",
	ReasonInvited:              "the lead has StatusInvited, so it has no password to reset. Set option Invitations.OnForgot to send it an invitation instead",
	ReasonHasPassword:          "an invitation is for leads without a password, and this one has StatusActive or StatusResetRequired. Send it a reset link",
	ReasonSentBefore:           "SendToAll sent this lead its message under the same name before. Choose another name to send one more",
	ReasonTokenSpent:           "the token was used, or replaced, before its message was sent",
	ReasonOtherBrand:           "the lead belongs to another brand than the message, which names the accounts of one brand only. See BrandOptions",
	ReasonTooManyGuesses:       "too many wrong codes were typed for this lead within 24 hours. See option Tokens.CodeFailures",
	ReasonTooManyCodes:         "two others who asked for a code have one that still lives. A client that keeps the handle of the answer, and sends it along with its next request, has its own code replaced",
}

var refusedAdvice = map[EventReason]string{
	ReasonMalformedProof:   "it is no token of this library, or a part of it is missing. Pass the whole value of the link's parameter. A code has eight digits, and goes with the whole handle of the answer to its request",
	ReasonUnknownKey:       "it was sealed with a key that this instance does not have, or was altered. Links of a program that drew its key at the start end when it ends, and all instances need the same option Keys",
	ReasonNewerFormat:      "a newer version of this library sealed it",
	ReasonUnknownToken:     "the TokenStore does not know it: it was used, it has expired, a newer one replaced it, or the code is wrong. A code works only with its handle or, without one, from the network that it was asked for from. A MemoryTokenStore ends with its process, and is not shared by instances",
	ReasonLeadChanged:      "Lead.Version is not what it was when the link was sent. It must change only with password, address and status, and FindLead must return the same one for the same row each time",
	ReasonWrongPurpose:     "it is the link of an invitation where passwords are reset, or the reverse. Options Link and Invitations.Link have to lead to two pages, and the second one calls AcceptInvitation",
	ReasonTooManyGuesses:   "the code is right, and too many wrong ones were typed for this lead within 24 hours. See option Tokens.CodeFailures",
	ReasonClaimedByAnother: "another request has just used it",
	ReasonPasswordPolicy:   "the new password breaks the rules that know the person, which the answer names. See option Passwords.Policy",

	ReasonSecondFactorMissing: "SecondFactor.Needed says that the lead needs a second factor, and the request has none. Pages ask for it if CheckProof says so, and the JSON API takes it as secondFactor",
	ReasonSecondFactorWrong:   "SecondFactor.Verify says that the second factor is wrong",
}

// again is what a limit counts that holds for one person.
var again = map[LimitScope]string{
	ScopeIdentifier: "a message for the same identifier",
	ScopeLead:       "a message for the same lead",
	ScopeRecipient:  "a message to the same address or number",
	ScopeIssueToken: "a token for the same identifier or lead",
}

// limitAdvice says what a limit on a scope counts.
func limitAdvice(scope LimitScope) string {
	switch scope {
	case ScopeCaller, ScopeClient:
		return "one " + string(scope) + " asked too often. Behind a proxy all clients count as one until option ClientAddress.TrustedProxies lists it. Raise option Limits to try things out"
	case ScopeBudget:
		return "the budget of this channel is used up. See option Limits"
	}
	return again[scope] + " was asked for a short time ago: by default one message a minute, five an hour and ten a day. Wait for a minute, or raise option Limits to try things out"
}
