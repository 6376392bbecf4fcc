package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/redisstore"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// An instance is a copy of this program that serves the library's own API, with
// tokens, limits and both queues on Redis, and mail over SMTP. These variables
// make one.
const (
	redisVariable    = "RECOVERY_SOAK_REDIS"
	passwordVariable = "RECOVERY_SOAK_PASSWORD"
	relayVariable    = "RECOVERY_SOAK_RELAY"
)

// leads are people without end: pN@example.com for every N. Nobody resets twice,
// so the version of a lead stays.
type leads struct{}

func (leads) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	id, _, _ := strings.Cut(key.Value, "@")
	if !strings.HasPrefix(id, "p") {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	return recovery.Lead{ID: id, Version: "1", Status: recovery.StatusActive,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: id + "@example.com", Verified: true}}}, nil
}

func (leads) SetPasswordHash(context.Context, string, string) error { return nil }

// words writes mails of which the relay needs only the kind and the link.
type words struct{}

func (words) Mail(m recovery.Message) (messages.Mail, error) {
	text := string(m.Kind) + "\n" + m.URL.Reveal() + "\n"
	return messages.Mail{Subject: string(m.Kind), Text: text, HTML: "<pre>" + text + "</pre>", Language: language.English}, nil
}

// never is a limit that refuses nobody.
var never = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Second}}}

func newService(client *redis.Client, relay string, log *slog.Logger) (*recovery.Service, *smtpnotifier.Notifier, error) {
	mailer, err := smtpnotifier.New(words{}, smtpnotifier.Options{
		Server: smtpnotifier.Server{Address: relay, TLS: smtpnotifier.DangerouslyPlaintext},
		From:   mail.Address{Address: "no-reply@accounts.example.com"},
	})
	if err != nil {
		return nil, nil, err
	}
	store, err := redisstore.New(client, redisstore.Options{Logger: log})
	if err != nil {
		return nil, nil, err
	}
	key := sha256.Sum256([]byte("the same in each instance"))
	opts := recovery.Options{
		Keys: [][]byte{key[:]}, Link: recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true, Limiter: store, Logger: log,
		Limits: recovery.Limits{Caller: never, ClientForgot: never, ClientReset: never, ClientCheck: never,
			Identifier: never, Lead: never, Recipient: never, Issue: never},
	}
	for name, queue := range map[string]*recovery.Queue{"soak": &opts.Queue, "soak-deliveries": &opts.DeliveryQueue} {
		if *queue, err = asynqqueue.New(client, asynqqueue.Options{Name: name, Logger: log}); err != nil {
			return nil, nil, err
		}
	}
	service, err := recovery.New(leads{}, store, mailer, opts)
	return service, mailer, err
}

// gauges are what an instance says of itself.
type gauges struct {
	Goroutines int
	HeapMiB    float64
}

// serveInstance runs an instance until SIGTERM. It says its address on standard
// output. Like a host, it exits with 1 if its shutdown was not complete.
func serveInstance() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	client := redis.NewClient(&redis.Options{Addr: os.Getenv(redisVariable), Password: os.Getenv(passwordVariable)})
	defer client.Close()
	service, mailer, err := newService(client, os.Getenv(relayVariable), log)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", service.Handler())
	mux.HandleFunc("/gauges", func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_ = json.NewEncoder(w).Encode(gauges{runtime.NumGoroutine(), float64(m.HeapAlloc) / (1 << 20)})
	})
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second}
	fmt.Println(l.Addr())
	go func() { _ = server.Serve(l) }()
	<-ctx.Done()
	drain, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(server.Shutdown(drain), service.Shutdown(drain), mailer.Shutdown(drain))
}
