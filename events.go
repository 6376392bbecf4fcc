package recovery

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"time"
)

// An EventKind says what happened. If OWASP's logging vocabulary has a name for
// it, that name stands in the comment of the constant.
type EventKind string

// The kinds of events.
const (
	// EventMessageSent says that the [Notifier] accepted a message
	// (authn_token_created for a link or code). For a [MessageResetLinks] there is
	// one for each account.
	EventMessageSent EventKind = "message_sent"
	// EventMessageSuppressed says that a request sent no message. Reason says
	// why. Beside a message for several accounts with one address there is one for
	// each account that it leaves out.
	EventMessageSuppressed EventKind = "message_suppressed"
	// EventDeliveryFailed says that an attempt at a delivery failed, and Cause
	// why: the [Notifier] refused or did not answer, or a store that the worker
	// needs. The queue tries again, unless an [EventDeadLetter] follows.
	EventDeliveryFailed EventKind = "delivery_failed"
	// EventDeadLetter says that the queue gave a job up.
	EventDeadLetter EventKind = "dead_letter"
	// EventTokenIssued says that a server got a token, or a help desk a link or code
	// (authn_token_created).
	// Mailed says whether the token was sent to the lead too. If it was not,
	// whoever has the token has not proved access to a mailbox.
	EventTokenIssued EventKind = "token_issued"
	// EventPasswordReset says that a reset is complete (authn_password_change).
	// It does not say that the account is clean: API keys, passkeys and
	// forwarding addresses that a thief added outlive the password, and so do
	// remember-me tokens that the [SessionEnder] does not end.
	EventPasswordReset EventKind = "password_reset"
	// EventFirstPassword says that a lead has chosen its first password, with an
	// invitation.
	EventFirstPassword EventKind = "first_password"
	// EventPasswordChanged says that a lead that was signed in has changed its password
	// (authn_password_change): see [Service.ChangePassword]. It does
	// not say that the account is clean, as EventPasswordReset does not.
	EventPasswordChanged EventKind = "password_changed"
	// EventChangeRefused says that such a change failed (authn_password_change_fail).
	// Reason says why. Many with [ReasonWrongPassword] for one lead are worth an
	// alarm: somebody with its session guesses at its password (A102).
	EventChangeRefused EventKind = "change_refused"
	// EventAfterResetFailed says that [Options].AfterReset returned an error, and
	// Cause which. The password is changed all the same, and it is not called
	// again.
	EventAfterResetFailed EventKind = "after_reset_failed"
	// EventBulkProgress says how far a [Service.SendToAll] has come, in Bulk: once
	// a minute, and at the end.
	EventBulkProgress EventKind = "bulk_progress"
	// EventResetRefused says that a reset, or a check of a proof, failed
	// (authn_password_change_fail). Reason says why.
	EventResetRefused EventKind = "reset_refused"
	// EventTokensRevoked says that [Service.RevokeTokens] or [Service.RevokeToken]
	// was called (authn_token_revoked).
	EventTokensRevoked EventKind = "tokens_revoked"
	// EventNotMe says that a person answered a message with "this was not me".
	// Message is the kind of that message. If it is [MessagePasswordChanged],
	// somebody else had the account: this is worth an alarm, and a look at what
	// that person may have left there (see [SessionEnder]).
	EventNotMe EventKind = "not_me"
	// EventSessionsNotEnded says that [SessionEnder] failed after a reset or a
	// [Service.NotMe]. The queue tries it again.
	EventSessionsNotEnded EventKind = "sessions_not_ended"
	// EventRateLimited says that a request was answered with 429
	// (excess_rate_limit_exceeded).
	EventRateLimited EventKind = "rate_limited"
	// EventCodesExhausted says that a code was asked for and not sent, because so many
	// wrong ones were typed for the lead within 24 hours: see
	// [TokenOptions].CodeFailures. Links work, and so do codes that known devices ask
	// for. Somebody guesses: this is worth a look. It comes at most once an hour for a
	// lead.
	EventCodesExhausted EventKind = "codes_exhausted"
	// EventWrongRecord says that a store returned another lead or token than
	// the one it was asked for (A10, A90). The store has a defect: this is
	// worth an alarm.
	EventWrongRecord EventKind = "wrong_record"
)

// An EventReason says why no message was sent or why a reset was refused. It is
// for the host's audit log and never part of an answer.
type EventReason string

