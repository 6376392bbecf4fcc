package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A Payload is the JSON body of a delivery. Receivers in Go can decode into it.
type Payload struct {
	// Type is the type of the event, see [Type].
	Type string `json:"type"`
	// Timestamp is when the event happened, in UTC. The header
	// webhook-timestamp says when the delivery was attempted.
	Timestamp time.Time `json:"timestamp"`
	Data      Data      `json:"data"`
}

// Data holds what a [Payload] says about an event: the fields of
// [recovery.Event]. Fields that the event does not have are left out. None
// holds a token, code, address or password.
type Data struct {
	// Reason says why nothing was sent or a reset was refused.
	Reason recovery.EventReason `json:"reason,omitzero"`
	// Scope says which limit refused the request.
	Scope recovery.LimitScope `json:"scope,omitzero"`
	// JobID is the same for all events of one request for a reset.
	JobID string `json:"job_id,omitzero"`
	// LeadID is the host's ID of the account.
	LeadID string `json:"lead_id,omitzero"`
	// Caller is the ID of the API key that asked, never its secret.
	Caller string `json:"caller,omitzero"`
	// Client is the address of the person's device, for endpoints with
	// [Endpoint].IncludeClient.
	Client netip.Addr `json:"client,omitzero"`
	// Channel and Message say which message was sent, and how.
	Channel recovery.Channel     `json:"channel,omitzero"`
	Message recovery.MessageKind `json:"message,omitzero"`
	// Purpose is that of the link. It is empty for the reset of a password that a
	// person asked for.
	Purpose recovery.Purpose `json:"purpose,omitzero"`
	// Bulk is how far a [recovery.Service.SendToAll] has come. It is set for
	// [recovery.EventBulkProgress] only, and always for that.
	Bulk *Bulk `json:"bulk,omitzero"`
	// Attempt is which attempt failed, in a [recovery.EventDeliveryFailed].
	Attempt int `json:"attempt,omitzero"`
	// Mailed says whether an issued token was also sent to the lead. It is set
	// for [recovery.EventTokenIssued] only, and always for that.
	Mailed *bool `json:"mailed,omitzero"`
	// Labels are the labels of the request, without [recovery.LabelNoWebhook].
	Labels map[string]string `json:"labels,omitzero"`
	// Brand is the name of the brand of the message or, if no lead was found, of the
	// request.
	Brand string `json:"brand,omitzero"`
	// HostData are the host's own words, for endpoints with
	// [Endpoint].IncludeHostData. HostDataOmitted says that they are left out, because
	// the body would have more than 8 KiB with them.
	HostData        map[string]string `json:"host_data,omitzero"`
	HostDataOmitted bool              `json:"host_data_omitted,omitzero"`
	// Operator is the name of whoever of the host's help desk issued or revoked what
	// the event is about, as the host wrote it.
	Operator string `json:"operator,omitzero"`
}

// Bulk is a [recovery.BulkProgress].
type Bulk struct {
	Name      string `json:"name"`
	Read      int    `json:"read"`
	Queued    int    `json:"queued"`
	Before    int    `json:"before"`
	Malformed int    `json:"malformed"`
	Done      bool   `json:"done"`
}

// maxBody is the longest body in bytes. A sealed body then has less than the 16
// KiB that a [recovery.Job] may hold. Standard Webhooks recommends less than 20
// kB.
const maxBody = 8 << 10

// Type returns the type of deliveries of a kind: "recovery." and the kind. By
// it, a receiver of several systems' webhooks knows which system sent a
// delivery.
func Type(kind recovery.EventKind) string { return "recovery." + string(kind) }

// DefaultEvents returns the kinds of events that other systems usually act on:
// password_reset, password_changed, first_password, after_reset_failed, tokens_revoked,
// token_issued, not_me, sessions_not_ended, dead_letter, wrong_record and
// codes_exhausted. Each is caused by a person or caller who proved something, or by a
// fault. A stranger can cause the last one, but only once an hour for each lead.
//
// An endpoint gets the other kinds only if [Endpoint].Events names them. Any
// stranger can cause message_sent, message_suppressed, delivery_failed,
// reset_refused and rate_limited as often as the limits allow. Anybody who is signed
// in can cause change_refused. Each of their requests would then cause a request of
// the host to every such endpoint. Also, message_sent and message_suppressed tell the
// receiver for whose account a link was requested.
func DefaultEvents() []recovery.EventKind {
	return []recovery.EventKind{
		recovery.EventPasswordReset, recovery.EventPasswordChanged, recovery.EventFirstPassword, recovery.EventAfterResetFailed, recovery.EventTokensRevoked, recovery.EventTokenIssued, recovery.EventNotMe,
		recovery.EventSessionsNotEnded, recovery.EventDeadLetter, recovery.EventWrongRecord, recovery.EventCodesExhausted,
	}
}

// AllEvents returns all kinds of events, for an audit log.
func AllEvents() []recovery.EventKind {
	return append(DefaultEvents(),
		recovery.EventBulkProgress, recovery.EventMessageSent, recovery.EventMessageSuppressed, recovery.EventDeliveryFailed, recovery.EventResetRefused, recovery.EventChangeRefused, recovery.EventRateLimited)
}

// newBody returns the body of an event's deliveries.
func newBody(e recovery.Event, includeClient, includeHostData bool) ([]byte, error) {
	p := Payload{Type: Type(e.Kind), Timestamp: e.Time.UTC(), Data: Data{
		Reason: e.Reason, Scope: e.Scope, JobID: e.JobID, LeadID: e.LeadID, Caller: e.Caller,
		Channel: e.Channel, Message: e.Message, Purpose: e.Purpose, Attempt: e.Attempt, Brand: e.Brand, Operator: e.Operator,
	}}
	if e.Kind == recovery.EventBulkProgress {
		bulk := Bulk(e.Bulk)
		p.Data.Bulk = &bulk
	}
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
	if includeHostData && len(e.Data) > 0 {
		p.Data.HostData = e.Data
	}
	body, err := marshal(p)
	if len(body) > maxBody && p.Data.HostData != nil {
		p.Data.HostData, p.Data.HostDataOmitted = nil, true
		body, err = marshal(p)
	}
	if len(body) > maxBody {
		return nil, errors.New("the body is longer than 8 KiB")
	}
	return body, err
}

func marshal(p Payload) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the body is not part of a page, so '&' need not take six bytes
	if err := enc.Encode(p); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
