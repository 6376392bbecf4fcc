package riverqueue_test

import (
	"context"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// A process that answers requests and does their work, on a PostgreSQL that
// other such processes share.
func Example() {
	_ = func(leads recovery.LeadStore, tokens recovery.TokenStore, mailer recovery.Notifier, opts recovery.Options) error {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		pool, err := pgxpool.New(ctx, "postgres://app@db.example.com/app")
		if err != nil {
			return err
		}
		defer pool.Close()
		if err := riverqueue.Migrate(ctx, pool); err != nil {
			return err
		}
		queue, err := riverqueue.New(pool, riverqueue.Options{})
		if err != nil {
			return err
		}
		deliveries, err := riverqueue.New(pool, riverqueue.Options{Name: "recovery-deliveries", Workers: 32})
		if err != nil {
			return err
		}
		opts.Queue, opts.DeliveryQueue = queue, deliveries
		service, err := recovery.New(leads, tokens, mailer, opts) // starts both
		if err != nil {
			return err
		}
		server := &http.Server{Addr: ":8080", Handler: service.Handler(), ReadHeaderTimeout: 5 * time.Second}
		go func() { _ = server.ListenAndServe() }()

		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = server.Shutdown(grace)
		return service.Shutdown(grace) // before the pool is closed
	}
}
