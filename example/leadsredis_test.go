package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// target is a server as the command line names it.
func target(t *testing.T, addr string) *redisTarget {
	t.Helper()
	target, err := parseRedisURL("redis://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func testClient(t *testing.T, addr string) redis.UniversalClient {
	t.Helper()
	client := target(t, addr).client()
	t.Cleanup(func() { client.Close() })
	return client
}

// testVault is a vault of its own on a server.
func testVault(t *testing.T, client redis.UniversalClient) *vault {
	t.Helper()
	v, err := newVault(client, rand.Text(), demoKey[:])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestRedisConformance: what is shared keeps the contract as what is not.
func TestRedisConformance(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := testClient(t, server.Addr)
	recoverytest.TestLeadStore(t, recoverytest.LeadStoreHarness{
		New: func(t *testing.T) recovery.LeadStore { return newRedisLeads(testVault(t, client), nil) },
		Another: func(t *testing.T, first recovery.LeadStore) recovery.LeadStore {
			v, err := newVault(testClient(t, server.Addr), first.(*redisLeads).vault.prefix, demoKey[:])
			if err != nil {
				t.Fatal(err)
			}
			return newRedisLeads(v, nil)
		},
		Fields:   fields(),
		Statuses: []recovery.LeadStatus{recovery.StatusInvited, recovery.StatusResetRequired},
		Add: func(t *testing.T, s recovery.LeadStore, lead recovery.Lead, hash string) string {
			lead.ID = rand.Text()
			if err := s.(*redisLeads).add(t.Context(), seed{lead, hash}); errors.Is(err, errNotUnique) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			return lead.ID
		},
		ReadHash: func(t *testing.T, s recovery.LeadStore, leadID string) string {
			_, r, err := s.(*redisLeads).load(t.Context(), leadID)
			if err != nil {
				t.Fatal(err)
			}
			return r.Hash
		},
	})
}

func TestRedisLeads(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	seeds := testSeeds(t)
	client := testClient(t, server.Addr)
	v := testVault(t, client)
	// The first one plants before it is asked; the second finds out when it is.
	for _, s := range []*redisLeads{newRedisLeads(testVault(t, client), seeds), newRedisLeads(v, seeds)} {
		if s.vault != v {
			if err := s.plant(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		testLeads(t, s, true)
	}

	t.Run("a second instance undoes nothing", func(t *testing.T) {
		first := newRedisLeads(v, seeds)
		if err := first.SetPasswordHash(t.Context(), demoLeadID, "changed"); err != nil {
			t.Fatal(err)
		}
		// Of all that is planted, some may be gone.
		key := recovery.LeadKey{Field: fieldPAN, Value: demoPAN}
		for _, gone := range []string{first.indexName(key), first.leadName(demoLeads()[1].ID)} {
			if n, err := client.Del(t.Context(), gone).Result(); n != 1 || err != nil {
				t.Fatalf("%d keys deleted, error %v", n, err)
			}
		}
		second := newRedisLeads(v, seeds)
		if err := second.plant(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, hash, err := second.credentials(t.Context(), demoEmail); hash != "changed" || err != nil {
			t.Errorf("hash %q, error %v", hash, err)
		}
		if lead, err := first.FindLead(t.Context(), key); lead.ID != demoLeadID || err != nil {
			t.Errorf("lead %q, error %v", lead.ID, err)
		}
	})

	t.Run("a lead that is planted again is another", func(t *testing.T) {
		s := newRedisLeads(v, seeds)
		byID := recovery.LeadKey{Field: recovery.LeadIDField, Value: demoLeadID}
		seen := map[string]bool{}
		for range 3 {
			lead, err := s.FindLead(t.Context(), byID)
			if err != nil || seen[lead.Version] {
				t.Errorf("version %q after %v, error %v: links of its former life would fit", lead.Version, seen, err)
			}
			seen[lead.Version] = true
			client.Del(t.Context(), s.leadName(demoLeadID))
		}
	})

	t.Run("every use renews the time to live", func(t *testing.T) {
		s := newRedisLeads(v, seeds)
		key := recovery.LeadKey{Field: fieldEmail, Value: demoEmail}
		for _, use := range []func() error{
			func() error { _, err := s.FindLead(t.Context(), key); return err },
			func() error { return s.SetPasswordHash(t.Context(), demoLeadID, "renewed") },
		} {
			name := s.leadName(demoLeadID)
			client.Expire(t.Context(), name, time.Minute)
			if err := use(); err != nil {
				t.Error(err)
			}
			if ttl, err := client.TTL(t.Context(), name).Result(); err != nil || ttl < vaultTTL-time.Minute || ttl > vaultTTL {
				t.Errorf("lives for %v, error %v", ttl, err)
			}
		}
	})

	t.Run("one of many writes for a version wins", func(t *testing.T) {
		s := newRedisLeads(v, seeds)
		for range 5 {
			lead, err := s.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: demoLeadID})
			if err != nil {
				t.Fatal(err)
			}
			var wins atomic.Int32
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					err := s.SetPasswordHashIf(t.Context(), demoLeadID, lead.Version, rand.Text())
					if err == nil {
						wins.Add(1)
					} else if !errors.Is(err, recovery.ErrVersionChanged) || !errors.Is(err, recovery.ErrNotWritten) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := wins.Load(); n != 1 {
				t.Errorf("%d winners", n)
			}
		}
	})
}

// TestRedisLeadsSayWhatHappened: the link of a person works again exactly when
// the old password certainly does.
func TestRedisLeadsSayWhatHappened(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := server.Proxy(t)
	seeds := testSeeds(t)
	client := testClient(t, proxy.Addr)
	s := newRedisLeads(testVault(t, client), seeds)
	direct := *s
	directVault := *s.vault
	directVault.client = testClient(t, server.Addr)
	direct.vault = &directVault
	hash := func() string {
		t.Helper()
		_, r, err := direct.load(t.Context(), demoLeadID)
		if err != nil {
			t.Fatal(err)
		}
		return r.Hash
	}
	if err := direct.plant(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		sentence string
		fault    func()
		// definite: nothing was written, for certain. Otherwise nobody knows,
		// and here it was written or not as this says.
		definite, written bool
	}{
		{"the reply is lost", func() {
			proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Cut, Commands: []string{"EVAL"}})
		}, false, true},
		{"the reply does not come", func() {
			proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Swallow, Commands: []string{"EVAL"}})
		}, false, true},
		{"the command is lost", func() {
			proxy.Set(redistest.Requests, redistest.Fault{Mode: redistest.Cut, Commands: []string{"EVAL"}})
		}, false, false},
		{"the lead cannot be read", func() {
			proxy.Set(redistest.Requests, redistest.Fault{Mode: redistest.Cut, Commands: []string{"GETEX"}})
		}, true, false},
		{"nobody is there", func() { proxy.Refuse(); proxy.CutAll() }, true, false},
		{"Redis is full", func() {
			if _, err := server.Do("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction"); err != nil {
				t.Fatal(err)
			}
		}, true, false},
	} {
		old, fresh := hash(), rand.Text()
		before := proxy.Commands("EVAL")
		tt.fault()
		begin := time.Now()
		err := s.SetPasswordHash(t.Context(), demoLeadID, fresh)
		if took := time.Since(begin); took > testenv.Patience(5*time.Second) {
			t.Errorf("%s: it took %v", tt.sentence, took)
		}
		proxy.Clear()
		proxy.Accept()
		if _, err := server.Do("CONFIG", "SET", "maxmemory", "0"); err != nil {
			t.Fatal(err)
		}
		if err == nil || errors.Is(err, recovery.ErrNotWritten) != tt.definite {
			t.Errorf("%s: %v, want one that is definite: %v", tt.sentence, err, tt.definite)
		}
		if err != nil && strings.Contains(err.Error(), demoLeadID) {
			t.Errorf("%s: the error names the lead: %v", tt.sentence, err)
		}
		if n := proxy.Commands("EVAL") - before; n > 1 {
			t.Errorf("%s: the write was sent %d times", tt.sentence, n)
		}
		want := old
		if tt.written {
			want = fresh
		}
		if got := hash(); got != want {
			t.Errorf("%s: hash %q, want %q (old %q)", tt.sentence, got, want, old)
		}
	}
	if err := s.SetPasswordHash(t.Context(), demoLeadID, "again"); err != nil || hash() != "again" {
		t.Errorf("afterwards: %v", err)
	}
}

