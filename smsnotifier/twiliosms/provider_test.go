package twiliosms_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/safedial"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/smsnotifier"
	"github.com/seed-51359b35/recovery/smsnotifier/twiliosms"
)

const (
	accountSID = "AC0123456789abcdef0123456789abcdef"
	keySID     = "SK0123456789abcdef0123456789abcdef"
	keySecret  = "AbCdEfGhIjKlMnOpQrStUvWxYz012345"
	authToken  = "fedcba9876543210fedcba9876543210"
	serviceSID = "MG0123456789abcdef0123456789abcdef"
	recipient  = "+4915123456789"
	body       = "Example: 90412773 is your code & nobody else's\n@example.com #90412773"
	created    = `{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued","error_code":null,"error_message":null,"num_segments":"1"}`
)

// A received is a request as Twilio gets it.
type received struct {
	Method, Host, Path, User, Password, ContentType string
	Header                                          http.Header
	Form                                            url.Values
}

// A twilio takes the place of Twilio. It is a server, and a transport that
// sends every request to this server, whatever the host in the URL.
type twilio struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	answer func(w http.ResponseWriter, r *http.Request)
}

func newTwilio(t testing.TB) *twilio {
	t.Helper()
	s := &twilio{answer: func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusCreated, created) }}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		user, password, _ := r.BasicAuth()
		s.mu.Lock()
		s.got = append(s.got, received{r.Method, r.Header.Get("X-Test-Host"), r.URL.RequestURI(), user, password, r.Header.Get("Content-Type"), r.Header, r.PostForm})
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// RoundTrip implements http.RoundTripper.
func (s *twilio) RoundTrip(r *http.Request) (*http.Response, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("X-Test-Host", r.URL.Scheme+"://"+r.URL.Host)
	r.URL.Scheme, r.URL.Host, r.Host = u.Scheme, u.Host, ""
	return s.Client().Transport.RoundTrip(r)
}

func (s *twilio) set(answer func(w http.ResponseWriter, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *twilio) requests() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func options(s http.RoundTripper) twiliosms.Options {
	return twiliosms.Options{
		AccountSID: accountSID, APIKeySID: keySID, APIKeySecret: recovery.NewSecret(keySecret),
		MessagingServiceSID: serviceSID, Transport: s,
	}
}

func newProvider(t testing.TB, opts twiliosms.Options) *twiliosms.Provider {
	t.Helper()
	p, err := twiliosms.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func text() smsnotifier.Text {
	return smsnotifier.Text{ID: "job-1", To: recipient, Country: "DE", Body: recovery.NewSecret(body), Segments: 1, GSM7: true}
}

// The request is the one in Twilio's documentation of the Messages resource.
func TestSendAsksAsTwilioDocuments(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(o *twiliosms.Options, t *smsnotifier.Text)
		want func(r *received)
	}{
		{"by an API key and a messaging service", func(*twiliosms.Options, *smsnotifier.Text) {}, func(*received) {}},
		{"by the account's token", func(o *twiliosms.Options, _ *smsnotifier.Text) {
			o.APIKeySID, o.APIKeySecret, o.AuthToken = "", recovery.Secret{}, recovery.NewSecret(authToken)
		}, func(r *received) { r.User, r.Password = accountSID, authToken }},
		{"from a number", func(o *twiliosms.Options, _ *smsnotifier.Text) {
			o.MessagingServiceSID, o.From = "", "+14155550100"
		}, func(r *received) { r.Form.Del("MessagingServiceSid"); r.Form.Set("From", "+14155550100") }},
		{"at an edge", func(o *twiliosms.Options, _ *smsnotifier.Text) {
			o.Region, o.Edge = "ie1", "dublin"
		}, func(r *received) { r.Host = "https://api.dublin.ie1.twilio.com" }},
		{"in a region", func(o *twiliosms.Options, _ *smsnotifier.Text) {
			o.Region = "au1"
		}, func(r *received) { r.Host = "https://api.au1.twilio.com" }},
		{"with an end far away", func(_ *twiliosms.Options, t *smsnotifier.Text) {
			t.NotAfter = time.Now().Add(24 * time.Hour)
		}, func(r *received) { r.Form.Set("ValidityPeriod", "14400") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newTwilio(t)
			opts, message := options(s), text()
			tt.edit(&opts, &message)
			if err := newProvider(t, opts).Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
			want := received{
				Method: http.MethodPost, Host: "https://api.twilio.com", Path: "/2010-04-01/Accounts/" + accountSID + "/Messages.json",
				User: keySID, Password: keySecret, ContentType: "application/x-www-form-urlencoded",
				Form: url.Values{"To": {recipient}, "Body": {body}, "MessagingServiceSid": {serviceSID}, "SmartEncoded": {"false"}},
			}
			tt.want(&want)
			all := s.requests()
			if len(all) != 1 {
				t.Fatalf("%d requests, want 1", len(all))
			}
			got := all[0]
			if fmt.Sprint(got.Form) != fmt.Sprint(want.Form) {
				t.Errorf("form %v, want %v", got.Form, want.Form)
			}
			got.Header, got.Form, want.Form = nil, nil, nil
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("request %+v, want %+v", got, want)
			}
		})
	}
}

