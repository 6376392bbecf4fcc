package recovery_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

const deskKey = "a secret of the help desk"

// helpDesk is the API of a help desk.
func helpDesk(t testing.TB, p *portal) http.Handler {
	t.Helper()
	h, err := p.HelpDeskHandler(recovery.APIKey{ID: "desk", Secret: recovery.NewSecret(deskKey)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func asDesk(r *http.Request) { r.Header.Set("Authorization", "Bearer "+deskKey) }

// decoded is the JSON of an answer.
func decoded[T any](t testing.TB, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil || w.Code != 200 {
		t.Fatalf("%d: %v", w.Code, err)
	}
	return v
}

// The whole way by HTTP: issue, look, revoke, issue again, and reset by the API for
// browsers.
func TestHelpDeskHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, nil)
		h := helpDesk(t, p)
		type issued struct{ URL, Token, Code, Expires string }
		type pending struct {
			Tokens []struct{ ID, Kind, Purpose, Operator, Created, Expires string }
		}
		issue := func(kind string) issued {
			t.Helper()
			return decoded[issued](t, post(h, "/help-desk/issue", fmt.Sprintf(`{"leadId":%q,"operator":%q,"kind":%q,"ttl":"10m"}`, johnID, anna, kind), asDesk))
		}
		look := func() pending {
			t.Helper()
			return decoded[pending](t, post(h, "/help-desk/pending", fmt.Sprintf(`{"leadId":%q}`, johnID), asDesk))
		}
		revoke := func(more string) {
			t.Helper()
			if w := post(h, "/help-desk/revoke", fmt.Sprintf(`{"leadId":%q,"operator":%q%s}`, johnID, anna, more), asDesk, from("192.0.2.1")); w.Code != 204 {
				t.Errorf("revoke: %s", answer(w))
			}
		}
		code, link := issue("code"), issue("link")
		if code.Expires != "2000-01-01T00:10:00Z" || code.URL != "" || code.Token != "" || len(code.Code) != 17 {
			t.Errorf("a code: %+v", code)
		}
		if link.Expires != "2000-01-01T00:10:00Z" || link.URL != "https://portal.example.com/reset?token="+link.Token || link.Code != "" {
			t.Errorf("a link: %+v", link)
		}
		list := look().Tokens
		if len(list) != 2 || list[0].Kind != "help_desk_link" || list[1].Kind != "read_out_code" {
			t.Fatalf("pending: %+v", list)
		}
		for _, token := range list {
			if token.Operator != anna || token.Purpose != "reset" || token.Created != "2000-01-01T00:00:00Z" || token.Expires != code.Expires {
				t.Errorf("pending: %+v", token)
			}
		}
		revoke(fmt.Sprintf(`,"id":%q`, list[1].ID))
		proof := fmt.Sprintf(`{"email":%q,"code":%q`, johnMail, code.Code)
		wantProblem(t, "a revoked code", post(p.Handler(), "/check-token", proof+"}"), 400)
		if left := look().Tokens; len(left) != 1 || left[0].ID != list[0].ID {
			t.Errorf("left: %+v", left)
		}
		revoke("")
		wantProblem(t, "a revoked link", post(p.Handler(), "/check-token", fmt.Sprintf(`{"token":%q}`, link.Token)), 400)
		if left := look().Tokens; left == nil || len(left) != 0 {
			t.Errorf("left: %+v, want an empty list", left)
		}
		revoked := p.events.of(recovery.EventTokensRevoked)
		for _, e := range revoked {
			if e.Operator != anna || e.Caller != "desk" || e.LeadID != johnID || e.Client.String() != "192.0.2.1" {
				t.Errorf("event %+v", e)
			}
		}
		if len(revoked) != 2 {
			t.Errorf("%d events", len(revoked))
		}

		typed := strings.ToLower(strings.ReplaceAll(issue("code").Code, "-", " "))
		proof = fmt.Sprintf(`{"identifier":{"field":"Phone","value":%q},"code":%q`, johnPhone, typed)
		if w := post(p.Handler(), "/check-token", proof+"}"); w.Code != 204 {
			t.Errorf("check: %s", answer(w))
		}
		if w := post(p.Handler(), "/reset-password", proof+`,"password":"`+goodPassword+`"}`); w.Code != 204 {
			t.Errorf("reset: %s", answer(w))
		}
		if e := p.events.of(recovery.EventPasswordReset); len(e) != 1 || e[0].Operator != anna {
			t.Errorf("events %+v", e)
		}
		if e := p.events.of(recovery.EventTokenIssued); len(e) != 3 || e[0].Caller != "desk" {
			t.Errorf("events %+v", e)
		}
	})
}

