package routers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/password"
)

// An account whose hash cannot be read, such as one that was imported without a
// password, has the answer of an unknown one.
func TestSignInWithAHashThatCannotBeRead(t *testing.T) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := &Host{users: &users{rows: []*user{{id: "42", email: "ada@example.com", hash: "!"}}}, hasher: hasher}
	answers := map[string]string{}
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		form := url.Values{"email": {email}, "password": {"three brass monkeys"}}
		r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.signIn(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s is answered with %d", email, w.Code)
		}
		answers[email] = w.Body.String()
	}
	if answers["ada@example.com"] != answers["nobody@example.com"] {
		t.Errorf("the answers differ: %q", answers)
	}
}
