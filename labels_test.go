package recovery_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

// Labels travel from the request through the job to every event, and change
// nothing else.
func TestLabelsTravelToEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		want := map[string]string{"campaign": "spring", recovery.LabelNoWebhook: "true"}
		req := byMail(johnMail)
		req.Labels = maps.Clone(want)
		link := token(t, p.forgot(t, req))
		req.Labels["campaign"] = "changed afterwards"
		sent := p.events.of(recovery.EventMessageSent)
		if len(sent) != 1 || !maps.Equal(sent[0].Labels, want) {
			t.Errorf("message_sent has the labels %v, want %v", sent[0].Labels, want)
		}
		_, err := p.ResetPassword(t.Context(), recovery.ResetRequest{
			Proof: recovery.TokenProof(link), Password: recovery.NewSecret(goodPassword), Labels: map[string]string{"page": "2"},
		})
		if err != nil {
			t.Fatal(err)
		}
		reset := p.events.of(recovery.EventPasswordReset)
		if len(reset) != 1 || !maps.Equal(reset[0].Labels, map[string]string{"page": "2"}) {
			t.Errorf("password_reset has the labels %v", reset[0].Labels)
		}
	})
}

func TestLabelsAreBounded(t *testing.T) {
	many := map[string]string{}
	for i := range 9 {
		many[fmt.Sprint("n", i)] = ""
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		for name, labels := range map[string]map[string]string{
			"nine labels":             many,
			"an empty name":           {"": "x"},
			"a name of 33":            {strings.Repeat("n", 33): "x"},
			"a name with a capital":   {"Name": "x"},
			"a name with a space":     {"a b": "x"},
			"a value of 129":          {"n": strings.Repeat("x", 129)},
			"a value with a line end": {"n": "a\nb"},
			"a value that is no text": {"n": "\xff"},
		} {
			forgot := byMail(johnMail)
			forgot.Labels = labels
			_, err := p.ForgotPassword(t.Context(), forgot)
			wantErr(t, err, recovery.ErrInvalidRequest)
			_, err = p.ResetPassword(t.Context(), recovery.ResetRequest{Labels: labels})
			wantErr(t, err, recovery.ErrInvalidRequest)
			_, err = p.IssueToken(t.Context(), recovery.IssueRequest{Key: forgot.Key, Labels: labels, Requester: recovery.Requester{Caller: "crm"}})
			wantErr(t, err, recovery.ErrInvalidRequest)
			if t.Failed() {
				t.Fatal(name)
			}
		}
	})
}

func TestSecretsAreCompared(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"x", "x", true}, {"", "", true}, {"x", "y", false}, {"x", "", false}, {"x", "xx", false}} {
		if got := recovery.NewSecret(tt.a).Equal(recovery.NewSecret(tt.b)); got != tt.want {
			t.Errorf("%q and %q: %t", tt.a, tt.b, got)
		}
	}
}

func TestSettings(t *testing.T) {
	p := newPortal(t, nil)
	s := p.Settings()
	if s.Link.URL != "https://portal.example.com/reset" || s.CodeDigits != 8 || s.LinkTTL <= 0 || s.CodeTTL <= 0 ||
		!s.EndsSessions || s.PasswordPolicy == nil || s.Logger == nil || len(s.Fields) != len(fields()) {
		t.Errorf("settings %+v", s)
	}
	s.Fields[0].Name = "changed"
	if f, ok := p.Settings().Field("EmailAddress"); !ok || f.Type != recovery.FieldTypeEmail {
		t.Errorf("the Service changed with its Settings: %+v, %t", f, ok)
	}
	if _, ok := p.Settings().Field("none"); ok {
		t.Error("there is a field of any name")
	}
}

// A sink may do with the labels of its event what it likes.
func TestSinksShareNoLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var heard []string
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Events = recovery.MultiSink(
				func(_ context.Context, e recovery.Event) { delete(e.Labels, recovery.LabelNoWebhook) },
				func(_ context.Context, e recovery.Event) {
					mu.Lock()
					defer mu.Unlock()
					if _, ok := e.Labels[recovery.LabelNoWebhook]; ok {
						heard = append(heard, string(e.Kind))
					}
				})
		})
		req := byMail(johnMail)
		req.Labels = map[string]string{recovery.LabelNoWebhook: "true"}
		link := token(t, p.forgot(t, req))
		if _, err := p.ResetPassword(t.Context(), recovery.ResetRequest{
			Proof: recovery.TokenProof(link), Password: recovery.NewSecret(goodPassword), Labels: req.Labels,
		}); err != nil {
			t.Fatal(err)
		}
		settle()
		// One link, one reset, and a notice to each of three addresses.
		if len(heard) != 5 {
			t.Errorf("the second sink heard the label with %v, want 5 events", heard)
		}
	})
}
