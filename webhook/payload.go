package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A Payload is the JSON body of a delivery, for receivers in Go to decode.
type Payload struct {
	// Type is [Type] of the event's kind.
	Type string `json:"type"`
	// Timestamp is when the event happened, in UTC. The header
	// webhook-timestamp says when the delivery was attempted.
	Timestamp time.Time `json:"timestamp"`
	Data      Data      `json:"data"`
}

// Data is what a [Payload] says of an event: the fields of [recovery.Event].
// Those that an event does not have are left out. There is no token, code,
// address or password among them.
type Data struct {
	// Reason says why nothing was sent or a reset was refused.
	Reason recovery.EventReason `json:"reason,omitzero"`
	// Scope is the tier of limits that refused.
	Scope recovery.LimitScope `json:"scope,omitzero"`
	// JobID joins the events of one request for a reset.
	JobID string `json:"job_id,omitzero"`
	// LeadID is the host's name for the account.
	LeadID string `json:"lead_id,omitzero"`
	// Caller is the ID of the API key that asked, never its secret.
	Caller string `json:"caller,omitzero"`
	// Client is the address of the person's device, for endpoints with
	// [Endpoint].IncludeClient.
	Client netip.Addr `json:"client,omitzero"`
	// Channel and Message say what was sent.
	Channel recovery.Channel     `json:"channel,omitzero"`
	Message recovery.MessageKind `json:"message,omitzero"`
	// Mailed says of a token that was issued whether it was sent to the lead
	// too. It is there for [recovery.EventTokenIssued] only, and then always.
	Mailed *bool `json:"mailed,omitzero"`
	// Labels are the request's, without [recovery.LabelNoWebhook].
	Labels map[string]string `json:"labels,omitzero"`
}

// maxBody bounds a body, so that, sealed, it stays under the 16 KiB that a
// [recovery.Job] may carry. Standard Webhooks recommends less than 20 kB.
const maxBody = 8 << 10

// Type is the type of a kind's deliveries: "recovery." and the kind. A receiver
// that is told by several systems tells them apart by it.
func Type(kind recovery.EventKind) string { return "recovery." + string(kind) }

// DefaultEvents are the kinds that another system acts upon, each of which
// stems from somebody who proved something, or from a fault: password_reset,
// tokens_revoked, token_issued, not_me, sessions_not_ended, dead_letter and
// wrong_record.
//
// The others are for those who ask for them. Any stranger can cause
// message_sent, message_suppressed, reset_refused and rate_limited as often as the
// limits let them, so each of their requests would become one of the host's to
// every such endpoint; and the first two tell a receiver for whose account a
// link was asked.
func DefaultEvents() []recovery.EventKind {
	return []recovery.EventKind{
		recovery.EventPasswordReset, recovery.EventTokensRevoked, recovery.EventTokenIssued, recovery.EventNotMe,
		recovery.EventSessionsNotEnded, recovery.EventDeadLetter, recovery.EventWrongRecord,
	}
}

// AllEvents are all kinds of events, for an audit log.
func AllEvents() []recovery.EventKind {
	return append(DefaultEvents(),
		recovery.EventMessageSent, recovery.EventMessageSuppressed, recovery.EventResetRefused, recovery.EventRateLimited)
}

// newBody is the event as every attempt will send it.
func newBody(e recovery.Event, includeClient bool) ([]byte, error) {
	p := Payload{Type: Type(e.Kind), Timestamp: e.Time.UTC(), Data: Data{
		Reason: e.Reason, Scope: e.Scope, JobID: e.JobID, LeadID: e.LeadID, Caller: e.Caller,
		Channel: e.Channel, Message: e.Message,
	}}
	for name, value := range e.Labels {
		if name == recovery.LabelNoWebhook {
			continue
		}
		if p.Data.Labels == nil {
			p.Data.Labels = make(map[string]string)
		}
		p.Data.Labels[name] = value
	}
	if includeClient {
		p.Data.Client = e.Client.Unmap()
	}
	if e.Kind == recovery.EventTokenIssued {
		p.Data.Mailed = &e.Mailed
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it is no page, and six bytes for each '&' are five too many
	if err := enc.Encode(p); err != nil {
		return nil, err
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(body) > maxBody {
		return nil, errors.New("it is longer than 8 KiB")
	}
	return body, nil
}
