package recovery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// What a mail carries is the host's choice, or that of the request where the host
// leaves it to the request. A text message carries a code in any case. The answer
// is the same whether or not there is a lead (A20).
func TestMailCodes(t *testing.T) {
	const byPhone, byName = `,"recipientField":"Phone"`, `"identifier":{"field":"Username","value":"john_doe"}`
	email := fmt.Sprintf(`"email":%q`, johnMail)
	for _, c := range []struct {
		codes recovery.MailCodes
		body  string
		want  recovery.MessageKind // empty for 400
	}{
		{recovery.MailCodesNever, email, recovery.MessageResetLink},
		{recovery.MailCodesNever, email + `,"code":false`, recovery.MessageResetLink},
		{recovery.MailCodesNever, email + `,"code":true`, ""},
		{recovery.MailCodesNever, email + byPhone, recovery.MessageResetCode},
		{recovery.MailCodesNever, email + byPhone + `,"code":true`, recovery.MessageResetCode},
		{recovery.MailCodesNever, email + byPhone + `,"code":false`, ""},
		{recovery.MailCodesOnRequest, email, recovery.MessageResetLink},
		{recovery.MailCodesOnRequest, email + `,"code":false`, recovery.MessageResetLink},
		{recovery.MailCodesOnRequest, email + `,"code":true`, recovery.MessageResetCode},
		{recovery.MailCodesOnRequest, byName + `,"code":true`, recovery.MessageResetCode},
		{recovery.MailCodesOnRequest, email + byPhone + `,"code":false`, ""},
		{recovery.MailCodesOnRequest, email + `,"code":"true"`, ""},
		{recovery.MailCodesOnRequest, email + `,"code":null`, ""},
		{recovery.MailCodesOnly, email, recovery.MessageResetCode},
		{recovery.MailCodesOnly, email + `,"code":true`, recovery.MessageResetCode},
		{recovery.MailCodesOnly, email + `,"code":false`, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(_ *portal, o *recovery.Options) { o.MailCodes = c.codes })
			h := p.Handler()
			w := post(h, "/forgot-password", "{"+c.body+"}")
			settle()
			all := p.outbox.Messages()
			if c.want == "" {
				if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"field":"code"`) || len(all) != 0 {
					t.Errorf("%q, %s: %s", c.codes, c.body, answer(w))
				}
				return
			}
			if w.Code != http.StatusAccepted || len(all) != 1 || all[0].Kind != c.want {
				t.Errorf("%q, %s: %s, messages %v", c.codes, c.body, answer(w), all)
			}
			nobody := post(h, "/forgot-password", "{"+strings.ReplaceAll(strings.ReplaceAll(c.body, johnMail, "nobody@example.com"), "john_doe", "nobody")+"}")
			for _, w := range []interface{ Result() *http.Response }{w, nobody} {
				if w.Result().StatusCode != http.StatusAccepted {
					t.Errorf("%q, %s: %d", c.codes, c.body, w.Result().StatusCode)
				}
			}
			hasHandle := func(body string) bool { return strings.Contains(body, `"handle"`) }
			if code := c.want == recovery.MessageResetCode; hasHandle(w.Body.String()) != code || hasHandle(nobody.Body.String()) != code {
				t.Errorf("%q, %s: %s for a lead, %s for nobody", c.codes, c.body, w.Body, nobody.Body)
			}
		})
	}
	_, err := recovery.New(newLeads(), recovery.NewMemoryTokenStore(), recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil }), recovery.Options{
		Keys: [][]byte{testenv.Key("k")}, Link: recovery.Link{URL: "https://portal.example.com/reset"}, DangerouslyKeepSessions: true, Fields: fields(), MailCodes: "sometimes",
	})
	if err == nil || !strings.Contains(err.Error(), "option MailCodes") {
		t.Errorf("an unknown value: %v", err)
	}
}

// The whole way with a mailed code through the JSON API, with a second factor. A
// stranger who asked for the same person has a code of his own, and cannot use or
// spoil this one (A100).
func TestWholeWayByMailedCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.MailCodes, o.SecondFactor = recovery.MailCodesOnRequest, newFactor("424242").options()
		})
		h := p.Handler()
		type asked struct{ handle, code string }
		ask := func(at string) asked {
			w := post(h, "/forgot-password", fmt.Sprintf(`{"email":%q,"code":true,"handle":""}`, johnMail), from(at))
			settle()
			var got struct{ Handle string }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Handle == "" {
				t.Fatalf("%s: %v", answer(w), err)
			}
			all := p.outbox.Messages()
			return asked{got.Handle, all[len(all)-1].Code.Reveal()}
		}
		mine, strangers := ask("192.0.2.1"), ask("192.0.2.1")
		body := func(a asked, more string) string {
			return fmt.Sprintf(`{"email":%q,"code":%q,"handle":%q%s}`, johnMail, a.code, a.handle, more)
		}
		for range 10 {
			post(h, "/check-token", body(asked{strangers.handle, "00000000"}, ""))
		}
		if w := post(h, "/check-token", body(asked{strangers.handle, mine.code}, "")); w.Code != http.StatusBadRequest {
			t.Errorf("the code of another: %s", answer(w))
		}
		if w := post(h, "/check-token", body(mine, ""), from("198.51.100.7")); w.Code != http.StatusOK || w.Body.String() != `{"secondFactor":true}` {
			t.Errorf("check: %s", answer(w))
		}
		pw := fmt.Sprintf(`,"password":%q`, goodPassword)
		if w := post(h, "/reset-password", body(mine, pw)); w.Code != http.StatusForbidden {
			t.Errorf("without the factor: %s", answer(w))
		}
		if w := post(h, "/reset-password", body(mine, pw+`,"secondFactor":"424242"`)); w.Code != http.StatusNoContent || p.leads.Writes() != 1 {
			t.Errorf("reset: %s", answer(w))
		}
	})
}