// The reasons of events.
const (
	ReasonUnknownLead EventReason = "unknown_lead"
	ReasonAmbiguous   EventReason = "ambiguous" // several leads have the value: see [MultiLeadStore]
	ReasonDisabled    EventReason = "disabled"
	ReasonNoPassword  EventReason = "no_password"
	ReasonNoRecipient EventReason = "no_verified_recipient"
	// ReasonInvited says that the lead has [StatusInvited]: it has no password to
	// reset, and uses its invitation.
	ReasonInvited EventReason = "invited"
	// ReasonHasPassword says that an invitation is for a lead that has a password.
	ReasonHasPassword EventReason = "has_password"
	// ReasonWrongPurpose says that a link was made for another [Purpose].
	ReasonWrongPurpose EventReason = "wrong_purpose"
	// ReasonSentBefore says that this lead was sent the message of this
	// [BulkRequest].Name before.
	ReasonSentBefore    EventReason = "sent_before"
	ReasonUndeliverable EventReason = "undeliverable" // as the [BudgetNotifier] says
	// ReasonUndeliverableAddress says that the lead's verified address cannot be
	// written to, for example because it has a name or a line end in it.
	ReasonUndeliverableAddress EventReason = "undeliverable_address"
	// ReasonInvalidLead says that the [LeadStore] returned a lead whose ID or
	// Version breaks its contract. The log says which rule.
	ReasonInvalidLead        EventReason = "invalid_lead"
	ReasonRateLimited        EventReason = "rate_limited" // Scope says whose limit refused
	ReasonTokenSpent         EventReason = "token_spent"  // a job was repeated after its token was used
	ReasonMalformedProof     EventReason = "malformed_proof"
	ReasonUnknownKey         EventReason = "unknown_key"        // sealed with a key that this instance does not have, or altered
	ReasonNewerFormat        EventReason = "newer_version"      // sealed by a newer version of this library
	ReasonUnknownToken       EventReason = "unknown_token"      // not in the store, expired, used or a wrong code
	ReasonLeadChanged        EventReason = "lead_changed"       // the token was made for another [Lead].Version
	ReasonClaimedByAnother   EventReason = "claimed_by_another" // another request used the token first
	ReasonPasswordPolicy     EventReason = "password_policy"
	ReasonStepUpRequired     EventReason = "step_up_required"
	ReasonStoreUnavailable   EventReason = "store_unavailable" // the token store did not answer the claim
	ReasonPasswordNotWritten EventReason = "not_written"       // [ErrNotWritten]
	ReasonOutcomeUnknown     EventReason = "outcome_unknown"   // [ErrOutcomeUnknown]
	// ReasonTooManyGuesses says that the wrong guesses at codes are used up: see
	// [EventCodesExhausted].
	ReasonTooManyGuesses EventReason = "too_many_guesses"
	// ReasonTooManyCodes says that others have asked for codes, and that as many of
	// theirs are live as a lead may have.
	ReasonTooManyCodes EventReason = "too_many_codes"

	// ReasonSecondFactorMissing says that the lead needs a second factor, and the
	// request had none.
	ReasonSecondFactorMissing EventReason = "second_factor_missing"
	// ReasonSecondFactorWrong says that the second factor was wrong. Whoever sent it
	// holds a valid link or code, so several in a row are worth an alarm: somebody
	// may be reading the person's mail.
	ReasonSecondFactorWrong EventReason = "second_factor_wrong"
	// ReasonOtherBrand says that a message for several accounts leaves one out,
	// because it belongs to another brand.
	ReasonOtherBrand    EventReason = "other_brand"
	ReasonWrongPassword EventReason = "wrong_password" // [ErrWrongPassword]
	ReasonResetRequired EventReason = "reset_required" // a lead with [StatusResetRequired] is signed in
)

