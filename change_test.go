package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

const (
	oldPassword = "seven brass monkeys"
	newPassword = "eleven tin soldiers"
)

// A changer is a portal whose people are signed in by cookies.
type changer struct {
	*portal
	api  http.Handler
	open map[string]string // lead by cookie
	next int
	keep error // what KeepSession returns
}

// newChanger returns a portal where John has oldPassword. edit changes its options.
func newChanger(t testing.TB, edit func(c *changer, o *recovery.Options)) *changer {
	t.Helper()
	c := &changer{open: map[string]string{}}
	c.portal = newPortal(t, func(p *portal, o *recovery.Options) {
		c.portal = p
		for _, id := range []string{johnID, "lead-unverified"} {
			if err := p.leads.Leads.SetPasswordHash(t.Context(), id, "fast:"+oldPassword); err != nil {
				t.Fatal(err)
			}
		}
		p.users = p.leads.Full()
		p.sessions = c.endSessions
		o.Limits.Change = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10_000, Window: time.Minute}}}
		o.Change = recovery.ChangeOptions{SignedIn: c.signedIn, KeepSession: c.keepSession}
		if edit != nil {
			edit(c, o)
		}
	})
	c.api = c.Handler()
	return c
}

func (c *changer) signIn(leadID string) (cookie string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	cookie = fmt.Sprintf("session-%d", c.next)
	c.open[cookie] = leadID
	return cookie
}

func (c *changer) signedIn(r *http.Request) (string, error) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return "", recovery.ErrNotSignedIn
	}
	return c.whose(cookie.Value), nil
}

func (c *changer) whose(cookie string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open[cookie]
}

func (c *changer) endSessions(_ context.Context, leadID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for cookie, id := range c.open {
		if id == leadID {
			delete(c.open, cookie)
		}
	}
	return nil
}

func (c *changer) keepSession(w http.ResponseWriter, r *http.Request, leadID string) error {
	if c.keep != nil {
		return c.keep
	}
	if err := r.Context().Err(); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Value: c.signIn(leadID)})
	return nil
}

func changeBody(current, chosen string) string {
	return fmt.Sprintf(`{"currentPassword":%q,"password":%q}`, current, chosen)
}

// post asks for a change with the cookie of a session.
func (c *changer) post(cookie, current, chosen string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	return post(c.api, "/change-password", changeBody(current, chosen), append(edit, header("Cookie", "session="+cookie))...)
}

func (c *changer) change(ctx context.Context, current, chosen string) error {
	_, err := c.ChangePassword(ctx, recovery.ChangeRequest{
		LeadID: johnID, Current: recovery.NewSecret(current), Password: recovery.NewSecret(chosen),
	})
	return err
}

// want fails the test unless an answer has a status and, for a problem, a code.
func want(t testing.TB, what string, got *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	if got.Code != status || code != "" && !strings.Contains(got.Body.String(), `"code":"`+code+`"`) {
		t.Errorf("%s: %s\nwant %d %s", what, answer(got), status, code)
	}
}

