package webhook_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/webhook"
)

func whsec(n int, fill byte) recovery.Secret {
	return recovery.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, n)))
}

// mistakes returns the names of the options that New reports.
func mistakes(t *testing.T, opts webhook.Options) []string {
	t.Helper()
	s, err := webhook.New(opts)
	if err == nil {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		return nil
	}
	var names []string
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		e, ok := errors.AsType[*recovery.OptionError](err)
		if !ok {
			t.Fatalf("%v is no OptionError", err)
		}
		names = append(names, e.Option)
	}
	// A39: no reason quotes a part of a URL or secret.
	for _, never := range []string{urlSecret, "QUFB", "userinfo", "whsec_x"} {
		if strings.Contains(err.Error(), never) {
			t.Errorf("%q is quoted: %v", never, err)
		}
	}
	return names
}

func TestOptions(t *testing.T) {
	endpoint := func(change func(e *webhook.Endpoint)) func(*webhook.Options) {
		return func(o *webhook.Options) { change(&o.Endpoints[0]) }
	}
	for _, tt := range []struct {
		name   string
		change func(o *webhook.Options)
		want   string // options, joined
	}{
		{"the smallest", func(*webhook.Options) {}, ""},
		{"no endpoint", func(o *webhook.Options) { o.Endpoints = nil }, "Endpoints"},
		{"65 endpoints", func(o *webhook.Options) {
			o.Endpoints = nil
			for i := range 65 {
				o.Endpoints = append(o.Endpoints, nowhere(fmt.Sprint("e", i), whsec(32, byte(i))))
			}
		}, "Endpoints"},
		{"no key", func(o *webhook.Options) { o.Keys = nil }, "Keys"},
		{"a short key", func(o *webhook.Options) { o.Keys = [][]byte{key1[:31]} }, "Keys"},
		{"the same key twice", func(o *webhook.Options) { o.Keys = [][]byte{key1, key1} }, "Keys"},
		{"nine keys", func(o *webhook.Options) {
			o.Keys = nil
			for i := range 9 {
				o.Keys = append(o.Keys, testenv.Key(strconv.Itoa(i)))
			}
		}, "Keys"},
		{"two keys", func(o *webhook.Options) { o.Keys = [][]byte{key1, key2} }, ""},
		{"no URL", endpoint(func(e *webhook.Endpoint) { e.URL = "" }), "Endpoints[0].URL"},
		{"no URL and no ID is one mistake", endpoint(func(e *webhook.Endpoint) { e.URL, e.ID = "", "" }), "Endpoints[0].URL"},
		{"http", endpoint(func(e *webhook.Endpoint) { e.URL = "http://crm.example.com/" + urlSecret }), "Endpoints[0].URL"},
		{"another scheme", endpoint(func(e *webhook.Endpoint) { e.URL = "ftp://crm.example.com/" + urlSecret }), "Endpoints[0].URL"},
		{"a relative URL", endpoint(func(e *webhook.Endpoint) { e.URL = "/" + urlSecret }), "Endpoints[0].URL"},
		{"a URL that does not parse", endpoint(func(e *webhook.Endpoint) { e.URL = "https://crm.example.com:" + urlSecret }), "Endpoints[0].URL"},
		{"user information", endpoint(func(e *webhook.Endpoint) { e.URL = "https://userinfo@crm.example.com/" }), "Endpoints[0].URL"},
		{"a fragment", endpoint(func(e *webhook.Endpoint) { e.URL += "#" + urlSecret }), "Endpoints[0].URL"},
		{"a line break", endpoint(func(e *webhook.Endpoint) { e.URL += "\r\nHost: evil" }), "Endpoints[0].URL"},
		{"a long URL", endpoint(func(e *webhook.Endpoint) { e.URL += strings.Repeat("x", 2048) }), "Endpoints[0].URL"},
		{"a private address (A93)", endpoint(func(e *webhook.Endpoint) { e.URL = "https://10.0.0.1/" }), "Endpoints[0].URL"},
		{"the metadata of a cloud (A93)", endpoint(func(e *webhook.Endpoint) { e.URL = "https://169.254.169.254/" }), "Endpoints[0].URL"},
		{"localhost (A93)", endpoint(func(e *webhook.Endpoint) { e.URL = "https://localhost/" }), "Endpoints[0].URL"},
		{"loopback (A93)", endpoint(func(e *webhook.Endpoint) { e.URL, e.ID = "https://[::1]/", "six" }), "Endpoints[0].URL"},
		{"what is dangerous and allowed", endpoint(func(e *webhook.Endpoint) { e.URL, e.DangerouslyAllowPrivateAddresses = "http://localhost:1/", true }), ""},
		{"an ID with a space", endpoint(func(e *webhook.Endpoint) { e.ID = "my crm" }), "Endpoints[0].ID"},
		{"a long ID", endpoint(func(e *webhook.Endpoint) { e.ID = strings.Repeat("x", 65) }), "Endpoints[0].ID"},
		{"an ID for an IPv6 address", endpoint(func(e *webhook.Endpoint) {
			e.URL, e.ID, e.DangerouslyAllowPrivateAddresses = "https://[::1]/", "", true
		}), "Endpoints[0].ID"},
		{"the host's name is the ID", endpoint(func(e *webhook.Endpoint) { e.ID = "" }), ""},
		{"two of one ID", func(o *webhook.Options) { o.Endpoints = append(o.Endpoints, nowhere("crm", secretB)) }, "Endpoints[1].ID"},
		{"two of one host", func(o *webhook.Options) {
			o.Endpoints = append(o.Endpoints, nowhere("crm", secretB))
			o.Endpoints[0].ID, o.Endpoints[1].ID = "", ""
			o.Endpoints[1].URL = strings.ToUpper(o.Endpoints[1].URL[:12]) + o.Endpoints[1].URL[12:]
		}, "Endpoints[1].ID"},
		{"no secret", endpoint(func(e *webhook.Endpoint) { e.Secrets = nil }), "Endpoints[0].Secrets"},
		{"five secrets", endpoint(func(e *webhook.Endpoint) {
			e.Secrets = []recovery.Secret{whsec(32, 1), whsec(32, 2), whsec(32, 3), whsec(32, 4), whsec(32, 5)}
		}), "Endpoints[0].Secrets"},
		{"a secret twice", endpoint(func(e *webhook.Endpoint) { e.Secrets = []recovery.Secret{secretA, secretA} }), "Endpoints[0].Secrets"},
		{"two endpoints with one secret", func(o *webhook.Options) { o.Endpoints = append(o.Endpoints, nowhere("b", secretB, secretA)) }, "Endpoints[1].Secrets"},
		{"an empty secret", endpoint(func(e *webhook.Endpoint) { e.Secrets = []recovery.Secret{{}} }), "Endpoints[0].Secrets"},
		{"an event that does not exist", endpoint(func(e *webhook.Endpoint) { e.Events = []recovery.EventKind{"password_rest"} }), "Endpoints[0].Events"},
		{"all events", endpoint(func(e *webhook.Endpoint) { e.Events = webhook.AllEvents() }), ""},
		{"too little time", func(o *webhook.Options) { o.Timeout, o.EnqueueTimeout = time.Millisecond, time.Microsecond }, "EnqueueTimeout Timeout"},
		{"too much time", func(o *webhook.Options) { o.Timeout, o.EnqueueTimeout = 31*time.Second, 6*time.Second }, "EnqueueTimeout Timeout"},
		{"negative time", func(o *webhook.Options) { o.Timeout, o.EnqueueTimeout = -1, -1 }, "EnqueueTimeout Timeout"},
		{"everything at once", func(o *webhook.Options) {
			*o = webhook.Options{Timeout: 1, Endpoints: []webhook.Endpoint{{}, {ID: "!", URL: "http://x/", Events: []recovery.EventKind{"x"}}}}
		}, "Endpoints[0].URL Endpoints[0].Secrets Endpoints[1].URL Endpoints[1].ID Endpoints[1].Secrets Endpoints[1].Events Keys Timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := webhook.Options{Keys: [][]byte{key1}, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)}}
			tt.change(&opts)
			if got := strings.Join(mistakes(t, opts), " "); got != tt.want {
				t.Errorf("complains of %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSecrets(t *testing.T) {
	text := strings.TrimPrefix(secretA.Reveal(), "whsec_")
	for _, tt := range []struct {
		name   string
		secret string
		ok     bool
	}{
		{"24 bytes", whsec(24, 1).Reveal(), true},
		{"64 bytes", whsec(64, 1).Reveal(), true},
		{"23 bytes", whsec(23, 1).Reveal(), false},
		{"65 bytes", whsec(65, 1).Reveal(), false},
		{"no prefix", text, false},
		{"another prefix", "whsk_" + text, false},
		{"the prefix in capitals", "WHSEC_" + text, false},
		{"no padding", "whsec_" + strings.TrimRight(text, "="), false},
		{"URL alphabet", "whsec_" + strings.Repeat("_-_-", 10), false},
		{"a line break", "whsec_" + text[:20] + "\n" + text[20:], false},
		{"a line break after it", "whsec_" + text + "\n", false},
		{"a space before it", " whsec_" + text, false},
		{"trailing bits", "whsec_" + text[:len(text)-2] + "F=", false},
	} {
		_, err := webhook.ParseSecret(recovery.NewSecret(tt.secret))
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if a, b := webhook.GenerateSecret(), webhook.GenerateSecret(); a.Reveal() == b.Reveal() {
		t.Error("two new secrets are the same")
	} else if key, err := webhook.ParseSecret(a); err != nil || len(key) != 32 {
		t.Errorf("a new secret: %d bytes, %v", len(key), err)
	}
}

// Every key is accepted in one spelling only.
func FuzzSecret(f *testing.F) {
	f.Add(secretA.Reveal())
	f.Add("whsec_")
	f.Add(secretA.Reveal()[:20] + "\n" + secretA.Reveal()[20:])
	f.Fuzz(func(t *testing.T, text string) {
		key, err := webhook.ParseSecret(recovery.NewSecret(text))
		if err == nil && "whsec_"+base64.StdEncoding.EncodeToString(key) != text {
			t.Errorf("%q is accepted, and is spelt otherwise", text)
		}
		if err != nil && len(text) > 12 && strings.Contains(err.Error(), text) {
			t.Errorf("quoted: %v", err)
		}
	})
}

// A39: an Endpoint that is printed or logged shows neither URL nor secret.
func TestEndpointPrintsAsItsID(t *testing.T) {
	var b bytes.Buffer
	e := nowhere("crm", secretA)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+" "+verb+"\n", e, []webhook.Endpoint{e})
	}
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "endpoint", e)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "endpoint", e, "all", []webhook.Endpoint{e})
	if strings.Contains(b.String(), urlSecret) || strings.Contains(b.String(), "QUFB") || !strings.Contains(b.String(), "crm") {
		t.Errorf("prints %s", &b)
	}
}

// Changes to the options after New have no effect.
func TestOptionsAreCopied(t *testing.T) {
	q := &jobs{}
	opts := webhook.Options{
		Queue: q, Keys: [][]byte{bytes.Clone(key1)}, Logger: slog.New(slog.DiscardHandler),
		EnqueueTimeout: 5 * time.Second, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)},
	}
	opts.Endpoints[0].Events = []recovery.EventKind{recovery.EventPasswordReset}
	s, err := webhook.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	opts.Keys[0][0]++
	opts.Endpoints[0].Events[0] = recovery.EventNotMe
	opts.Endpoints[0].Secrets[0] = secretB
	opts.Endpoints[0] = webhook.Endpoint{}
	s.Sink(t.Context(), theReset())
	if len(q.all()) != 1 || one(t, s).Endpoint != "crm" {
		t.Errorf("%d jobs, %+v", len(q.all()), s.Stats())
	}
	if defaults := webhook.DefaultEvents(); len(slices.Compact(slices.Sorted(slices.Values(defaults)))) != 10 {
		t.Errorf("defaults %v", defaults)
	}
	webhook.DefaultEvents()[0] = "changed"
	if slices.Contains(webhook.DefaultEvents(), "changed") {
		t.Error("the defaults can be changed")
	}
}

