package recovery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// sink collects everything that leaves the Service for storage.
type sink struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *sink) add(args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range args {
		if b, ok := a.([]byte); ok {
			a = string(b)
		}
		fmt.Fprintf(&s.buf, "%v %+v %#v\n", a, a, a)
	}
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// sunkTokens, sunkLimiter and sunkQueue write down what they are given.
type sunkTokens struct {
	recovery.TokenStore
	*sink
}

func (s sunkTokens) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	token, err := s.TokenStore.Put(ctx, slot, spec)
	s.add(slot, spec, token)
	return token, err
}

func (s sunkTokens) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	s.add(refs)
	return s.TokenStore.Peek(ctx, refs...)
}

func (s sunkTokens) Claim(ctx context.Context, id string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	s.add(id, refs)
	return s.TokenStore.Claim(ctx, id, refs...)
}

func (s sunkTokens) Delete(ctx context.Context, slots ...string) error {
	s.add(slots)
	return s.TokenStore.Delete(ctx, slots...)
}

type sunkLimiter struct {
	recovery.Limiter
	*sink
}

func (l sunkLimiter) Allow(ctx context.Context, takes ...recovery.LimitRequest) ([]recovery.Decision, error) {
	l.add(takes)
	return l.Limiter.Allow(ctx, takes...)
}

type sunkQueue struct {
	recovery.WorkerQueue
	*sink
}

func (q sunkQueue) Enqueue(ctx context.Context, job recovery.Job) error {
	q.add(job, job.Payload)
	return q.WorkerQueue.Enqueue(ctx, job)
}

// A31, A39: nothing that is logged, told, stored or queued in a run of the
// whole flow, with its failures, holds a token, code, password, secret or full
// address.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		var fail atomic.Bool
		fail.Store(true)
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			p.tokens = sunkTokens{p.tokens, out}
			o.Limiter = sunkLimiter{o.Limiter, out}
			o.Queue = sunkQueue{recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}), out}
			o.Events = func(_ context.Context, e recovery.Event) {
				b, _ := json.Marshal(e)
				out.add(e, b)
			}
			p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
				if fail.Load() {
					if m.Channel == recovery.ChannelSMS {
						panic(fmt.Sprint("cannot send ", m.Code.Reveal(), " to ", m.To))
					}
					return fmt.Errorf("550 5.1.1 <%s>: no such user; body was %s%s", strings.ToUpper(m.To), m.URL.Reveal(), m.Code.Reveal())
				}
				out.add(m)
				return nil
			})
			p.leads.SetHooks(recoverytest.LeadsHooks{Find: func(_ context.Context, key recovery.LeadKey) error {
				if key.Value == "broken@example.com" {
					return fmt.Errorf("pq: no row for (email)=(%s)", key.Value)
				}
				return nil
			}})
		})
		h := p.Handler()
		servers, err := p.IssueTokenHandler(recovery.APIKey{ID: "crm", Secret: recovery.NewSecret("a-very-secret-api-key")})
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{
			`{"email":"` + johnMail + `"}`, `{"email":"nobody@example.com"}`, `{"email":"broken@example.com"}`, `{"email":"disabled@example.com"}`,
			`{"identifier":{"field":"Phone","value":"+14-157415569"},"recipientField":"Phone"}`,
			`{"identifier":{"field":"mx_PAN_Number","value":"` + johnPAN + `"},"recipientField":"mx_Alternate_Email"}`,
			`{"email":["` + johnMail + `"]}`, `{"unknown":1}`, `{"email":"johnwick@@example.com"}`,
		} {
			out.add(answer(post(h, "/forgot-password", body)))
		}
		time.Sleep(time.Minute)
		fail.Store(false)
		time.Sleep(5 * time.Minute)
		secrets := []string{
			johnMail, johnAlt, johnPhone, "4157415569", "14-157415569", johnPAN, "john_doe", "nobody@example.com", "broken@example.com", "disabled@example.com",
			goodPassword, "wrong-password-too-weak?", "a-very-secret-api-key", string(testKey(1)),
		}
		var code string
		var links []string
		for _, m := range p.outbox.Messages() {
			if m.Code.IsZero() {
				links = append(links, token(t, m))
			} else {
				code = m.Code.Reveal()
			}
		}
		if len(links) != 2 || code == "" {
			t.Fatalf("messages %v", p.outbox.Messages())
		}
		secrets = append(secrets, append(links, code)...)
		out.add(answer(post(h, "/check-token", `{"token":"`+links[0]+`"}`)))
		out.add(answer(post(h, "/check-token", `{"token":"`+links[0]+`x"}`)))
		out.add(answer(post(h, "/check-token", `{"email":"`+johnMail+`","code":"`+code+`"}`)))
		out.add(answer(post(h, "/reset-password", `{"token":"`+links[0]+`","password":"short"}`)))
		p.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(_ context.Context, _, hash string) error {
			return fmt.Errorf("insert %s: %w", hash, errors.Join(recovery.ErrNotWritten))
		}})
		out.add(answer(post(h, "/reset-password", `{"token":"`+links[0]+`","password":"`+goodPassword+`"}`)))
		p.leads.SetHooks(recoverytest.LeadsHooks{})
		out.add(answer(post(h, "/reset-password", `{"token":"`+links[0]+`","password":"`+goodPassword+`"}`)))
		bearer := header("Authorization", "Bearer a-very-secret-api-key")
		issued := post(servers, "/forgot-token", `{"email":"`+johnMail+`"}`, bearer)
		var got struct{ Token string }
		if err := json.Unmarshal(issued.Body.Bytes(), &got); err != nil || got.Token == "" {
			t.Fatalf("forgot-token: %s", answer(issued))
		}
		secrets = append(secrets, got.Token)
		out.add(answer(post(servers, "/forgot-token", `{"email":"nobody@example.com"}`, bearer)))
		out.add(answer(post(servers, "/forgot-token", `{"email":"nobody@example.com"}`, header("Authorization", "Bearer wrong-password-too-weak?"))))
		time.Sleep(time.Hour)

		if p.leads.Writes() != 1 {
			t.Fatal("the flow did not run")
		}
		all := out.String() + p.log.String()
		if !strings.Contains(all, "message_sent") || !strings.Contains(all, "[redacted]") {
			t.Fatal("nothing was captured")
		}
		for _, s := range secrets {
			for _, form := range encodings(s) {
				if i := strings.Index(strings.ToLower(all), strings.ToLower(form)); i >= 0 {
					t.Errorf("%q is in\n%s", form, all[max(0, i-200):min(len(all), i+200)])
				}
			}
		}
	})
}