// A101, A80: who may call it, and with what.
func TestHelpDeskIsForServers_A101(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, nil)
		h := helpDesk(t, p)
		good := `{"leadId":"` + johnID + `","operator":"Anna","kind":"code"}`
		for _, c := range []struct {
			name, path, body string
			edit             func(*http.Request)
			status           int
		}{
			{"without a key", "issue", good, nil, 401},
			{"without a key", "pending", `{"leadId":"` + johnID + `"}`, nil, 401},
			{"without a key", "revoke", `{"leadId":"` + johnID + `","operator":"Anna"}`, nil, 401},
			{"with a wrong key", "issue", good, header("Authorization", "Bearer "+deskKey+"2"), 401},
			{"with the key of another scheme", "issue", good, header("Authorization", "Basic "+deskKey), 401},
			{"from a page", "issue", good, func(r *http.Request) { asDesk(r); r.Header.Set("Origin", "https://portal.example.com") }, 403},
			{"from a browser", "revoke", good, func(r *http.Request) { asDesk(r); r.Header.Set("Sec-Fetch-Site", "none") }, 403},
			{"no operator", "issue", `{"leadId":"` + johnID + `","kind":"code"}`, asDesk, 400},
			{"empty operator", "issue", `{"leadId":"` + johnID + `","operator":"","kind":"code"}`, asDesk, 400},
			{"no kind", "issue", `{"leadId":"` + johnID + `","operator":"Anna"}`, asDesk, 400},
			{"another kind", "issue", `{"leadId":"` + johnID + `","operator":"Anna","kind":"sms"}`, asDesk, 400},
			{"no time", "issue", strings.Replace(good, "}", `,"ttl":"15"}`, 1), asDesk, 400},
			{"no time at all", "issue", strings.Replace(good, "}", `,"ttl":"0s"}`, 1), asDesk, 400},
			{"a long time", "issue", strings.Replace(good, "}", `,"ttl":"25h"}`, 1), asDesk, 400},
			{"a link of the caller", "issue", strings.Replace(good, "}", `,"link":"https://evil.example/"}`, 1), asDesk, 400},
			{"an address", "issue", `{"email":"` + johnMail + `","operator":"Anna","kind":"code"}`, asDesk, 400},
			{"nobody", "issue", strings.Replace(good, johnID, "nobody", 1), asDesk, 404},
			{"a disabled lead", "issue", strings.Replace(good, johnID, "lead-disabled", 1), asDesk, 404},
			{"no lead", "pending", `{}`, asDesk, 400},
			{"no operator", "revoke", `{"leadId":"` + johnID + `"}`, asDesk, 400},
			{"an operator of two lines", "revoke", `{"leadId":"` + johnID + `","operator":"A\nB"}`, asDesk, 400},
			{"an empty ID", "revoke", `{"leadId":"` + johnID + `","operator":"Anna","id":""}`, asDesk, 400},
		} {
			var edit []func(*http.Request)
			if c.edit != nil {
				edit = append(edit, c.edit)
			}
			wantProblem(t, c.path+" "+c.name, post(h, "/help-desk/"+c.path, c.body, edit...), c.status)
		}
		if n := len(p.events.of(recovery.EventTokenIssued)) + len(p.events.of(recovery.EventTokensRevoked)); n != 0 {
			t.Errorf("%d events of what was refused", n)
		}
		if w := preflight(h, "/help-desk/issue", "https://portal.example.com"); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("a preflight: %d", w.Code)
		}
		if w := post(p.Handler(), "/help-desk/issue", good, asDesk); w.Code != 404 {
			t.Errorf("the API for browsers has it: %d", w.Code)
		}
		if _, err := p.HelpDeskHandler(); err == nil {
			t.Error("no keys were accepted")
		}
	})
}

// One key asks for everybody it can: its own limit stops it, and the limit of a lead
// does too.
func TestHelpDeskIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := desk(t, func(_ *portal, o *recovery.Options) {
			o.Limits.Caller = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 4, Window: time.Minute}}}
			o.Limits.Issue = recovery.LimitPolicy{}
		})
		h := helpDesk(t, p)
		issue := `{"leadId":"` + johnID + `","operator":"Anna","kind":"code"}`
		if w := post(h, "/help-desk/issue", issue, asDesk); w.Code != 200 || !strings.Contains(w.Header().Get("RateLimit"), `"caller-60";r=3`) {
			t.Errorf("the first: %s", answer(w))
		}
		wantProblem(t, "the second for one lead", post(h, "/help-desk/issue", issue, asDesk), 429)
		for range 2 {
			if w := post(h, "/help-desk/pending", `{"leadId":"`+johnID+`"}`, asDesk); w.Code != 200 {
				t.Errorf("%s", answer(w))
			}
		}
		wantProblem(t, "over the limit of the key", post(h, "/help-desk/revoke", `{"leadId":"`+johnID+`","operator":"Anna"}`, asDesk), 429)
	})
}

// A store that cannot list is told, and can still end everything.
func TestHelpDeskHandlerWithoutATokenLister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		h := helpDesk(t, p)
		for path, body := range map[string]string{"pending": `{"leadId":"x"}`, "revoke": `{"leadId":"x","operator":"Anna","id":"y"}`} {
			got := wantProblem(t, path, post(h, "/help-desk/"+path, body, asDesk), 501)
			if got["code"] != "unsupported" || !strings.Contains(fmt.Sprint(got["detail"]), "TokenLister") {
				t.Errorf("%s: %v", path, got)
			}
		}
		if w := post(h, "/help-desk/revoke", `{"leadId":"x","operator":"Anna"}`, asDesk); w.Code != 204 {
			t.Errorf("%s", answer(w))
		}
	})
}
