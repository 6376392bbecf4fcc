package recovery

import (
	"context"
	"log/slog"
	"net/netip"
	"time"
)

// An EventKind says what happened. Where OWASP's logging vocabulary has a name
// for it, the constant's comment gives that.
type EventKind string

// The kinds of events.
const (
	// EventMessageSent is a message that the [Notifier] took
	// (authn_token_created for a link or code).
	EventMessageSent EventKind = "message_sent"
	// EventSuppressed is a request that sent nothing; Reason says why.
	EventMessageSuppressed EventKind = "message_suppressed"
	// EventDeadLetter is a job that was given up.
	EventDeadLetter EventKind = "dead_letter"
	// EventTokenIssued is a token handed to a server (authn_token_created).
	// Mailed says whether it was sent to the lead too; if not, holding it
	// proves no mailbox.
	EventTokenIssued EventKind = "token_issued"
	// EventPasswordReset is a completed reset (authn_password_change).
	EventPasswordReset EventKind = "password_reset"
	// EventResetRefused is a reset or check that failed
	// (authn_password_change_fail); Reason says why.
	EventResetRefused EventKind = "reset_refused"
	// EventTokensRevoked is [Service.RevokeTokens] (authn_token_revoked).
	EventTokensRevoked EventKind = "tokens_revoked"
	// EventNotMe is a person who said "this was not me" to a message; Message
	// says to which. After [MessagePasswordChanged] somebody else had the
	// account: worth an alarm.
	EventNotMe EventKind = "not_me"
	// EventSessionsNotEnded is a reset, or a [Service.NotMe], after which
	// [SessionEnder] failed. It is tried again through the queue.
	EventSessionsNotEnded EventKind = "sessions_not_ended"
	// EventRateLimited is a request answered with 429
	// (excess_rate_limit_exceeded).
	EventRateLimited EventKind = "rate_limited"
	// EventWrongRecord is a store's answer about another lead or token than
	// the one asked for (A10, A90): a defect there, worth an alarm.
	EventWrongRecord EventKind = "wrong_record"
)

// An EventReason says why nothing was sent or a reset was refused. It is for
// the host's audit log and never part of an answer.
type EventReason string

// The reasons of events.
const (
	ReasonUnknownLead      EventReason = "unknown_lead"
	ReasonDisabled         EventReason = "disabled"
	ReasonNoPassword       EventReason = "no_password"
	ReasonNoRecipient      EventReason = "no_verified_recipient"
	ReasonUndeliverable    EventReason = "undeliverable" // says the [BudgetNotifier]
	ReasonRateLimited      EventReason = "rate_limited"  // Scope says by which tier
	ReasonTokenSpent       EventReason = "token_spent"
	ReasonMalformedProof   EventReason = "malformed_proof"
	ReasonUnknownKey       EventReason = "unknown_key"   // sealed with a key that this instance does not have, or changed
	ReasonNewerVersion     EventReason = "newer_version" // sealed by a newer version of this library
	ReasonUnknownToken     EventReason = "unknown_token"
	ReasonVersionChanged   EventReason = "lead_changed"
	ReasonLostClaim        EventReason = "claimed_by_another"
	ReasonPolicy           EventReason = "password_policy"
	ReasonStepUp           EventReason = "step_up_required"
	ReasonStoreUnavailable EventReason = "store_unavailable"
	ReasonNotWritten       EventReason = "not_written"
	ReasonOutcomeUnknown   EventReason = "outcome_unknown"
)

// An Event is one thing that happened, for audit logs and alarms. It holds no
// token, code, password or address.
type Event struct {
	Time   time.Time
	Kind   EventKind
	Reason EventReason
	Scope  LimitScope
	// JobID joins the events of one request for a reset.
	JobID  string
	LeadID string
	// Caller and Client are the request's [Requester].
	Caller  string
	Client  netip.Addr
	Channel Channel
	Message MessageKind
	// Mailed says, for [EventTokenIssued], that the token was sent to the
	// lead as well.
	Mailed bool
	// Labels are those of the request.
	Labels map[string]string
}

// LogValue returns the fields that are set as a group.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", string(e.Kind))}
	for _, f := range []struct{ name, value string }{
		{"reason", string(e.Reason)}, {"scope", string(e.Scope)}, {"job", e.JobID}, {"lead", e.LeadID},
		{"caller", e.Caller}, {"channel", string(e.Channel)}, {"message", string(e.Message)},
	} {
		if f.value != "" {
			attrs = append(attrs, slog.String(f.name, f.value))
		}
	}
	if e.Client.IsValid() {
		attrs = append(attrs, slog.String("client", e.Client.String()))
	}
	if e.Kind == EventTokenIssued {
		attrs = append(attrs, slog.Bool("mailed", e.Mailed))
	}
	return slog.GroupValue(attrs...)
}

// An EventSink receives events. It is called synchronously, so it should be
// quick, and from several goroutines at once. Of a request for a reset it hears
// only after the answer, unless that is a 429.
type EventSink func(ctx context.Context, e Event)

func (s *Service) emit(ctx context.Context, e Event) {
	e.Time = time.Now()
	level := slog.LevelInfo
	switch e.Kind {
	case EventWrongRecord, EventDeadLetter, EventSessionsNotEnded:
		level = slog.LevelError
	case EventNotMe:
		level = slog.LevelWarn
	case EventResetRefused, EventRateLimited, EventMessageSuppressed:
		level = slog.LevelDebug
		if e.Scope == ScopeBudget {
			// Nobody is sent anything until it is over, whoever asks.
			level = slog.LevelWarn
		}
	}
	s.log.LogAttrs(ctx, level, "recovery", slog.Any("event", e))
	if s.opts.Events == nil {
		return
	}
	defer s.recoverPanic(ctx, "Options.Events", nil)
	s.opts.Events(ctx, e)
}