// A39: however a value that holds secrets is printed.
func TestValuesPrintWithoutTheirSecrets(t *testing.T) {
	const secret = "s3cr3t-value"
	values := map[string]any{
		"Secret":            recovery.NewSecret(secret),
		"pointer":           new(recovery.NewSecret(secret)),
		"in a struct":       struct{ S recovery.Secret }{recovery.NewSecret(secret)},
		"unexported":        struct{ s recovery.Secret }{recovery.NewSecret(secret)},
		"in a slice":        []recovery.Secret{recovery.NewSecret(secret)},
		"Message":           recovery.Message{To: secret, URL: recovery.NewSecret(secret), Code: recovery.NewSecret(secret)},
		"LeadKey":           recovery.LeadKey{Field: "EmailAddress", Value: secret},
		"link proof":        recovery.LinkSecretProof("id", secret),
		"sealed proof":      recovery.TokenProof(secret),
		"code proof":        recovery.CodeProof(recovery.LeadKey{Field: "EmailAddress", Value: secret}, secret),
		"ResetRequest":      recovery.ResetRequest{Proof: recovery.TokenProof(secret), Password: recovery.NewSecret(secret)},
		"CheckProofRequest": recovery.CheckProofRequest{Proof: recovery.TokenProof(secret)},
		"IssueResult":       recovery.IssueResult{Token: recovery.NewSecret(secret)},
		"ForgotRequest":     recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: secret}},
		"Lead":              recovery.Lead{ID: "id", Name: secret, Version: secret, Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: secret}}},
		"APIKey":            recovery.APIKey{ID: "id", Secret: recovery.NewSecret(secret)},
		"key in an error":   fmt.Errorf("with %v", recovery.LeadKey{Field: "f", Value: secret}),
		"message in error":  fmt.Errorf("with %+v", recovery.Message{To: secret}),
	}
	for name, v := range values {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		if name != "ForgotRequest" {
			// Which holds a LeadKey, and that has to be readable as JSON: a
			// LeadStore may send it to the host's user service.
			slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, verb+"\n", v)
		}
		for _, form := range encodings(secret) {
			if strings.Contains(log.String(), form) {
				t.Errorf("%s prints as\n%s", name, log.String())
				break
			}
		}
	}
	b, err := json.Marshal(struct{ S recovery.Secret }{recovery.NewSecret(secret)})
	if err != nil || string(b) != `{"S":"[redacted]"}` {
		t.Errorf("JSON %s, %v", b, err)
	}
	if recovery.NewSecret(secret).Reveal() != secret || (recovery.Secret{}).Reveal() != "" {
		t.Error("Reveal does not")
	}
}