// New fails with a queue that already has a handler.
func TestQueueThatDoesNotStart(t *testing.T) {
	q := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
	opts := webhook.Options{Queue: q, Keys: [][]byte{key1}, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)}}
	s, err := webhook.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := webhook.New(opts); err == nil {
		t.Error("two Senders share a queue")
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A job with any payload does no harm, even if it is sealed with the Sender's
// keys.
func FuzzJob(f *testing.F) {
	s, err := webhook.New(webhook.Options{
		Queue: &jobs{}, Keys: [][]byte{key1}, Logger: slog.New(slog.DiscardHandler),
		// No fuzzer guesses this ID. If one did, the job would be delivered.
		Endpoints: []webhook.Endpoint{nowhere("q7vz0t3kx9w2m5hb", secretA)},
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", "\n", "{}", `{"e":"other","i":"msg_1","t":"x"}` + "\n{}", `{"e":1}`, `[`, "null\nnull"} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, sealed bool) {
		job := recovery.Job{ID: "x", Payload: []byte(text)}
		if sealed {
			if job.Payload, err = s.SealText(text); err != nil {
				return
			}
		}
		err := s.Perform(t.Context(), job)
		if _, unknown := errors.AsType[*webhook.DeliveryError](err); !unknown && !errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("%q: %v", text, err)
		}
		if len(text) > 8 && strings.Contains(err.Error(), text) {
			t.Errorf("quoted: %v", err)
		}
		s.DeadLetter(t.Context(), job, recovery.ErrPermanent)
	})
}
