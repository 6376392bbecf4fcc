package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/webhook"
)

// Each endpoint gets the host's data only if it asks for them, whatever the others
// ask for (A105).
func TestHostDataGoesWhereItIsAskedFor_A105(t *testing.T) {
	got := map[string]webhook.Data{}
	var endpoints []webhook.Endpoint
	for i, secret := range []recovery.Secret{webhook.GenerateSecret(), webhook.GenerateSecret(), webhook.GenerateSecret(), webhook.GenerateSecret()} {
		e := nowhere(fmt.Sprintf("e%d", i), secret)
		e.Events = webhook.AllEvents()
		e.IncludeClient, e.IncludeHostData = i&1 > 0, i&2 > 0
		endpoints = append(endpoints, e)
	}
	q := &jobs{}
	s := newSender(t, webhook.Options{
		Queue: q, Endpoints: endpoints,
		OnUndelivered: func(_ context.Context, d webhook.Delivery, _ error) {
			var p webhook.Payload
			if err := json.Unmarshal(d.Body, &p); err != nil {
				t.Error(err)
			}
			got[d.Endpoint] = p.Data
		},
	})
	e := theReset()
	e.Brand, e.Data = "acme", map[string]string{"shop": "<b>Söhne</b> & \"Co\""}
	s.Sink(t.Context(), e)
	for _, job := range q.all() {
		s.DeadLetter(t.Context(), job, recovery.ErrPermanent)
	}
	if len(got) != 4 {
		t.Fatalf("%d deliveries", len(got))
	}
	for i, e := range endpoints {
		data := got[e.ID]
		if data.Brand != "acme" || data.Client.IsValid() != (i&1 > 0) || (data.HostData["shop"] == "<b>Söhne</b> & \"Co\"") != (i&2 > 0) || len(data.HostData) > 1 {
			t.Errorf("endpoint %d gets %+v", i, data)
		}
	}
}

// Host data that would make a body too long are left out, and the event is not lost.
func TestHostDataLosesNoEvent(t *testing.T) {
	e := recovery.Event{Time: time.Now(), Kind: recovery.EventPasswordReset, LeadID: "lead-1", Data: map[string]string{}}
	for i := range 32 {
		e.Data[fmt.Sprintf("n%02d", i)] = strings.Repeat(`"`, 128)
	}
	body, err := webhook.NewBody(e, false, true)
	if err != nil || strings.Contains(string(body), "n31") || !strings.Contains(string(body), `"host_data_omitted":true`) || !strings.Contains(string(body), "lead-1") {
		t.Errorf("%v: %s", err, body)
	}
	delete(e.Data, "n31")
	for i := range 16 {
		delete(e.Data, fmt.Sprintf("n%02d", i))
	}
	if body, err = webhook.NewBody(e, false, true); err != nil || !strings.Contains(string(body), "n30") || strings.Contains(string(body), "omitted") {
		t.Errorf("%v: %s", err, body)
	}
}