// Twilio does not deliver a code after it has expired.
func TestValidityPeriodEndsWithTheCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got url.Values
		p := newProvider(t, options(roundTripper(func(r *http.Request) (*http.Response, error) {
			b, _ := io.ReadAll(r.Body)
			got, _ = url.ParseQuery(string(b))
			return answer(http.StatusCreated, created), nil
		})))
		message := text()
		message.NotAfter = time.Now().Add(10 * time.Minute)
		time.Sleep(2*time.Minute + 500*time.Millisecond)
		if err := p.Send(t.Context(), message); err != nil || got.Get("ValidityPeriod") != "479" {
			t.Errorf("Send: %v, ValidityPeriod %q, want 479", err, got.Get("ValidityPeriod"))
		}
		time.Sleep(479 * time.Second)
		got = nil
		if err := p.Send(t.Context(), message); !errors.Is(err, recovery.ErrPermanent) || got != nil {
			t.Errorf("with half a second left: %v", err)
		}
		message.NotAfter = time.Time{}
		if err := p.Send(t.Context(), message); err != nil || got.Has("ValidityPeriod") {
			t.Errorf("without an end: %v, %v", err, got)
		}
	})
}

// A roundTripper is a function that is a transport.
type roundTripper func(r *http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// A refusal is permanent only if its meaning is clear. Its error holds the code
// and no text of Twilio's.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name      string
		status    int
		code      int
		permanent bool
	}{
		{"an invalid number", 400, 21211, true},
		{"a country that the account may not send to", 403, 21408, true},
		{"a person who has unsubscribed", 400, 21610, true},
		{"a number that cannot be reached from here", 400, 21612, true},
		{"a number that is not mobile", 400, 21614, true},
		{"a landline", 400, 21635, true},
		{"a text too long", 400, 21617, true},
		{"a code that is new, for a bad request", 400, 29999, true},
		{"a bad request without a code", 400, 0, true},
		{"a text that cannot be processed", 422, 0, true},
		{"wrong credentials", 401, 20003, false},
		{"an account that is suspended", 403, 30002, false},
		{"no such account", 404, 20404, false},
		{"too many requests", 429, 20429, false},
		{"a queue that is full, as a bad request", 400, 21611, false},
		{"too many messages a second, as a bad request", 400, 14107, false},
		{"broken", 500, 20500, false},
		{"away", 503, 0, false},
		{"a redirect", 307, 0, false},
		{"a timeout", 408, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newTwilio(t)
			s.set(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://evil.example.net/")
				refusal, _ := json.Marshal(map[string]any{
					"code": tt.code, "message": "The number " + recipient + " cannot get " + body, "status": tt.status,
					"more_info": "https://www.twilio.com/docs/errors", "details": map[string]any{"to": recipient},
				})
				reply(w, tt.status, string(refusal))
			})
			err := newProvider(t, options(s)).Send(t.Context(), text())
			refusal, ok := errors.AsType[*twiliosms.Error](err)
			code := tt.code
			if tt.status < 400 {
				code = 0
			}
			if !ok || refusal.Status != tt.status || refusal.Code != code {
				t.Fatalf("Send: %#v, want status %d and code %d", err, tt.status, code)
			}
			if got := errors.Is(err, recovery.ErrPermanent); got != tt.permanent {
				t.Errorf("permanent %t, want %t", got, tt.permanent)
			}
			if len(s.requests()) != 1 {
				t.Errorf("%d requests, want 1", len(s.requests()))
			}
			wantNothingOfTheMessage(t, err)
			if !strings.Contains(err.Error(), fmt.Sprint(code)) {
				t.Errorf("the error does not name the code: %v", err)
			}
		})
	}
}

// wantNothingOfTheMessage fails the test if an error quotes the number, the
// text or credentials (A39).
func wantNothingOfTheMessage(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, s := range []string{"15123456789", "90412773", "example.com", keySecret, authToken, accountSID} {
			if strings.Contains(e.Error(), s) || strings.Contains(fmt.Sprintf("%+v", e), s) {
				t.Errorf("the error quotes %s: %v", s, e)
			}
		}
	}
}

