package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	portalpages "github.com/seed-51359b35/recovery/portal"
)

// users is the host's user store: here one row, in yours a table.
type users struct {
	mu      sync.Mutex
	version int
	hash    string
}

func (u *users) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if key != (recovery.LeadKey{Field: "EmailAddress", Value: "ada@example.com"}) &&
		key != (recovery.LeadKey{Field: recovery.LeadIDField, Value: "42"}) {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	return recovery.Lead{
		ID: "42", Version: fmt.Sprint(u.version), Status: recovery.StatusActive,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "ada@example.com", Verified: true}},
	}, nil
}

func (u *users) SetPasswordHash(_ context.Context, leadID, hash string) error {
	if leadID != "42" {
		return fmt.Errorf("no user %s: %w", leadID, recovery.ErrNotWritten)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hash = hash
	u.version++
	return nil
}

// sessions are those that the host opened at sign-in, by lead.
type sessions struct {
	mu   sync.Mutex
	open map[string][]string
}

func (s *sessions) EndSessions(_ context.Context, leadID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, leadID)
	return nil
}

// The whole flow: forgot, delivered, reset, signed in.
func Example() {
	keys := [][]byte{recovery.NewKey()} // yours comes from your secret store, through ParseKey
	leads := &users{}
	signedIn := &sessions{open: map[string][]string{"42": {"a browser"}}}
	outbox := make(chan recovery.Message, 8)
	mailer := recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
		outbox <- m // yours sends it
		return nil
	})

	service, err := recovery.New(leads, recovery.NewMemoryTokenStore(), mailer, recovery.Options{
		Keys:     keys, // one key of 32 random bytes from your secret store
		Link:     recovery.Link{URL: "https://portal.example.com/account/reset"},
		Sessions: signedIn,
		API:      recovery.APIOptions{Path: "/api"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer service.Shutdown(context.Background()) // SIGTERM needs more: see docs/production.md
	mux := http.NewServeMux()
	mux.Handle("/api/", service.Handler())
	// The pages, for hosts that have none of their own.
	pages, err := portalpages.New(service, portalpages.Options{
		BaseURL: "https://portal.example.com/account", // Link is this + "/reset", NotMe is this + "/not-me"
		Keys:    keys,
		Product: "Acme",
		SignIn:  "/sign-in",
	})
	if err != nil {
		log.Fatal(err)
	}
	pages.Mount(mux)
	server := httptest.NewServer(mux)
	defer server.Close()

	// Log-in verifies what a reset writes, and the bcrypt hashes from before.
	signsIn := func(ctx context.Context, hash, typed string) bool {
		result, err := service.Hasher().Verify(ctx, password.Attempt{Hash: hash, Password: typed})
		return err == nil && result.Match // if result.Rehash, store service.Hasher().Hash(ctx, typed)
	}

	send := func(path, body string) {
		res, err := http.Post(server.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		fmt.Println(path, res.StatusCode)
	}
	send("/api/forgot-password", `{"email":"ada@example.com"}`)
	message := <-outbox
	fmt.Println(message.Kind, "to", message.To)
	link, _ := url.Parse(message.URL.Reveal())
	if page, err := http.Get(server.URL + "/account/forgot"); err == nil {
		_ = page.Body.Close()
		fmt.Println("the page to ask", page.StatusCode)
	}
	body := fmt.Sprintf(`{"token":%q,"password":"three brass monkeys"}`, link.Query().Get("token"))
	send("/api/reset-password", body)
	send("/api/reset-password", body) // the link is dead

	fmt.Println("signs in:", signsIn(context.Background(), leads.hash, "three brass monkeys"))
	fmt.Println("old sessions:", len(signedIn.open))
	// Output:
	// /api/forgot-password 202
	// reset_link to ada@example.com
	// the page to ask 200
	// /api/reset-password 204
	// /api/reset-password 400
	// signs in: true
	// old sessions: 0
}

// New reports every mistake at once.
func ExampleNew() {
	_, err := recovery.New(&users{}, recovery.NewMemoryTokenStore(), nil, recovery.Options{
		Link: recovery.Link{URL: "http://portal.example.com/reset"},
	})
	fmt.Println(err)
	// Output:
	// recovery: option notifier: is required: what sends the mail
	// recovery: option Keys: is required: one key of 32 random bytes from the host's secret store, the same on every instance; NewKey makes one, and ParseKey reads it from text
	// recovery: option Link: URL: must be https (http only for localhost and loopback addresses)
	// recovery: option Sessions: is required: how to end a lead's sessions after a reset, or DangerouslyKeepSessions
}

// A store that reports every failure as definite breaks the promise of one
// write per token: a connection that was lost after the statement ran may have
// written.
func ExampleErrNotWritten_incorrect() {
	setPasswordHash := func(exec func() error) error {
		if err := exec(); err != nil {
			return fmt.Errorf("%w: %w", err, recovery.ErrNotWritten) // wrong: nobody knows
		}
		return nil
	}
	err := setPasswordHash(func() error { return errors.New("connection reset after COMMIT was sent") })
	fmt.Println(errors.Is(err, recovery.ErrNotWritten))
	// Output: true
}

// Channels can have notifiers of their own.
func ExampleByChannel() {
	show := func(how string) recovery.Notifier {
		return recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
			fmt.Println(how, m.To)
			return nil
		})
	}
	n := recovery.ByChannel(map[recovery.Channel]recovery.Notifier{
		recovery.ChannelEmail: show("mail to"),
		recovery.ChannelSMS:   show("text to"),
	})
	_ = n.Notify(context.Background(), recovery.Message{Channel: recovery.ChannelSMS, To: "+14157415569"})
	err := n.Notify(context.Background(), recovery.Message{Channel: "pigeon"})
	fmt.Println(errors.Is(err, recovery.ErrPermanent))
	// Output:
	// text to +14157415569
	// true
}

// Limits are exact, and say when to come back.
func ExampleMemoryLimiter() {
	limiter := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: time.Hour}}}
	for range 3 {
		decisions, err := limiter.Allow(context.Background(), recovery.LimitRequest{Key: "203.0.113.7", Policy: tier})
		if err != nil {
			fmt.Println(err)
			return
		}
		d := decisions[0]
		fmt.Println(d.Allowed, d.Remaining, d.RetryAfter.Round(time.Minute))
	}
	// Output:
	// true 1 0s
	// true 0 0s
	// false 0 1h0m0s
}

