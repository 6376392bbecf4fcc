package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// When the password of Redis changes at run time, the error says so. Redis
// itself answers a long command with "unauthenticated multibulk length" or hangs
// up.
func TestPasswordChangesAtRunTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ sentence, has, wants, code string }{
		{"a password is required from now on", "", "new", "NOAUTH"},
		{"the password is another one", "old", "new", "WRONGPASS"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			ctx := t.Context()
			admin := server.Client(t).Conn() // stays signed in
			defer admin.Close()
			set := func(password string) {
				t.Helper()
				must(t, admin.ConfigSet(ctx, "requirepass", password).Err())
			}
			set(test.has)
			if test.has != "" {
				must(t, admin.Auth(ctx, test.has).Err())
			}
			defer set("") // redistest ends the server without a password
			client := redis.NewClient(&redis.Options{Addr: server.Addr, Password: test.has})
			defer client.Close()
			s, err := redisstore.New(client, redisstore.Options{Timeout: 10 * time.Second})
			must(t, err)
			ask := func() error {
				// Redis reads no command of more than 10 words before it is signed in to.
				policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100, Window: time.Minute}, {N: 1000, Window: time.Hour}}}
				_, err := s.Allow(ctx, recovery.LimitRequest{Key: "x", Policy: policy}, recovery.LimitRequest{Key: "y", Policy: policy})
				return err
			}
			must(t, ask())
			set(test.wants)
			must(t, admin.ClientKillByFilter(ctx, "SKIPME", "yes").Err())
			for range 3 {
				if err := ask(); err == nil || !strings.HasPrefix(err.Error(), "redisstore: "+test.code) {
					t.Errorf("the error is %v, want %s", err, test.code)
				}
			}
		})
	}
}