func TestAnswersThatAreNoRefusal(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
		want   string // part of the error; empty means that Twilio accepted the text
	}{
		{"a message that was taken", func(w http.ResponseWriter, _ *http.Request) { reply(w, 201, created) }, ""},
		{"taken, with an answer that is cut short", func(w http.ResponseWriter, _ *http.Request) { reply(w, 201, created[:20]) }, ""},
		{"taken, with an empty answer", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) }, ""},
		{"taken, with a connection that breaks", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			reply(w, 201, created)
		}, ""},
		{"created and failed at once", func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 201, `{"sid":"SM0","status":"failed","error_code":30006,"error_message":"`+recipient+`"}`)
		}, "error 30006"},
		{"a refusal that is no JSON", func(w http.ResponseWriter, _ *http.Request) { reply(w, 502, "<html>"+recipient) }, "error 0 (status 502)"},
		{"no answer at all", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newTwilio(t)
			s.set(tt.answer)
			err := newProvider(t, options(s)).Send(t.Context(), text())
			if tt.want == "" {
				if err != nil {
					t.Errorf("Send: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Send: %v, want %q", err, tt.want)
			}
			wantNothingOfTheMessage(t, err)
		})
	}
}

// An endless answer causes no delay and needs no memory, and its status counts.
func TestEndlessAnswers(t *testing.T) {
	const much = 512 << 20 // more than any connection buffers
	for status, want := range map[int]string{201: "", 500: "error 0 (status 500)"} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			written := make(chan int, 1)
			s := newTwilio(t)
			s.set(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, `{"message":"`)
				n, chunk := 0, make([]byte, 64<<10)
				for n < much {
					if _, err := w.Write(chunk); err != nil {
						break
					}
					n += len(chunk)
				}
				written <- n
			})
			opts := options(s)
			opts.Timeout = time.Minute
			err := newProvider(t, opts).Send(t.Context(), text())
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("Send: %v, want %q", err, want)
			}
			if n := <-written; n >= much {
				t.Error("all of the answer was read")
			}
		})
	}
}

// Send returns when its context ends, although Twilio's module has no parameter
// for a context.
func TestSendEndsWithItsContext(t *testing.T) {
	s := newTwilio(t)
	arrived, release := make(chan struct{}, 8), make(chan struct{})
	s.set(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	defer close(release)
	opts := options(s)
	opts.Timeout = time.Minute // longer than within waits
	p := newProvider(t, opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Send(ctx, text()) }()
	<-arrived
	cancel()
	if err := within(t, done); !errors.Is(err, context.Canceled) || errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("Send: %v", err)
	} else {
		wantNothingOfTheMessage(t, err)
	}
	n := len(s.requests())
	if err := p.Send(ctx, text()); !errors.Is(err, context.Canceled) || len(s.requests()) != n {
		t.Errorf("with a context that had ended: %v", err)
	}
}

func TestSendTimesOut(t *testing.T) {
	s := newTwilio(t)
	release := make(chan struct{})
	s.set(func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	opts := options(s)
	opts.Timeout = 100 * time.Millisecond
	p := newProvider(t, opts)
	done := make(chan error, 1)
	go func() { done <- p.Send(t.Context(), text()) }()
	err := within(t, done)
	if err == nil || errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("Send: %v", err)
	}
	wantNothingOfTheMessage(t, err)
}

func within(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(testenv.Patience(20 * time.Second)):
		t.Fatal("Send does not return")
		return nil
	}
}

// Twilio's module reads these variables. If a host sets them for another
// program, its codes must not be sent from that program's account.
func TestEnvironmentIsNotRead(t *testing.T) {
	for name, value := range map[string]string{
		"TWILIO_ACCOUNT_SID": "AC" + strings.Repeat("e", 32), "TWILIO_AUTH_TOKEN": strings.Repeat("e", 32),
		"TWILIO_REGION": "evil1", "TWILIO_EDGE": "evil",
	} {
		t.Setenv(name, value)
	}
	s := newTwilio(t)
	if err := newProvider(t, options(s)).Send(t.Context(), text()); err != nil {
		t.Fatal(err)
	}
	if got := s.requests()[0]; got.Host != "https://api.twilio.com" || got.User != keySID {
		t.Errorf("asked %s as %s", got.Host, got.User)
	}
}

