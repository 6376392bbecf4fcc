package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

// many returns n entries whose values have size bytes.
func many(n, size int) map[string]string {
	data := map[string]string{}
	for i := range n {
		data[fmt.Sprintf("n%02d", i)] = strings.Repeat("x", size)
	}
	return data
}

// wrongData are data that nobody may hand over, each with what is wrong.
func wrongData() map[string]map[string]string {
	return map[string]map[string]string{
		"too many":            many(17, 1),
		"too much":            many(4, 510), // 2,052 bytes with the names
		"long value":          {"a": strings.Repeat("x", 513)},
		"no name":             {"": "x"},
		"long name":           {strings.Repeat("n", 33): "x"},
		"name in capitals":    {"Shop": "x"},
		"name of a template":  {"a}}{{.URL": "x"},
		"line end":            {"a": "Acme\r\nBcc: eve@evil.example"},
		"tab":                 {"a": "a\tb"},
		"null":                {"a": "a\x00b"},
		"delete":              {"a": "a\x7fb"},
		"C1 control":          {"a": "a\u0085b"},
		"line separator":      {"a": "a\u2028b"},
		"paragraph separator": {"a": "a\u2029b"},
		"override":            {"a": "a\u202eb"},
		"embedding":           {"a": "a\u202ab"},
		"isolate":             {"a": "a\u2066b"},
		"not UTF-8":           {"a": "a\xffb"},
	}
}

// What would break out of a header field, a line or its direction is refused where
// the host hands it over, and left out where its store returns it: what a host says
// beside must not keep anybody from a reset.
func TestHostDataIsBounded_A105(t *testing.T) {
	for what, data := range wrongData() {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(p *portal, _ *recovery.Options) {
				l := lead("wrong", recovery.StatusActive)
				l.Data = data
				p.leads.Add(l, "")
			})
			req := byMail(johnMail)
			req.Data = data
			if _, err := p.ForgotPassword(t.Context(), req); !isInvalid(err) {
				t.Errorf("%s: ForgotPassword: %v", what, err)
			}
			if _, err := p.ResetPassword(t.Context(), recovery.ResetRequest{Proof: recovery.TokenProof("x"), Password: recovery.NewSecret(goodPassword), Data: data}); !isInvalid(err) {
				t.Errorf("%s: ResetPassword: %v", what, err)
			}
			if _, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: req.Key, Data: data, Requester: recovery.Requester{Caller: "server"}}); !isInvalid(err) {
				t.Errorf("%s: IssueToken: %v", what, err)
			}
			if m := p.forgot(t, byMail("wrong@example.com")); m.Data != nil || !strings.Contains(p.log.String(), "without Lead.Data") {
				t.Errorf("%s: the message has %v, and the log says\n%s", what, m.Data, p.log)
			}
			for _, value := range data {
				if len(value) > 2 && strings.Contains(p.log.String(), value) {
					t.Errorf("%s: the log has the value", what)
				}
			}
		})
	}
}

// Data of the request and of the lead reach the message and the notice, also where
// both are as long as they may be and JSON escapes every byte. The lead's win.
func TestHostDataReachesMessages(t *testing.T) {
	full := func(prefix string) map[string]string {
		data := map[string]string{}
		for i := range 16 {
			data[fmt.Sprintf("%s%02d", prefix, i)] = strings.Repeat(`"`, 124)
		}
		return data
	}
	for _, test := range []struct{ request, lead map[string]string }{
		{nil, nil},
		{map[string]string{"shop": "Acme & Söhne", "empty": ""}, nil},
		{nil, map[string]string{"plan": "<b>gold</b>"}},
		{map[string]string{"shop": "Acme", "plan": "free"}, map[string]string{"plan": "gold"}},
		{full("r"), full("l")},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(p *portal, _ *recovery.Options) {
				l := lead("data", recovery.StatusActive)
				l.Data = test.lead
				p.leads.Add(l, "")
			})
			want := maps.Clone(test.request)
			if want == nil {
				want = map[string]string{}
			}
			maps.Copy(want, test.lead)
			req := byMail("data@example.com")
			req.Data = test.request
			m := p.forgot(t, req)
			if !maps.Equal(m.Data, want) {
				t.Errorf("the message has %v, want %v", m.Data, want)
			}
			if _, err := p.ResetPassword(t.Context(), recovery.ResetRequest{Proof: recovery.TokenProof(token(t, m)), Password: recovery.NewSecret(goodPassword), Data: test.request}); err != nil {
				t.Fatal(err)
			}
			settle()
			notice := p.outbox.OfKind(recovery.MessagePasswordChanged)[0]
			if !maps.Equal(notice.Data, want) {
				t.Errorf("the notice has %v, want %v", notice.Data, want)
			}
			for _, kind := range []recovery.EventKind{recovery.EventMessageSent, recovery.EventPasswordReset} {
				for _, e := range p.events.of(kind) {
					if !maps.Equal(e.Data, want) {
						t.Errorf("%s has %v, want %v", kind, e.Data, want)
					}
				}
			}
		})
	}
}

// Host data is in no log, also where the notifier quotes it, and in no printed
// message.
func TestHostDataIsNotLogged_A105(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const value = "Hush & Söhne"
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			l := lead("data", recovery.StatusActive)
			l.Data = map[string]string{"shop": value}
			p.leads.Add(l, "")
		})
		req := byMail("data@example.com")
		req.Data = map[string]string{"team": "Whisper GmbH"}
		m := p.forgot(t, req)
		for _, printed := range []string{fmt.Sprint(m), fmt.Sprintf("%+v", m), fmt.Sprintf("%#v", m), m.LogValue().String(), p.events.of(recovery.EventMessageSent)[0].LogValue().String()} {
			if strings.Contains(printed, "Hush") || strings.Contains(printed, "Whisper") {
				t.Errorf("printed: %s", printed)
			}
		}
		p.outbox.Intercept(failWith("550 refused: Hush &amp; Söhne, Hush+%26+S%C3%B6hne, HUSH & SÖHNE, whisper gmbh"))
		if _, err := p.ForgotPassword(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		settle()
		if log := p.log.String(); !strings.Contains(log, "550 refused") || strings.Contains(strings.ToLower(log), "hush") || strings.Contains(strings.ToLower(log), "whisper") {
			t.Errorf("the log says\n%s", log)
		}
	})
}

// failWith returns a notifier that fails with a text.
func failWith(text string) func(context.Context, recovery.Message) error {
	return func(context.Context, recovery.Message) error { return errors.New(text) }
}
