package recovery_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// byPhone asks for a code to John's phone.
func byPhone() recovery.ForgotRequest {
	return recovery.ForgotRequest{Key: recovery.LeadKey{Field: "Phone", Value: johnPhone}, RecipientField: "Phone", Code: true}
}

// typed returns the proof that a code is which was sent to John's phone.
func typed(m recovery.Message) recovery.Proof {
	return recovery.CodeProof(byPhone().Key, m.Code.Reveal())
}

// askAt asks for a code from a network, and returns the message and the handle.
func (p *portal) askAt(t testing.TB, req recovery.ForgotRequest, addr string) (recovery.Message, string) {
	t.Helper()
	before := len(p.outbox.Messages())
	req.Requester.Client = netip.MustParseAddr(addr)
	result, err := p.ForgotPassword(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	settle()
	all := p.outbox.Messages()[before:]
	if len(all) != 1 {
		t.Fatalf("%d messages were sent, want 1\n%s", len(all), p.log)
	}
	return all[0], result.Handle
}

// checkAt checks a proof from a network.
func (p *portal) checkAt(t testing.TB, proof recovery.Proof, addr string) error {
	t.Helper()
	_, err := p.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: proof, Requester: recovery.Requester{Client: netip.MustParseAddr(addr)}})
	return err
}

// A100: a code works with the handle that it was asked for with, wherever it is
// typed. If there was none, it also works from the network that it was asked for
// from.
func TestCodesWorkWithTheirHandle_A100(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		const home, away = "192.0.2.7", "198.51.100.7"
		m, handle := p.askAt(t, byPhone(), home)
		another, err := p.NewHandle()
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			proof recovery.Proof
			from  string
			want  error
		}{
			"the handle, elsewhere":   {typed(m).WithHandle(handle), away, nil},
			"the same network":        {typed(m), home, nil},
			"another network":         {typed(m), away, recovery.ErrInvalidProof},
			"another handle":          {typed(m).WithHandle(another), home, recovery.ErrInvalidProof},
			"what is no handle":       {typed(m).WithHandle("abc"), home, recovery.ErrInvalidProof},
			"the handle and the rest": {typed(m).WithHandle(handle + "A"), home, recovery.ErrInvalidProof},
		} {
			if c.want == nil {
				if err := p.checkAt(t, c.proof, c.from); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			wantErr(t, p.checkAt(t, c.proof, c.from), c.want)
		}

		// One that was asked for with a handle works with it alone.
		req := byPhone()
		req.Handle = another
		m, handle = p.askAt(t, req, home)
		if handle != another {
			t.Errorf("the answer has another handle than the request")
		}
		wantErr(t, p.checkAt(t, typed(m), home), recovery.ErrInvalidProof)
		if err := p.checkAt(t, typed(m).WithHandle(another), away); err != nil {
			t.Error(err)
		}
	})
}

// answered returns the handle that an answer of the JSON API has, or fails.
func answered(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct{ Handle *string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); w.Code != http.StatusAccepted || err != nil || body.Handle == nil {
		t.Fatalf("answered %s", answer(w))
	}
	return *body.Handle
}

// The JSON API answers with a handle where a code was asked for, whoever the
// identifier belongs to, and takes it (A100, A20).
func TestHandlesOfTheAPI_A100(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		h := p.Handler()
		ask := func(phone, handle string) string {
			w := post(h, "/forgot-password", `{"identifier":{"field":"Phone","value":"`+phone+`"},"recipientField":"Phone"`+handle+`}`, from("192.0.2.7"))
			settle()
			return answered(t, w)
		}
		code := func() string {
			all := p.outbox.Messages()
			return all[len(all)-1].Code.Reveal()
		}
		body := func(code, rest string) string {
			return `{"identifier":{"field":"Phone","value":"` + johnPhone + `"},"code":"` + code + `"` + rest + `}`
		}
		handle := ask(johnPhone, "")
		if w := post(h, "/check-token", body(code(), ""), from("192.0.2.7")); w.Code != 204 {
			t.Errorf("without a handle: %s", answer(w))
		}
		first := code()
		fresh := ask(johnPhone, `,"handle":""`)
		if fresh == handle || ask("+14155550100", `,"handle":""`) == fresh {
			t.Error("an empty handle brings no new one")
		}
		if again := ask("+14155550100", `,"handle":"`+fresh+`"`); again != fresh {
			t.Error("a handle is not answered as it came")
		}
		for _, c := range []struct{ code, handle string }{{first, handle}, {code(), fresh}} {
			if w := post(h, "/check-token", body(c.code, `,"handle":"`+c.handle+`"`), from("198.51.100.7")); w.Code != 204 {
				t.Errorf("with its handle: %s", answer(w))
			}
		}
		if w := post(h, "/reset-password", body(first, `,"handle":"`+fresh+`","password":"`+goodPassword+`"`)); w.Code != 404 && w.Code != 400 && w.Code != 410 {
			t.Errorf("with another's handle: %s", answer(w))
		}
		if w := post(h, "/reset-password", body(first, `,"handle":"`+handle+`","password":"`+goodPassword+`"`), from("198.51.100.7")); w.Code != 204 {
			t.Errorf("with its handle: %s", answer(w))
		}
		if w := post(h, "/forgot-password", `{"email":"`+johnMail+`","handle":""}`); w.Code != 202 || w.Body.String() != "{}" {
			t.Errorf("a link: %s", answer(w))
		}
		if w := post(h, "/check-token", `{"token":"abc","handle":"`+handle+`"}`); w.Code != 400 {
			t.Errorf("a token with a handle: %s", answer(w))
		}
	})
}

// A code that is asked for at the end of the hour of its handle works as long as the
// message says, also if the queue was slow.
func TestHandleOutlivesItsCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &heldQueue{}
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Queue = q })
		req := byPhone()
		var err error
		req.Handle, err = p.NewHandle()
		must(t, err)
		time.Sleep(time.Hour - 2*time.Second)
		result, err := p.ForgotPassword(t.Context(), req)
		must(t, err)
		if result.Handle != req.Handle {
			t.Error("the handle was replaced within its hour")
		}
		time.Sleep(9 * time.Minute)
		if n := p.performAll(t, q); n != 1 {
			t.Fatalf("%d messages were sent", n)
		}
		m := p.outbox.Messages()[0]
		time.Sleep(time.Until(m.Expires) - time.Second)
		must(t, p.check(t.Context(), typed(m).WithHandle(result.Handle)))
	})
}