// A Provider can send many texts at the same time.
func TestSendRacing(t *testing.T) {
	s := newTwilio(t)
	p := newProvider(t, options(s))
	var wg sync.WaitGroup
	want := map[string]string{}
	for i := range 24 {
		message := text()
		message.To, message.Body = fmt.Sprintf("+4915123456%03d", i), recovery.NewSecret(fmt.Sprint("code ", i))
		want[message.To] = message.Body.Reveal()
		wg.Go(func() {
			if err := p.Send(t.Context(), message); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := map[string]string{}
	for _, r := range s.requests() {
		got[r.Form.Get("To")] = r.Form.Get("Body")
	}
	if !maps.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

// A93: the default transport reaches no private address, whatever the name of
// Twilio's host resolves to.
func TestDefaultTransportIsGuarded_A93(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	t.Cleanup(s.Close)
	r := httptest.NewRequest(http.MethodPost, s.URL, nil)
	resp, err := newProvider(t, options(nil)).Transport().RoundTrip(r)
	if !errors.Is(err, safedial.ErrNotPublic) {
		if err == nil {
			_ = resp.Body.Close()
		}
		t.Errorf("failed with %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(o *twiliosms.Options)
		want []string
	}{
		{"nothing of a complete configuration", func(*twiliosms.Options) {}, nil},
		{"an alphanumeric sender", func(o *twiliosms.Options) { o.MessagingServiceSID, o.From = "", "Example Ltd" }, nil},
		{"a short code", func(o *twiliosms.Options) { o.MessagingServiceSID, o.From = "", "12345" }, nil},
		{"an empty configuration", func(o *twiliosms.Options) { *o = twiliosms.Options{} }, []string{"AccountSID", "APIKeySID", "MessagingServiceSID"}},
		{"another kind of SID", func(o *twiliosms.Options) {
			o.AccountSID, o.APIKeySID, o.MessagingServiceSID = keySID, accountSID, accountSID
		}, []string{"AccountSID", "APIKeySID", "MessagingServiceSID"}},
		{"a path for an account", func(o *twiliosms.Options) { o.AccountSID += "/../x" }, []string{"AccountSID"}},
		{"both ways to authenticate", func(o *twiliosms.Options) { o.AuthToken = recovery.NewSecret(authToken) }, []string{"AuthToken"}},
		{"a key without its secret", func(o *twiliosms.Options) { o.APIKeySecret = recovery.Secret{} }, []string{"APIKeySecret"}},
		{"a secret without its key", func(o *twiliosms.Options) { o.APIKeySID = "" }, []string{"APIKeySID"}},
		{"a secret with a line break", func(o *twiliosms.Options) { o.APIKeySecret = recovery.NewSecret(keySecret + "\n") }, []string{"APIKeySecret"}},
		{"a short token", func(o *twiliosms.Options) {
			o.APIKeySID, o.APIKeySecret, o.AuthToken = "", recovery.Secret{}, recovery.NewSecret("hunter2")
		}, []string{"AuthToken"}},
		{"both senders", func(o *twiliosms.Options) { o.From = "+14155550100" }, []string{"From"}},
		{"a sender of another channel", func(o *twiliosms.Options) { o.MessagingServiceSID, o.From = "", "whatsapp:+14155550100" }, []string{"From"}},
		{"a sender too long", func(o *twiliosms.Options) { o.MessagingServiceSID, o.From = "", "Example Limited" }, []string{"From"}},
		{"a sender without letters", func(o *twiliosms.Options) { o.MessagingServiceSID, o.From = "", "123456789" }, []string{"From"}},
		{"a sender with a space at its end", func(o *twiliosms.Options) { o.MessagingServiceSID, o.From = "", "Example " }, []string{"From"}},
		{"a number without plus", func(o *twiliosms.Options) { o.MessagingServiceSID, o.From = "", "14155550100" }, []string{"From"}},
		{"a region that is a host", func(o *twiliosms.Options) { o.Region, o.Edge = "evil.example.net/", "a.b" }, []string{"Region", "Edge"}},
		{"a time of nothing", func(o *twiliosms.Options) { o.Timeout = time.Millisecond }, []string{"Timeout"}},
		{"a time of an hour", func(o *twiliosms.Options) { o.Timeout = time.Hour }, []string{"Timeout"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := options(nil)
			tt.edit(&opts)
			p, err := twiliosms.New(opts)
			var got []string
			if joined, ok := err.(interface{ Unwrap() []error }); ok {
				for _, e := range joined.Unwrap() {
					o, ok := errors.AsType[*recovery.OptionError](e)
					if !ok {
						t.Fatalf("%T", e)
					}
					got = append(got, o.Option)
				}
			}
			if !slices.Equal(got, tt.want) || (p == nil) != (err != nil) {
				t.Errorf("New: %v, want mistakes in %q", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), keySecret)) {
				t.Errorf("the error quotes a credential: %v", err)
			}
		})
	}
}