// TestVault: what is stored opens under its own name and key, and nowhere else.
func TestVault(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := testClient(t, server.Addr)
	v := testVault(t, client)
	one, other := v.name("kind", v.hash("one")), v.name("kind", v.hash("other"))
	if done, err := v.swap(t.Context(), one, "", "plain"); !done || err != nil {
		t.Fatalf("%v %v", done, err)
	}
	if done, err := v.swap(t.Context(), one, "", "second"); done || err != nil {
		t.Errorf("what is there was replaced by what is new: %v", err)
	}
	if done, err := v.swap(t.Context(), other, "something", "second"); done || err != nil {
		t.Errorf("what is not there was replaced: %v", err)
	}
	var got string
	stored, err := v.get(t.Context(), one, &got)
	if got != "plain" || err != nil || strings.Contains(stored, "plain") {
		t.Errorf("%q stored as %q, error %v", got, stored, err)
	}
	strange, err := newVault(client, v.prefix, bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := strange.get(t.Context(), one, &got); err == nil {
		t.Error("it opens with another key")
	}
	for name, value := range map[string]string{other: stored, one: stored[:len(stored)-1] + string([]byte{stored[len(stored)-1] ^ 1})} {
		if err := client.Set(t.Context(), name, value, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := v.get(t.Context(), name, &got); err == nil {
			t.Error("it opens where it was moved, or changed")
		}
	}
	if v.hash("a", "bc") == v.hash("ab", "c") || v.hash("a") == strange.hash("a") || !isHash(v.hash("a")) {
		t.Error("names can be told without the key, or run together")
	}
	for _, s := range []string{"", "x", v.hash("a") + "\n", v.hash("a")[1:], v.hash("a")[:42] + "*", strings.Repeat("_", 43), strings.Repeat("A", 44)} {
		if isHash(s) {
			t.Errorf("%q is taken for a hash", s)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.get(ended, one, &got); err == nil {
		t.Error("it works on when its context has ended")
	}
}