// The whole way: the password is another one, all sessions of before have ended, also
// that of a thief, this browser goes on under a new session ID (ASVS v5.0.0-7.2.4),
// a link that was mailed before is dead, and the person is told.
func TestChangePassword_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var after []recovery.PasswordReset
		c := newChanger(t, func(_ *changer, o *recovery.Options) {
			o.Passwords.History = 3
			o.AfterReset = func(_ context.Context, done recovery.PasswordReset) error {
				after = append(after, done)
				return nil
			}
		})
		link := recovery.TokenProof(token(t, c.forgot(t, byMail(johnMail))))
		browser, thief, other := c.signIn(johnID), c.signIn(johnID), c.signIn("lead-unverified")

		want(t, "nobody", c.post("", oldPassword, newPassword), 401, "not_signed_in")
		want(t, "a wrong password", c.post(browser, "not it at all, sorry", newPassword), 422, "wrong_password")
		want(t, "a weak one", c.post(browser, oldPassword, "short"), 422, "password_policy")
		want(t, "their own address", c.post(browser, oldPassword, johnMail), 422, "password_policy")
		want(t, "the same one", c.post(browser, oldPassword, oldPassword), 422, "password_policy")
		want(t, "without the current one", post(c.api, "/change-password", `{"password":"`+newPassword+`"}`, header("Cookie", "session="+browser)), 400, "invalid_request")
		want(t, "with a lead ID", post(c.api, "/change-password", `{"leadId":"lead-unverified","currentPassword":"`+oldPassword+`","password":"`+newPassword+`"}`,
			header("Cookie", "session="+browser)), 400, "invalid_request")
		if c.whose(browser) != johnID || c.leads.Hash(johnID) != "fast:"+oldPassword {
			t.Error("what was refused changed something")
		}
		messages := len(c.outbox.Messages())
		w := c.post(browser, oldPassword, newPassword)
		want(t, "the change", w, 204, "")
		settle()

		cookies := w.Result().Cookies()
		if len(cookies) != 1 || cookies[0].Value == browser || c.whose(cookies[0].Value) != johnID {
			t.Errorf("the browser has %v, want one new session", cookies)
		}
		if c.whose(browser) != "" || c.whose(thief) != "" || c.whose(other) != "lead-unverified" {
			t.Errorf("sessions %v", c.open)
		}
		if got := c.leads.Hash(johnID); got != "fast:"+newPassword {
			t.Errorf("the hash is %q", got)
		}
		wantErr(t, c.reset(t.Context(), link, goodPassword), recovery.ErrInvalidProof)
		notices := c.outbox.Messages()[messages:]
		if len(notices) != 3 || slices.ContainsFunc(notices, func(m recovery.Message) bool { return m.Kind != recovery.MessagePasswordChanged }) {
			t.Errorf("notices %v, want one for each verified address", notices)
		}
		if e := c.events.of(recovery.EventPasswordChanged); len(e) != 1 || e[0].LeadID != johnID || !e[0].Client.IsValid() {
			t.Errorf("events %+v", e)
		}
		if len(c.events.of(recovery.EventPasswordReset)) != 0 {
			t.Error("a change is told as a reset")
		}
		if len(after) != 1 || after[0].LeadID != johnID || after[0].Proof != recovery.ProofPassword || after[0].Purpose != "" || after[0].Field != "" {
			t.Errorf("AfterReset got %+v", after)
		}
		want(t, "a former password", c.post(cookies[0].Value, newPassword, oldPassword), 422, "password_policy")
		want(t, "the change back", c.post(cookies[0].Value, newPassword, "a third one, of tin"), 204, "")
	})
}

// For Go code: the host keeps the session itself.
func TestChangePasswordFromGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanger(t, nil)
		cookie := c.signIn(johnID)
		result, err := c.ChangePassword(t.Context(), recovery.ChangeRequest{
			LeadID: johnID, Current: recovery.NewSecret(oldPassword), Password: recovery.NewSecret(newPassword),
			Labels: map[string]string{"by": "settings"}, Requester: recovery.Requester{Caller: "app"},
		})
		if err != nil || result.LeadID != johnID || result.SessionKept || len(result.Quotas) != 2 {
			t.Errorf("%+v, %v", result, err)
		}
		if c.whose(cookie) != "" || len(c.open) != 0 {
			t.Errorf("sessions %v", c.open)
		}
		if e := c.events.of(recovery.EventPasswordChanged); len(e) != 1 || e[0].Labels["by"] != "settings" || e[0].Caller != "app" {
			t.Errorf("events %+v", e)
		}
		wantErr(t, c.change(t.Context(), oldPassword, "a third one, of tin"), recovery.ErrWrongPassword)
		if _, err := c.ChangePassword(t.Context(), recovery.ChangeRequest{LeadID: "two words"}); !errors.Is(err, recovery.ErrInvalidRequest) {
			t.Error(err)
		}
	})
}

