package leadsquared_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/leadsquared"
)

// The texts of a 401. The first half is the vendor's.
const (
	wrongText      = "The API call was made with invalid access credentials. "
	publicKeysText = wrongText + "Check the Authorization, x-lsq-registertoken and x-lsq-portalid headers."
	wrongV1Text    = wrongText + "Check the Authorization header."
	noKeyText      = wrongText + "Missing: the Authorization header."
)

// rebuild replaces the handler by one with other options.
func (w *world) rebuild(opts leadsquared.Options) {
	w.t.Helper()
	h, err := leadsquared.New(opts)
	if err != nil {
		w.t.Fatal(err)
	}
	w.handler = h
}

func TestCredentials(t *testing.T) {
	only := func(key string) tweak {
		return func(r *http.Request) {
			r.Header.Del("x-lsq-registertoken")
			r.Header.Del("x-lsq-portalid")
			r.Header["Authorization"] = []string{key}
		}
	}
	all := func(key, token, id string) tweak { return func(r *http.Request) { credentials(r, key, token, id) } }
	tests := []struct {
		sentence string
		path     string
		tweak    tweak
		want     int
		missing  string // what a 401 names; empty for the usual text
	}{
		{"v2 with all of A", forgotV2, asA, 200, ""},
		{"v2 with all of B", forgotV2, asB, 200, ""},
		{"v2 with the old key and the new token of a rotation", forgotV2, all(oldKeyA, tokenA, idA), 200, ""},
		{"v2 with the new key and the old token of a rotation", forgotV2, all(keyA, oldTokenA, idA), 200, ""},
		{"v2 with the portal id in capitals", forgotV2, all(keyA, tokenA, strings.ToUpper(idA)), 200, ""},
		{"v2 with A's key and the rest of B (A36)", forgotV2, all(keyA, tokenB, idB), 401, ""},
		{"v2 with A's token and the rest of B (A36)", forgotV2, all(keyB, tokenA, idB), 401, ""},
		{"v2 with A's id and the rest of B (A36)", forgotV2, all(keyB, tokenB, idA), 401, ""},
		{"v2 with the key alone", forgotV2, only(keyA), 401, "x-lsq-registertoken and x-lsq-portalid headers"},
		{"v2 without the key", forgotV2, header("Authorization"), 401, "Authorization header"},
		{"v2 without the token", forgotV2, header("x-lsq-registertoken"), 401, "x-lsq-registertoken header"},
		{"v2 without the id", forgotV2, header("x-lsq-portalid"), 401, "x-lsq-portalid header"},
		{"v2 with an empty token", forgotV2, header("x-lsq-registertoken", ""), 401, ""},
		{"v2 with the token twice", forgotV2, header("x-lsq-registertoken", tokenA, tokenA), 401, ""},
		{"v2 with the id twice", forgotV2, header("x-lsq-portalid", idA, idA), 401, ""},
		{"v2 with the key twice", forgotV2, header("Authorization", keyA, keyA), 401, ""},
		{"v2 with a Bearer in front of the key", forgotV2, header("Authorization", "Bearer "+keyA), 401, ""},
		{"v2 with the key in other case", forgotV2, header("Authorization", strings.ToUpper(keyA)), 401, ""},
		{"v2 with part of the key", forgotV2, header("Authorization", keyA[:len(keyA)-1]), 401, ""},
		{"v2 with a list of keys", forgotV2, header("Authorization", keyA+", "+keyB), 401, ""},
		{"v2 with a key of a megabyte", forgotV2, header("Authorization", strings.Repeat("k", 1<<20)), 401, ""},
		{"v2 with the key pair", forgotV2, all(accessA, secretA, idA), 401, ""},
		{"v1 with the key of A", forgotV1, only(keyA), 200, ""},
		{"v1 with the old key of A", forgotV1, only(oldKeyA), 200, ""},
		{"v1 with the key of A and headers that v1 does not know", forgotV1, all(keyA, "whatever", idB), 200, ""},
		{"v1 with the key of B, which is v2 only", forgotV1, only(keyB), 401, ""},
		{"v1 with all of B", forgotV1, asB, 401, ""},
		{"v1 with nothing", forgotV1, header("Authorization"), 401, "Authorization header"},
		{"v1 with an empty key", forgotV1, only(""), 401, ""},
		{"v1 Reset with the key of B, which is v2 only", resetV1, only(keyB), 401, ""},
		{"v2 Reset with the key alone", resetV2, only(keyA), 401, "x-lsq-registertoken and x-lsq-portalid headers"},
	}
	bubble(t, nil, func(t *testing.T, w *world) {
		for _, test := range tests {
			rec := w.do(post(test.path, `{"EmailAddress":"nobody@example.com"}`, test.tweak))
			body, text := forgotOK, publicKeysText
			switch {
			case test.missing != "":
				text = wrongText + "Missing: the " + test.missing + "."
			case test.path == forgotV1 || test.path == resetV1:
				text = wrongV1Text
			}
			if test.want == 401 {
				body = errorBody(unauthorized, text)
				if test.path == resetV1 || test.path == resetV2 {
					body = resetError(unauthorized, text)
				}
			}
			if rec.Code != test.want || rec.Body.String() != body {
				t.Errorf("%s: %d %s, want %d", test.sentence, rec.Code, rec.Body, test.want)
			}
		}
		w.noEffect(t)
	})
}

