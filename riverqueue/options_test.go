package riverqueue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/riverqueue"
)

func TestOptionsAreChecked(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/nothing")
	must(t, err)
	t.Cleanup(pool.Close)
	for _, tt := range []struct {
		name  string
		opts  riverqueue.Options
		wrong []string
	}{
		{"zero values are the defaults, and PostgreSQL need not be up", riverqueue.Options{}, nil},
		{"an instance that only enqueues", riverqueue.Options{EnqueueOnly: true}, nil},
		{"everything at its lower end", riverqueue.Options{
			Name: "q", Workers: 1, MaxDepth: 1, Timeout: 10 * time.Millisecond, AttemptTimeout: 10 * time.Millisecond, Grace: time.Millisecond,
			FirstRetry: time.Millisecond, MaxRetry: time.Millisecond, PollInterval: 10 * time.Millisecond,
		}, nil},
		{"everything at its upper end", riverqueue.Options{
			Name: strings.Repeat("z", 64), Workers: 1024, MaxDepth: 10_000_000, Timeout: time.Minute, AttemptTimeout: time.Hour, Grace: time.Minute,
			FirstRetry: 24 * time.Hour, MaxRetry: 24 * time.Hour, PollInterval: 10 * time.Second,
		}, nil},
		{"a first pause over the default of the longest", riverqueue.Options{FirstRetry: time.Hour}, nil},
		{"every mistake at once", riverqueue.Options{
			Name: "a{b}", Workers: -1, MaxDepth: -1, Timeout: time.Millisecond, AttemptTimeout: -1, Grace: -1,
			FirstRetry: -1, MaxRetry: -2, PollInterval: time.Minute,
		}, []string{"Name", "Workers", "MaxDepth", "Timeout", "AttemptTimeout", "Grace", "FirstRetry", "MaxRetry", "PollInterval"}},
		{"too much of everything", riverqueue.Options{
			Name: strings.Repeat("q", 65), Workers: 1025, MaxDepth: 10_000_001, Timeout: time.Hour, AttemptTimeout: 2 * time.Hour, Grace: time.Hour,
			FirstRetry: 25 * time.Hour, MaxRetry: 26 * time.Hour,
		}, []string{"Name", "Workers", "MaxDepth", "Timeout", "AttemptTimeout", "Grace", "FirstRetry", "MaxRetry"}},
		{"pauses that shrink", riverqueue.Options{FirstRetry: time.Minute, MaxRetry: time.Second}, []string{"MaxRetry"}},
		{"a name that River refuses", riverqueue.Options{Name: "Recovery"}, []string{"Name"}},
		{"a name that ends too early", riverqueue.Options{Name: "recovery-"}, []string{"Name"}},
		{"workers where nothing works", riverqueue.Options{EnqueueOnly: true, Workers: 1}, []string{"EnqueueOnly"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, err := riverqueue.New(pool, tt.opts)
			if len(tt.wrong) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				must(t, shutdown(t, q, patience))
				return
			}
			for _, option := range tt.wrong {
				if err == nil || !strings.Contains(err.Error(), "option "+option+":") {
					t.Errorf("the error says nothing of %s: %v", option, err)
				}
			}
			if _, ok := errors.AsType[*recovery.OptionError](err); !ok {
				t.Errorf("%v is no OptionError", err)
			}
		})
	}
	if _, err := riverqueue.New(nil, riverqueue.Options{Workers: -1}); err == nil || !strings.Contains(err.Error(), "pool") || !strings.Contains(err.Error(), "Workers") {
		t.Errorf("without a pool: %v", err)
	}
}