// An Event is one thing that happened, for audit logs and alarms. It holds no
// token, code, password or address. Fields that do not apply are zero.
type Event struct {
	Time   time.Time
	Kind   EventKind
	Reason EventReason
	// Scope says whose limit refused, if one did.
	Scope LimitScope
	// JobID is the same in all events of one request for a link or code.
	JobID string
	// LeadID is empty until a lead was found.
	LeadID string
	// Caller and Client are those of the request's [Requester].
	Caller string
	Client netip.Addr
	// Channel and Message are those of the message, if there is one.
	Channel Channel
	Message MessageKind
	// Purpose is that of the link. It is empty for [PurposeReset].
	Purpose Purpose
	// Bulk is how far an EventBulkProgress has come.
	Bulk BulkProgress
	// Attempt is which attempt failed, in an [EventDeliveryFailed], from 1 on. It
	// is 0 if the queue does not tell ([WithAttempt]).
	Attempt int
	// Cause is the text of the error, in an EventDeliveryFailed and an
	// EventAfterResetFailed: up to 512 bytes, without the address, the account, the
	// links and the code of the message.
	Cause string
	// Mailed says, in an [EventTokenIssued], that the token was sent to the
	// lead too.
	Mailed bool
	// Labels are those of the request, for example [ForgotRequest].Labels. Each
	// sink gets a copy of its own.
	Labels map[string]string
	// Brand is the name of the brand of the message or, if no lead was found, of the
	// request. It is empty if there is none.
	Brand string
	// Data are those of the message, as in [Message]. The log does not get them, and
	// package webhook only sends them to an endpoint that asks for them. Each sink
	// gets a copy of its own.
	Data map[string]string
	// Operator is [HelpDeskRequest].Operator, in the events about what a help desk
	// issued: EventTokenIssued, EventPasswordReset, EventResetRefused once the link
	// or code was found valid, those of the notice, and, if a request of
	// [Service.HelpDeskHandler] caused it, EventTokensRevoked. It is the one name of a
	// person in an event: that of the host's own staff.
	Operator string
}

// LogValue returns a group of the fields that are set, without Labels and Data.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", string(e.Kind))}
	for _, f := range []struct{ name, value string }{
		{"reason", string(e.Reason)}, {"scope", string(e.Scope)}, {"job", e.JobID}, {"lead", e.LeadID},
		{"caller", e.Caller}, {"channel", string(e.Channel)}, {"message", string(e.Message)}, {"purpose", string(e.Purpose)}, {"cause", e.Cause}, {"brand", e.Brand}, {"operator", e.Operator},
	} {
		if f.value != "" {
			attrs = append(attrs, slog.String(f.name, f.value))
		}
	}
	if e.Attempt > 0 {
		attrs = append(attrs, slog.Int("attempt", e.Attempt))
	}
	if e.Kind == EventBulkProgress {
		attrs = append(attrs, slog.Any("bulk", e.Bulk))
	}
	if e.Client.IsValid() {
		attrs = append(attrs, slog.String("client", e.Client.String()))
	}
	if e.Kind == EventTokenIssued {
		attrs = append(attrs, slog.Bool("mailed", e.Mailed))
	}
	return slog.GroupValue(attrs...)
}

// An EventSink receives events. It is called by several goroutines at once, and
// the Service waits for it, so it should be quick. Events of a request for a
// link or code come after the answer, except that of a 429. An EventSink needs to
// write no log: [Options].Logger gets each event too, and what fails beside.
type EventSink func(ctx context.Context, e Event)

func (s *Service) emit(ctx context.Context, e Event) {
	e.Time = time.Now()
	if e.Brand == "" {
		e.Brand = BrandOf(ctx) // of the request, as long as no lead is known
	}
	level := slog.LevelInfo
	switch e.Kind {
	case EventSessionsNotEnded:
		level = slog.LevelError
	case EventNotMe, EventCodesExhausted:
		level = slog.LevelWarn
	case EventResetRefused, EventChangeRefused, EventRateLimited, EventMessageSuppressed, EventDeliveryFailed, EventDeadLetter, EventWrongRecord:
		// The log says, once for many, what fails, that jobs are given up, and what
		// is wrong with a record.
		level = slog.LevelDebug
		if e.Scope == ScopeBudget {
			// Until the budget's window opens, nobody gets a message on this
			// channel, so the host should know.
			level = slog.LevelWarn
		}
	}
	if s.log.Enabled(ctx, level) {
		s.log.LogAttrs(ctx, level, "recovery", slog.Any("event", e))
	}
	if s.opts.Development {
		s.advise(ctx, e)
	}
	if s.opts.Events == nil {
		return
	}
	defer s.recoverPanic(ctx, "Options.Events", nil)
	e.Labels, e.Data = maps.Clone(e.Labels), maps.Clone(e.Data) // the sink may keep and change them
	s.opts.Events(ctx, e)
}