// The credentials decide in which portal the leads are looked up.
func TestCredentialsChooseThePortal(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.mailedLink(w.b, asB)
		if n := len(w.a.outbox.Messages()); n != 0 {
			t.Errorf("portal A sent %d messages for a request to B", n)
		}
		w.mailedLink(w.a, asA)
		if n := len(w.b.outbox.Messages()); n != 1 {
			t.Errorf("portal B sent %d messages, want its one", n)
		}
	})
}

// A rotation: two keys are valid, and later the old one is not.
func TestRotation(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		body := `{"EmailAddress":"nobody@example.com"}`
		old := func(r *http.Request) { credentials(r, oldKeyA, oldTokenA, idA) }
		want(t, w.do(post(forgotV2, body, old)), 200, forgotOK)
		opts := w.options()
		opts.Portals[0].PublicAuthKeys = opts.Portals[0].PublicAuthKeys[:1]
		opts.Portals[0].RegisterTokens = opts.Portals[0].RegisterTokens[:1]
		opts.Portals[0].AccessKeys = opts.Portals[0].AccessKeys[1:]
		w.rebuild(opts)
		wantError(t, w.do(post(forgotV2, body, old)), 401, unauthorized, publicKeysText)
		want(t, w.do(post(forgotV2, body)), 200, forgotOK)
		want(t, w.do(get(publicTok, pair(nextA, nextSecA))), 200, `{"PublicAuthKey":"`+keyA+`"}`)
		wantError(t, w.do(get(publicTok, pair(accessA, secretA))), 401, unauthorized, keyPairText)
	})
}

// A GUID in capitals is the same GUID, in options and in headers.
func TestPortalIDInCapitals(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.Portals[0].ID = strings.ToUpper(idA)
		w.rebuild(opts)
		for _, id := range []string{idA, strings.ToUpper(idA)} {
			want(t, w.do(post(forgotV2, `{"EmailAddress":"nobody@example.com"}`, header("x-lsq-portalid", id))), 200, forgotOK)
		}
	})
}

// Portals of one account may share keys. Then the id tells the portals apart.
func TestSharedKeys(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.Portals[0].AllowV1 = false
		opts.Portals[1].PublicAuthKeys, opts.Portals[1].RegisterTokens = opts.Portals[0].PublicAuthKeys, opts.Portals[0].RegisterTokens
		w.rebuild(opts)
		w.mailedLink(w.b, func(r *http.Request) { credentials(r, keyA, tokenA, idB) })
		if n := len(w.a.outbox.Messages()); n != 0 {
			t.Errorf("portal A sent %d messages for a request to B", n)
		}
	})
}
