package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/webhook"
)

// kindsOfTheRoot reads the constants of type EventKind from the source.
func kindsOfTheRoot(t *testing.T) []recovery.EventKind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../events.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []recovery.EventKind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "EventKind" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, recovery.EventKind(value))
		}
		return true
	})
	return kinds
}

// For each new kind in the root, somebody must decide here whether an endpoint
// gets it by default.
func TestEveryKindIsKnown(t *testing.T) {
	root, all := kindsOfTheRoot(t), webhook.AllEvents()
	slices.Sort(root)
	slices.Sort(all)
	if !slices.Equal(root, all) {
		t.Errorf("the root has\n%v, AllEvents\n%v", root, all)
	}
	for _, kind := range webhook.DefaultEvents() {
		if !slices.Contains(all, kind) {
			t.Errorf("%s is a default and none of all", kind)
		}
	}
	for _, kind := range all {
		// This is the syntax in Standard Webhooks, section "Event types".
		if strings.Trim(webhook.Type(kind), "abcdefghijklmnopqrstuvwxyz_.") != "" {
			t.Errorf("type %s", webhook.Type(kind))
		}
	}
}

// For each new field of recovery.Event, somebody must decide here whether it is
// sent.
func TestEveryFieldIsDecidedOn(t *testing.T) {
	told := map[string]string{
		"Time": "timestamp", "Kind": "type", "Reason": "reason", "Scope": "scope", "JobID": "job_id", "LeadID": "lead_id",
		"Caller": "caller", "Client": "client", "Channel": "channel", "Message": "message", "Mailed": "mailed", "Labels": "labels",
		"Attempt": "attempt", "Purpose": "purpose", "Bulk": "bulk", "Brand": "brand", "Data": "host_data", "Operator": "operator",
		"Cause": "", // it quotes what the host's own servers say
	}
	for f := range reflect.TypeFor[recovery.Event]().Fields() {
		if _, ok := told[f.Name]; !ok {
			t.Errorf("Event.%s is neither told nor kept back", f.Name)
		}
	}
	var names []string
	for f := range reflect.TypeFor[webhook.Data]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	for field, name := range told {
		if field != "Time" && field != "Kind" && name != "" && !slices.Contains(names, name) {
			t.Errorf("Data has no %s", name)
		}
	}
	if len(names) != len(told)-3+len([]string{"host_data_omitted"}) {
		t.Errorf("Data has %v", names)
	}
}

func TestBodies(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		event  recovery.Event
		client bool
		want   string // data
	}{
		{"an event with nothing", recovery.Event{Kind: recovery.EventWrongRecord}, false, `{}`},
		{"a token that was mailed", recovery.Event{Kind: recovery.EventTokenIssued, Mailed: true}, false, `{"mailed":true}`},
		{"one that was not says so", recovery.Event{Kind: recovery.EventTokenIssued}, false, `{"mailed":false}`},
		{"no other event is mailed", recovery.Event{Kind: recovery.EventMessageSent, Mailed: true, Channel: recovery.ChannelSMS, Message: recovery.MessageResetCode}, false, `{"channel":"sms","message":"reset_code"}`},
		{"reason and scope", recovery.Event{Kind: recovery.EventMessageSuppressed, Reason: recovery.ReasonRateLimited, Scope: recovery.ScopeLead}, false, `{"reason":"rate_limited","scope":"lead"}`},
		{"a failed attempt, but not its cause", recovery.Event{Kind: recovery.EventDeliveryFailed, Attempt: 2, Cause: "relay down"}, false, `{"attempt":2}`},
		{"the client is not told", recovery.Event{Kind: recovery.EventNotMe, Client: netip.MustParseAddr("192.0.2.1")}, false, `{}`},
		{"unless asked for", recovery.Event{Kind: recovery.EventNotMe, Client: netip.MustParseAddr("192.0.2.1")}, true, `{"client":"192.0.2.1"}`},
		{"in its short form", recovery.Event{Kind: recovery.EventNotMe, Client: netip.MustParseAddr("::ffff:192.0.2.1")}, true, `{"client":"192.0.2.1"}`},
		{"nor then, if nobody knows it", recovery.Event{Kind: recovery.EventNotMe}, true, `{}`},
		{"who helped", recovery.Event{Kind: recovery.EventTokensRevoked, LeadID: "1", Operator: "Zoé <1>"}, false, `{"lead_id":"1","operator":"Zoé <1>"}`},
		{"the purpose", recovery.Event{Kind: recovery.EventFirstPassword, LeadID: "1", Purpose: recovery.PurposeInvitation}, false, `{"lead_id":"1","purpose":"invitation"}`},
		{"progress", recovery.Event{Kind: recovery.EventBulkProgress, Bulk: recovery.BulkProgress{Name: "n", Read: 4, Queued: 3, Before: 2, Malformed: 1, Done: true}}, false, `{"bulk":{"name":"n","read":4,"queued":3,"before":2,"malformed":1,"done":true}}`},
		{"the brand, but not the host's data", recovery.Event{Kind: recovery.EventMessageSent, Brand: "acme", Data: map[string]string{"shop": "Acme"}}, false, `{"brand":"acme"}`},
		{"a name is not taken for HTML", recovery.Event{Kind: recovery.EventNotMe, LeadID: `<a&b>"`}, false, `{"lead_id":"<a&b>\""}`},
		{"nor for a line", recovery.Event{Kind: recovery.EventNotMe, LeadID: "a\r\nb"}, false, `{"lead_id":"a\r\nb"}`},
	} {
		tt.event.Time = at
		want := `{"type":"recovery.` + string(tt.event.Kind) + `","timestamp":"2026-03-04T05:06:07Z","data":` + tt.want + `}`
		if body, err := webhook.NewBody(tt.event, tt.client, false); err != nil || string(body) != want {
			t.Errorf("%s: %v\n%s, want\n%s", tt.name, err, body, want)
		}
	}
}

