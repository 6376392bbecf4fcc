package recovery

import (
	"context"
	"errors"
	"time"
)

// A PasswordReset says how a password was replaced, or the first one chosen.
type PasswordReset struct {
	LeadID string
	// Purpose is that of the link or code. It is empty with ProofPassword, because
	// there was none.
	Purpose Purpose
	// Proof is what the person presented.
	Proof ProofKind
	// Field is the field of the lead whose address got the link or code, and
	// Channel how. Only somebody who reads what arrives there can have it. Both
	// are empty if that is not certain: for a token that a server or the host got
	// too, for a link that went to several addresses after "this was not me", for
	// a code if several fields of its channel may receive, and with ProofPassword.
	Field   string
	Channel Channel
	// Age is the time since the token was stored or, for an invitation and a forced
	// reset, since its link was sealed. It is exact to a second or so, if the clocks
	// are right and the lifetimes in [TokenOptions] have not been changed since. It
	// is zero with ProofPassword.
	Age time.Duration
	// KnownDevice says that a known device of the lead sent the request: see
	// [Service.RememberDevice].
	KnownDevice bool
	// Requester is that of the request.
	Requester Requester
	// Brand is [Lead].Brand or, if the lead has none, [ResetRequest].Brand.
	Brand string
	// Operator is [HelpDeskRequest].Operator, or empty if no help desk has issued
	// the proof.
	Operator string
}

// A ProofKind says what a person presented.
type ProofKind string

// The kinds of proofs.
const (
	// ProofLink is the link of a message.
	ProofLink ProofKind = "link"
	// ProofCode is the code of a message.
	ProofCode ProofKind = "code"
	// ProofIssued is a token of [Service.IssueToken] that was not sent.
	ProofIssued ProofKind = "issued"
	// ProofPassword is the current password, in [Service.ChangePassword].
	ProofPassword ProofKind = "password"
	// ProofHelpDeskLink is a link, and ProofReadOutCode a code, of
	// [Service.IssueForHelpDesk].
	ProofHelpDeskLink ProofKind = "help_desk_link"
	ProofReadOutCode  ProofKind = "read_out_code"
)

// proof returns what whoever has a token of this kind presents.
func (k tokenKind) proof() ProofKind {
	switch k {
	case kindIssued:
		return ProofIssued
	case kindCode:
		return ProofCode
	case kindDeskLink:
		return ProofHelpDeskLink
	case kindReadOut:
		return ProofReadOutCode
	}
	return ProofLink
}

// An AfterResetFunc is called once after a password was replaced, by a reset or a
// change, or a first one was chosen: after the lead's sessions were ended, and before
// the answer. A host uses it to unlock an account after too many failed log-ins, or to
// end remember-me tokens. It is not called if the outcome of the write is unknown.
//
// ctx ends after [Options].StoreTimeout, and not with the request. An error or a
// panic becomes an [EventAfterResetFailed], and changes no answer: it is not
// called again, so what must not be lost belongs into a queue of the host's. It
// is not called for a lead with StatusDisabled, whose proof is refused before: a
// reset lifts no ban. It is called by several goroutines at once.
//
// A host that signs the person in here skips what its log-in asks for besides the
// password, such as a second factor, and gives whoever can read one message a
// session (OWASP Forgot Password Cheat Sheet). This library signs nobody in.
type AfterResetFunc func(ctx context.Context, done PasswordReset) error

// facts returns how the password is replaced.
func (s *Service) facts(p proven, from Requester) PasswordReset {
	done := PasswordReset{
		LeadID: p.lead.ID, Purpose: p.kind.purpose(), Proof: p.kind.proof(), Operator: p.event.Operator,
		Age:         max(0, s.lifetime(p.kind)-time.Until(p.token.Expires)),
		KnownDevice: s.knownDevice(from.Device, p.lead) != "", Requester: from, Brand: p.event.Brand,
	}
	switch {
	case p.kind == kindIssued:
	case p.kind.isHelpDesk(): // its request chooses the lifetime, and it proves no address
		if !p.token.Created.IsZero() {
			done.Age = max(0, time.Since(p.token.Created))
		}
	case p.kind == kindCode:
		done.Field = s.onlyReceiver(FieldTypePhone)
		if p.wasMailed(s.keys, p.lead) {
			done.Field = s.onlyReceiver(FieldTypeEmail)
		}
	case !p.shared:
		done.Field = s.keys.fieldOf(p.token.Slot, p.kind, p.lead.ID, s.mailTo)
	}
	if !p.sealed.IsZero() && (p.kind == kindForced || p.kind == kindInvitation) {
		done.Age = max(0, time.Since(p.sealed)) // their requests choose the lifetime
	}
	switch s.fields[done.Field].Type {
	case FieldTypeEmail:
		done.Channel = ChannelEmail
	case FieldTypePhone:
		done.Channel = ChannelSMS
	default:
		done.Field, done.Channel = "", ""
	}
	return done
}

// onlyReceiver returns the field of a type that codes go to, if there is only one.
func (s *Service) onlyReceiver(t FieldType) string {
	only := ""
	for _, f := range s.opts.Fields {
		if f.Receive && f.Type == t {
			if only != "" {
				return ""
			}
			only = f.Name
		}
	}
	return only
}

// callAfterReset calls the host's function.
func (s *Service) callAfterReset(ctx context.Context, r replacement, done PasswordReset) {
	if s.opts.AfterReset == nil {
		return
	}
	err := s.call(ctx, "AfterReset", func(ctx context.Context) error {
		return scrub(s.opts.AfterReset(ctx, done), identifiers(r.lead)...)
	}, unknownSecrets)
	if err == nil {
		return
	}
	e := r.event
	e.Kind, e.Cause = EventAfterResetFailed, shorten(err.Error(), maxCause)
	s.emit(ctx, e)
}

// markVerified tells the host that an address, which was not verified, was proved
// by a link.
func (s *Service) markVerified(ctx context.Context, lead Lead, done PasswordReset) {
	store, ok := s.leads.(VerifyingLeadStore)
	value := lead.Fields[done.Field]
	if !ok || done.Field == "" || value.Verified || done.Proof != ProofLink {
		return
	}
	mark := func(ctx context.Context) error {
		err := store.MarkVerified(ctx, lead.ID, done.Field, value.Value)
		if errors.Is(err, ErrLeadNotFound) {
			return nil
		}
		return scrub(err, value.Value)
	}
	if s.call(ctx, "VerifyingLeadStore.MarkVerified", mark, value.Value) != nil {
		s.repeat("VerifyingLeadStore.MarkVerified", time.Now().Add(noticeTTL), mark)
	}
}