// What is missing for changes is said by New where it is known, and otherwise by the
// call.
func TestChangeNeedsAVersionedStore(t *testing.T) {
	opts := recovery.Options{Keys: [][]byte{testKey(1)}, Link: recovery.Link{URL: "https://portal.example.com/reset"}, DangerouslyKeepSessions: true}
	opts.Change.SignedIn = func(*http.Request) (string, error) { return "", nil }
	errs := newErrors(t, newLeads(), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts)
	if got := names(errs); !slices.Equal(got, []string{"Change.SignedIn", "Change.Verify"}) {
		t.Errorf("mistakes %q", got)
	}
	opts.Change = recovery.ChangeOptions{KeepSession: func(http.ResponseWriter, *http.Request, string) error { return nil }}
	if got := names(newWith(t, opts)); !slices.Equal(got, []string{"Change.KeepSession"}) {
		t.Errorf("mistakes %q", got)
	}
	plain := newPortal(t, nil)
	if _, err := plain.ChangePassword(t.Context(), recovery.ChangeRequest{LeadID: johnID}); err == nil || !strings.Contains(err.Error(), "VersionedLeadStore") {
		t.Error(err)
	}
	want(t, "without SignedIn", post(plain.Handler(), "/change-password", changeBody(oldPassword, newPassword)), 404, "not_found")
	if plain.Settings().Change || !newChanger(t, nil).Settings().Change {
		t.Error("Settings.Change")
	}
	versioned := newPortal(t, func(p *portal, _ *recovery.Options) { p.users = p.leads.Versioned() })
	if _, err := versioned.ChangePassword(t.Context(), recovery.ChangeRequest{LeadID: johnID}); err == nil || !strings.Contains(err.Error(), "Change.Verify") {
		t.Error(err)
	}
}

// countingHasher counts comparisons.
type countingHasher struct {
	fastHasher
	mu     sync.Mutex
	hashes int
}

func (h *countingHasher) Verify(ctx context.Context, a password.Attempt) (password.Result, error) {
	h.mu.Lock()
	h.hashes++
	h.mu.Unlock()
	return h.fastHasher.Verify(ctx, a)
}

// A102: somebody with a stolen session guesses at the password every two minutes for
// a day, each time from another address. The lead's limit ends that, and what it
// refuses costs no hash.
func TestGuessesAtTheCurrentPassword_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hasher := &countingHasher{}
		c := newChanger(t, func(_ *changer, o *recovery.Options) {
			o.Limits = recovery.Limits{}
			o.Passwords.Hasher = hasher
		})
		thief := c.signIn(johnID)
		allowed := 0
		for i := range 24 * 30 {
			if w := c.post(thief, fmt.Sprintf("guess number %d", i), newPassword, from(fmt.Sprintf("192.0.2.%d", i%250))); w.Code == 422 {
				allowed++
			} else {
				want(t, "a guess too many", w, 429, "rate_limited")
			}
			time.Sleep(2 * time.Minute)
		}
		if allowed != 30 || hasher.hashes != 30 {
			t.Errorf("%d guesses and %d hashes in 24 hours, want 30", allowed, hasher.hashes)
		}
	})
}

// A102: once the guesses of a thief have used up the limit, the right password is
// refused too, other leads are not touched, and a link lets the owner in and the thief
// out.
func TestALinkLetsTheOwnerIn_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanger(t, func(_ *changer, o *recovery.Options) { o.Limits = recovery.Limits{} })
		thief := c.signIn(johnID)
		for i := range 10 {
			want(t, "a guess", c.post(thief, "a guess", newPassword, from(fmt.Sprintf("192.0.2.%d", i))), 422, "wrong_password")
		}
		want(t, "the right guess", c.post(thief, oldPassword, newPassword, from("192.0.2.99")), 429, "rate_limited")
		want(t, "another lead", c.post(c.signIn("lead-unverified"), oldPassword, newPassword), 204, "")
		if err := c.reset(t.Context(), recovery.TokenProof(token(t, c.forgot(t, byMail(johnMail)))), goodPassword); err != nil {
			t.Error(err)
		}
		if c.whose(thief) != "" {
			t.Error("the thief is still signed in")
		}
		if e := c.events.of(recovery.EventChangeRefused); len(e) != 10 || e[0].Reason != recovery.ReasonWrongPassword || e[0].LeadID != johnID {
			t.Errorf("events %+v", e)
		}
	})
}

