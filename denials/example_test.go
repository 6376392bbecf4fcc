package denials_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/denials"
)

// A limiter asks its server only about what it does not remember as denied.
func Example() {
	server := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
	remembered, asked := denials.New(1<<16), 0
	allow := func(r recovery.LimitRequest) recovery.Decision {
		sent := time.Now()
		if d, ok := remembered.Lookup(r, sent); ok {
			return d
		}
		asked++
		decisions, _ := server.Allow(context.Background(), r)
		remembered.Remember(r, decisions[0], sent, time.Now(), 0)
		return decisions[0]
	}
	once := recovery.LimitRequest{Key: "192.0.2.1", Policy: recovery.LimitPolicy{
		Limits: []recovery.Limit{{N: 1, Window: time.Hour}},
	}}
	for range 1000 {
		allow(once)
	}
	fmt.Println("the server was asked", asked, "times")
	// Output: the server was asked 2 times
}