// Secrets print as nothing; Reveal is the one way to them.
func ExampleSecret() {
	token := recovery.NewSecret("12078b6f730c6754")
	fmt.Printf("%v %+v %q\n", token, struct{ T recovery.Secret }{token}, token)
	fmt.Println(token.Reveal())
	// Output:
	// [redacted] {T:[redacted]} [redacted]
	// 12078b6f730c6754
}

// A host keeps its second factor: the hook stands between the link and the new
// password.
func ExampleStepUpFunc() {
	type ctxKey struct{}
	verifyTOTP := func(lead recovery.Lead, code string) bool { return code == "123456" }
	var stepUp recovery.StepUpFunc = func(ctx context.Context, lead recovery.Lead) error {
		// A middleware around the handler put the code there.
		code, _ := ctx.Value(ctxKey{}).(string)
		if !verifyTOTP(lead, code) {
			return &recovery.StepUpError{Detail: "Enter the code of your authenticator app."}
		}
		return nil
	}
	fmt.Println(stepUp(context.Background(), recovery.Lead{}))
	fmt.Println(stepUp(context.WithValue(context.Background(), ctxKey{}, "123456"), recovery.Lead{}))
	// Output:
	// recovery: a further proof is required: "Enter the code of your authenticator app."
	// <nil>
}
