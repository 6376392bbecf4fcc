package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

// Every mistake is told at once.
func TestOptionsAreChecked(t *testing.T) {
	_, err := redisstore.New(nil, redisstore.Options{Timeout: time.Millisecond, Replicas: 17})
	for _, option := range []string{"client", "Timeout", "Replicas"} {
		if err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("the error says nothing of %s: %v", option, err)
		}
	}
	if _, ok := errors.AsType[*recovery.OptionError](err); !ok {
		t.Errorf("%v is no OptionError", err)
	}
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { _ = client.Close() }()
	if _, err := redisstore.New(client, redisstore.Options{Timeout: 10 * time.Millisecond}); err != nil {
		t.Errorf("a Redis that is down at the start: %v", err)
	}
}

// A budget does not end early, whatever the one before that had its alarm.
func TestBudgetsAreNotShared(t *testing.T) {
	var budgets redisstore.Budgets
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 300 {
				d := time.Duration(i%3) * time.Millisecond
				began := time.Now()
				ctx, put := budgets.Get(context.Background(), d)
				if i%2 == 0 {
					<-ctx.Done()
					if took := time.Since(began); took < d || ctx.Err() == nil {
						t.Errorf("a budget of %v ended after %v: %v", d, took, ctx.Err())
					}
				}
				put()
				long, put := budgets.Get(context.Background(), time.Minute)
				if long.Err() != nil {
					t.Error("a fresh budget is spent")
				}
				put()
			}
		})
	}
	wg.Wait()
	parent, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	ctx, _ := budgets.Get(parent, time.Minute)
	select {
	case <-ctx.Done():
	case <-time.After(testenv.Patience(10 * time.Second)):
		t.Error("the parent's deadline does not count")
	}
}

// L7: the cache is bounded, and tells a denial's end exactly.
func TestDenialsAreBoundedAndExact(t *testing.T) {
	d, now := redisstore.NewDenials(1600), time.Now()
	denied := recovery.Decision{Reset: time.Minute, RetryAfter: time.Minute}
	for i := range 100_000 {
		d.Remember(fmt.Sprint(i), denied, now.Add(time.Minute))
		if n := d.Len(); i%997 == 0 && n > 1600 {
			t.Fatalf("%d keys, want at most 1,600", n)
		}
	}
	d.Remember("key", denied, now.Add(time.Minute))
	got, ok := d.Lookup("key", now.Add(20*time.Second))
	if !ok || got.Allowed || got.RetryAfter != 40*time.Second || got.Reset != 40*time.Second {
		t.Errorf("after 20 s: %+v, %v", got, ok)
	}
	if _, ok := d.Lookup("key", now.Add(time.Minute)); ok {
		t.Error("denied at the instant at which it ends")
	}
	none := redisstore.NewDenials(-1)
	none.Remember("key", denied, now.Add(time.Minute))
	if none.Len() != 0 {
		t.Error("a cache that was turned off holds something")
	}
}

// FuzzDecision: whatever integer or list comes, a decision is within its tier,
// or an error.
func FuzzDecision(f *testing.F) {
	f.Add(int64(0), int64(0), int64(0), uint8(0))
	f.Add(int64(-1), int64(1), int64(-9), uint8(3))
	f.Add(int64(1)<<62, int64(-1)<<62, int64(7), uint8(2))
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Second}, {N: 100_000, Window: 31 * 24 * time.Hour}}}
	f.Fuzz(func(t *testing.T, a, b, c int64, form uint8) {
		var reply any = a
		switch form % 4 {
		case 1:
			reply = []any{a, b, c}
		case 2:
			reply = []any{a, "text", c}
		case 3:
			reply = fmt.Sprint(a)
		}
		d, err := redisstore.ParseDecision(reply, tier)
		if err != nil {
			if d != (recovery.Decision{}) || !errors.Is(err, redisstore.ErrWrongReply) {
				t.Errorf("%+v with %v", d, err)
			}
			return
		}
		if d.Reset < 0 || d.RetryAfter < 0 || d.Remaining < 0 || d.Reset > 32*24*time.Hour || d.Allowed && d.RetryAfter != 0 ||
			d.Remaining > d.Limit.N {
			t.Errorf("%v: %+v", reply, d)
		}
	})
}

// FuzzReply: only a record of the slot that was asked for gets through.
func FuzzReply(f *testing.F) {
	f.Add("ok", "slot", "digest", "-", int64(1), uint8(5))
	f.Add("held", "slot", "", "", int64(0), uint8(2))
	f.Fuzz(func(t *testing.T, word, slot, digest, state string, expires int64, parts uint8) {
		all := []any{word, slot, digest, state, expires}
		_, token, err := redisstore.ParseReply(all[:min(int(parts), 5)], "slot")
		if err == nil && (slot != "slot" || parts < 2) {
			t.Error("accepted another slot's record")
		}
		if err != nil && token != (recovery.TokenRecord{}) {
			t.Errorf("%v and %v", token, err)
		}
	})
}