// A102: so it is where a second factor is needed. A thief who has the session and the
// password too uses up the guesses at the factor, and not those of the owner's link.
func TestALinkLetsTheOwnerOfAFactorIn_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		factor := newFactor("424242")
		c := newChanger(t, func(_ *changer, o *recovery.Options) { o.Limits, o.SecondFactor = recovery.Limits{}, factor.options() })
		thief := c.signIn(johnID)
		body := fmt.Sprintf(`{"currentPassword":%q,"password":%q,"secondFactor":"000000"}`, oldPassword, newPassword)
		for i, status := range []int{403, 403, 403, 403, 403, 429} {
			w := post(c.api, "/change-password", body, header("Cookie", "session="+thief), from(fmt.Sprintf("192.0.2.%d", i)))
			want(t, "a guess at the factor", w, status, "")
		}
		proof := recovery.TokenProof(token(t, c.forgot(t, byMail(johnMail))))
		if err := c.resetWith(t.Context(), proof, goodPassword, "424242"); err != nil {
			t.Error(err)
		}
		if c.whose(thief) != "" {
			t.Error("the thief is still signed in")
		}
	})
}

// A102: one client with many sessions is limited too, and a new password that any
// page could have refused costs nothing of the lead's limit.
func TestChangesOfAClientAreLimited_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hasher := &countingHasher{}
		c := newChanger(t, func(c *changer, o *recovery.Options) {
			o.Limits.ClientReset, o.Limits.Change = recovery.LimitPolicy{}, recovery.LimitPolicy{}
			o.Passwords.Hasher = hasher
			for i := range 20 {
				c.leads.Add(lead(fmt.Sprintf("many%d", i), recovery.StatusActive), "fast:"+oldPassword)
			}
		})
		compared := 0
		for i := range 20 {
			if c.post(c.signIn(fmt.Sprintf("lead-many%d", i)), "a guess", newPassword).Code == 422 {
				compared++
			}
		}
		if compared != 10 || hasher.hashes != 10 {
			t.Errorf("%d guesses and %d hashes of one client, want 10", compared, hasher.hashes)
		}
		john := c.signIn(johnID)
		for i := range 30 {
			want(t, "a short password", c.post(john, oldPassword, "short", from(fmt.Sprintf("198.51.100.%d", i))), 422, "password_policy")
		}
		want(t, "then", c.post(john, oldPassword, newPassword, from("198.51.100.99")), 204, "")
	})
}

// pickyHasher returns the errors that a Hasher may return instead of a comparison.
type pickyHasher struct{ fastHasher }

func (h pickyHasher) Verify(ctx context.Context, a password.Attempt) (password.Result, error) {
	switch {
	case len(a.Password) > 4096:
		return password.Result{}, &password.PolicyError{}
	case a.Hash != "" && !strings.HasPrefix(a.Hash, "fast:"):
		return password.Result{}, password.ErrMalformedHash
	}
	return h.fastHasher.Verify(ctx, a)
}

// A102: whatever is wrong with the current password, the answer is the same: for
// another one, for one that nobody can have, for a lead without a password, and for
// one whose hash cannot be read.
func TestWrongCurrentPasswordTellsNothing_A102(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanger(t, func(c *changer, o *recovery.Options) {
			c.leads.Add(lead("invited", recovery.StatusInvited), "")
			c.leads.Add(lead("odd", recovery.StatusActive), "no hash at all")
			c.leads.Add(lead("empty", recovery.StatusActive), "")
			o.Passwords.Hasher = pickyHasher{}
		})
		var first string
		for _, tt := range []struct{ id, current string }{
			{johnID, "another password"}, {johnID, ""}, {johnID, strings.Repeat("x", 5000)}, {johnID, "\\ud800"},
			{"lead-social", "another password"}, {"lead-invited", "another password"}, {"lead-odd", "another password"}, {"lead-empty", "another password"},
		} {
			w := c.post(c.signIn(tt.id), tt.current, newPassword)
			got := limitFields.ReplaceAllString(answer(w), "")
			if first == "" {
				first = got
			}
			if w.Code != 422 || got != first {
				t.Errorf("%s with %.20q: %s\nwant %s", tt.id, tt.current, got, first)
			}
		}
		for _, id := range []string{johnID, "lead-social"} {
			if c.leads.Hash(id) == "fast:"+newPassword {
				t.Errorf("%s has a new password", id)
			}
		}
		if log := c.log.String(); !strings.Contains(log, "a stored hash cannot be read") || !strings.Contains(log, "lead-odd") {
			t.Error("the operator is not told of a hash that cannot be read")
		}
	})
}