// An event that the host makes may have no time.
func TestEventWithoutTime(t *testing.T) {
	q := &jobs{}
	var body webhook.Payload
	s := newSender(t, webhook.Options{
		Queue: q, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)},
		OnUndelivered: func(_ context.Context, d webhook.Delivery, _ error) { _ = json.Unmarshal(d.Body, &body) },
	})
	before := time.Now()
	s.Sink(t.Context(), recovery.Event{Kind: recovery.EventPasswordReset})
	s.DeadLetter(t.Context(), q.only(t), recovery.ErrPermanent)
	if body.Timestamp.Before(before.Add(-time.Second)) || body.Timestamp.After(time.Now()) {
		t.Errorf("it happened at %v", body.Timestamp)
	}
}

// The longest body is sealed and delivered. With one byte more, the event is
// dropped.
func TestLongBodies(t *testing.T) {
	rc := newReceiver(t, nil)
	q, logs := &jobs{}, &log{}
	e := rc.endpoint("an-endpoint-with-an-id-of-64-characters-that-is-as-long-as-it-may", secretA)
	e.ID = e.ID[:64]
	s := newSender(t, webhook.Options{Queue: q, Logger: logs.logger(), Endpoints: []webhook.Endpoint{e}})
	event := theReset()
	event.LeadID = ""
	empty, err := webhook.NewBody(event, false, false)
	if err != nil {
		t.Fatal(err)
	}
	event.LeadID = strings.Repeat("x", webhook.MaxBody-len(empty)-len(`"lead_id":"",`))
	s.Sink(t.Context(), event)
	job := q.only(t)
	if err := s.Perform(t.Context(), job); err != nil || len(job.Payload) >= 16<<10 {
		t.Errorf("%v, a payload of %d bytes", err, len(job.Payload))
	}
	if h := rc.wait(t, 1)[0]; len(h.body) != webhook.MaxBody || verify(secretA, h) != nil {
		t.Errorf("a body of %d bytes, %v", len(h.body), verify(secretA, h))
	}
	event.LeadID += "x"
	s.Sink(t.Context(), event)
	if stats := one(t, s); len(q.all()) != 1 || stats.Dropped != 1 {
		t.Errorf("%d jobs, %+v", len(q.all()), stats)
	}
	if !strings.Contains(logs.String(), "longer than 8 KiB") || strings.Contains(logs.String(), "xxx") {
		t.Errorf("logged %.300s", logs)
	}
}

// Whatever an event holds, its body is one minified JSON object with the same
// values.
func FuzzBody(f *testing.F) {
	f.Add("password_reset", "JOB", "lead-42", "crm", "203.0.113.9", int64(0), true)
	f.Add("token_issued", "", "\x00\xff\u2028<>&\"", "", "::1%eth0", int64(1<<62), false)
	f.Add("\xd1", "0", "\x8f", "0", "", int64(0), false) // valid UTF-8 only in combination
	f.Fuzz(func(t *testing.T, kind, job, lead, caller, client string, at int64, include bool) {
		addr, _ := netip.ParseAddr(client)
		e := recovery.Event{
			Time: time.Unix(at%(1<<40), 0), Kind: recovery.EventKind(kind), JobID: job, LeadID: lead, Caller: caller, Client: addr,
		}
		body, err := webhook.NewBody(e, include, false)
		if err != nil {
			return // too long, or beyond the year 9999
		}
		if len(body) > webhook.MaxBody {
			t.Errorf("%d bytes", len(body))
		}
		var p webhook.Payload
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&p); err != nil || dec.More() {
			t.Fatalf("%v: %s", err, body)
		}
		if utf8.ValidString(kind) && utf8.ValidString(lead) && (p.Type != "recovery."+kind || p.Data.LeadID != lead || !p.Timestamp.Equal(e.Time)) {
			t.Errorf("%s says %+v", body, p)
		}
		if p.Data.Client.IsValid() && !include {
			t.Errorf("the client is told: %s", body)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, body); err != nil || !bytes.Equal(compact.Bytes(), body) {
			t.Errorf("not minified: %s", body)
		}
	})
}
