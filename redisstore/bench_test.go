package redisstore_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// The figures that the project quotes come from bench/, which measures the
// peers in the same run. These are for working on one of them.
func BenchmarkTake(b *testing.B) {
	server := redistest.Start(b)
	client := server.Client(b)
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: 5 * time.Second}}}
	b.Run("floor", func(b *testing.B) {
		sha, err := client.ScriptLoad(b.Context(), "return 1").Result()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := client.EvalSha(b.Context(), sha, []string{"key"}).Err(); err != nil && err != redis.Nil {
				b.Fatal(err)
			}
		}
	})
	for _, c := range ways {
		s := newStore(b, server.Client(b, c.client...), nil)
		b.Run(c.name, func(b *testing.B) {
			keys := make([]string, 10_000)
			for i := range keys {
				keys[i] = c.name + strconv.Itoa(i)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				if _, err := s.Allow(b.Context(), recovery.LimitRequest{Key: keys[i%len(keys)], Policy: tier}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	s := newStore(b, client, nil)
	b.Run("denied", func(b *testing.B) {
		hot := recovery.LimitRequest{Key: "hot", Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Allow(b.Context(), hot); err != nil {
				b.Fatal(err)
			}
		}
	})
}
