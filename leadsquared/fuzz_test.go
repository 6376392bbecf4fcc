package leadsquared_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// discard is a Queue that drops its jobs, so that a fuzzer cannot fill it.
type discard struct{}

func (discard) Enqueue(context.Context, recovery.Job) error { return nil }

// unlimited is a Limiter that allows everything, so that a fuzzer is never
// refused by a limit.
type unlimited struct{}

func (unlimited) Allow(_ context.Context, takes ...recovery.LimitRequest) ([]recovery.Decision, error) {
	decisions := make([]recovery.Decision, len(takes))
	for i := range decisions {
		decisions[i] = recovery.Decision{Allowed: true}
	}
	return decisions, nil
}

// FuzzHandler checks that every request gets an answer with a body in the
// vendor's shape, and never a 5xx. No password is ever written, because nobody
// was given a link.
func FuzzHandler(f *testing.F) {
	for _, path := range []string{forgotV2, forgotV2b, forgotV1, resetV2, resetV1, publicTok, regTok, "/api/nothing", "//api/", ""} {
		for _, body := range []string{seedEmail, seedSearch, seedRecipient, seedReset, `{}`, `null`, "", `{"EmailAddress":"a@b@c"}`, "{\"\xff\":1}"} {
			f.Add("POST", path, "", "application/json", keyA, tokenA, idA, body)
		}
	}
	f.Add("GET", publicTok, "accessKey="+url.QueryEscape(accessA)+"&secretKey="+secretA, "", "", "", "", "")
	f.Add("OPTIONS", forgotV2, "", "", "", "", "", "")
	f.Add("PUT", strings.ToUpper(resetV2), "a=b", "text/plain", keyB, tokenB, idB, seedReset)
	w := newWorld(f, func(o *recovery.Options) { o.Queue, o.Limiter = discard{}, unlimited{} })
	var client atomic.Uint32 // the Access endpoints have a limit of their own
	f.Fuzz(func(t *testing.T, method, path, query, contentType, key, token, id, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		n := client.Add(1)
		r.RemoteAddr = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String()
		r.Method, r.URL = method, &url.URL{Path: path, RawQuery: query}
		r.Header = http.Header{
			"Content-Type": {contentType}, "Authorization": {key}, "X-Lsq-Registertoken": {token}, "X-Lsq-Portalid": {id},
			"X-Lsq-Accesskey": {key}, "X-Lsq-Secretkey": {token}, "Origin": {originA}, "Access-Control-Request-Method": {method},
		}
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		checkAnswer(t, rec.Code, rec.Header(), rec.Body.Bytes())
		if rec.Code >= 500 {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		if rec.Body.String() == resetOK || w.a.leads.Writes() > 0 {
			t.Error("a password was written")
		}
	})
}
