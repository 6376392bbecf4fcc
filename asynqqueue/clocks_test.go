package asynqqueue_test

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/redisstore"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

// A web node whose clock is an hour ahead of the worker's, or behind it: mail and text
// message go out at once, they say how long their link and code work, and these do
// work. The log of the process whose clock is not that of Redis says so. Before,
// every job was too old or waited for an hour, and every text message had expired.
func TestClocksAnHourApart(t *testing.T) {
	for _, tt := range []struct {
		name                string
		web, worker, server time.Duration // what the three clocks show
	}{
		{"the web node is ahead", time.Hour, 0, 0},
		{"the web node is behind", 0, time.Hour, time.Hour},
		{"the worker is behind", time.Hour, 0, time.Hour},
		{"the worker is ahead", 0, time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := miniredis.RunT(t)
			start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when the clocks of synctest start
			server.SetTime(start.Add(tt.server))
			var webLog, workerLog safeBuffer
			var sent outbox
			web := clockProcess{server: server, shows: tt.web, log: &webLog, sent: &sent, enqueueOnly: true}
			worker := clockProcess{server: server, shows: tt.worker, log: &workerLog, sent: &sent}
			web.run(t, func(t *testing.T, s *recovery.Service) {
				for _, req := range []recovery.ForgotRequest{{Key: byMail}, {Key: byMail, RecipientField: "Phone", Code: true}} {
					_, err := s.ForgotPassword(t.Context(), req)
					must(t, err)
				}
			})
			worker.run(t, func(*testing.T, *recovery.Service) {
				for began := time.Now(); sent.count() < 2 && time.Since(began) < time.Minute; {
					time.Sleep(100 * time.Millisecond)
				}
			})
			web.run(t, func(t *testing.T, s *recovery.Service) {
				for what, proof := range map[string]recovery.Proof{
					"in 60 minutes": recovery.TokenProof(sent.find(t, `token=([\w-]+)`)),
					"in 10 minutes": recovery.CodeProof(byMail, sent.find(t, `(\d{8}) is your code`)),
				} {
					sent.find(t, "("+what+")")
					_, err := s.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: proof})
					must(t, err)
				}
			})
			for name, p := range map[string]clockProcess{"web node": web, "worker": worker} {
				ahead := p.shows - tt.server
				told := strings.Contains(p.log.String(), "this machine's clock and that of Redis differ")
				if told != (ahead != 0) || told && !strings.Contains(p.log.String(), "ahead="+ahead.String()) {
					t.Errorf("the log of the %s, which is %v ahead of Redis:\n%s", name, ahead, p.log.String())
				}
			}
		})
	}
}

var byMail = recovery.LeadKey{Field: "EmailAddress", Value: "ada@example.com"}

// An outbox holds the texts of the mails and text messages that were sent.
type outbox struct {
	mu    sync.Mutex
	texts []string
}

func (o *outbox) add(text string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.texts = append(o.texts, text)
	return nil
}

func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.texts)
}

// find returns what the first group of a pattern matches in the one text that has it.
func (o *outbox) find(t *testing.T, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(strings.Join(o.texts, "\n"), -1)
	if len(found) != 1 {
		t.Fatalf("%q is %d times in what was sent: %q", pattern, len(found), o.texts)
	}
	return found[0][1]
}

// A clockProcess is a process whose clock shows something of its own.
type clockProcess struct {
	server      *miniredis.Miniredis
	shows       time.Duration
	log         *safeBuffer
	sent        *outbox
	enqueueOnly bool
}

// run starts the process, calls f and ends the process.
func (p clockProcess) run(t *testing.T, f func(t *testing.T, s *recovery.Service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(p.shows)
		client := redis.NewClient(&redis.Options{Addr: p.server.Addr()})
		defer func() { _ = client.Close() }()
		var queues [2]*asynqqueue.Queue
		for i, name := range []string{"requests", "deliveries"} {
			o := asynqqueue.Options{Name: name, Logger: debugLogger(p.log), Workers: 2}
			if p.enqueueOnly {
				o.EnqueueOnly, o.Workers = true, 0
			}
			var err error
			queues[i], err = asynqqueue.New(client, o)
			must(t, err)
		}
		store, err := redisstore.New(client, redisstore.Options{})
		must(t, err)
		leads := recoverytest.NewLeads()
		leads.Add(recovery.Lead{ID: "ada", Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: byMail.Value, Verified: true}, "Phone": {Value: "+4915123456789", Verified: true},
		}}, "old")
		s, err := recovery.New(leads, store, p.notifier(t), recovery.Options{
			Keys:                    [][]byte{testenv.Key("k")},
			Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
			Fields:                  []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}, {Name: "Phone", Type: recovery.FieldTypePhone, Receive: true}},
			DangerouslyKeepSessions: true, Limiter: store,
			Queue: queues[0], DeliveryQueue: queues[1], Logger: slog.New(slog.DiscardHandler),
		})
		must(t, err)
		defer func() {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		f(t, s)
	})
}

// A carrier is a function that is an [smsnotifier.Provider].
type carrier func(text smsnotifier.Text) error

func (f carrier) Send(_ context.Context, text smsnotifier.Text) error { return f(text) }

// notifier writes mails and text messages as a host does.
func (p clockProcess) notifier(t *testing.T) recovery.Notifier {
	t.Helper()
	texts, err := messages.New(messages.Options{Product: "Example", Host: "portal.example.com"})
	must(t, err)
	budget := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100, Window: 24 * time.Hour}}}
	sms, err := smsnotifier.New(texts, carrier(func(text smsnotifier.Text) error { return p.sent.add(text.Body.Reveal()) }),
		smsnotifier.Options{Countries: map[string]recovery.LimitPolicy{"DE": budget}, Budget: budget})
	must(t, err)
	return recovery.ByChannel(map[recovery.Channel]recovery.Notifier{
		recovery.ChannelEmail: recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
			mail, err := texts.Mail(m)
			if err != nil {
				return err
			}
			return p.sent.add(mail.Text)
		}),
		recovery.ChannelSMS: sms,
	})
}
