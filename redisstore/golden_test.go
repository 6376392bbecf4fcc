package redisstore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

// golden is what one version left in Redis, and what it gave out.
type golden struct {
	Time    time.Time // when it was written, by Redis' clock and ours
	Key     []byte    // of the Service
	Leads   []recovery.Lead
	Records map[string]goldenRecord
	Proofs  goldenProofs
	Claims  goldenClaims
	Limits  []goldenLimit
}

// A goldenRecord is the value of a key, and for how much longer it lives.
type goldenRecord struct {
	Value  []byte
	Millis int64
}

// goldenProofs are in somebody's hands. All but the codes are sealed tokens.
type goldenProofs struct {
	Fresh    string // a link that nothing has happened to
	Released string // a link whose claim was released
	Held     string // a link whose claim had an outcome that nobody knows
	Used     string // a link that has reset a password
	Beside   string // another link of that lead
	Revoked  string // a link that an operator ended
	Issued   string
	Code     string // one whose lead has made two wrong guesses
	DeadCode string // one whose lead has made five

	// CodeHandle and DeadCodeHandle are the handles of these codes. Those of the
	// first versions have none.
	CodeHandle, DeadCodeHandle string
}

// goldenClaims are the claims of the proofs of these names.
type goldenClaims struct {
	Released, Held, Used goldenClaim
}

type goldenClaim struct {
	ID  string
	Ref recovery.TokenRef
}

// goldenPolicy is a limit policy under the names of its fields when the first
// golden file was written.
type goldenPolicy struct {
	Limits  []recovery.Limit
	Trickle time.Duration
}

func (p goldenPolicy) policy() recovery.LimitPolicy {
	return recovery.LimitPolicy{Limits: p.Limits, ThenOneEvery: p.Trickle}
}

// A goldenLimit is a limiter's log.
type goldenLimit struct {
	Key  string
	Tier goldenPolicy
	IDs  []string          // of the calls that were counted, empty for those without
	Next recovery.Decision // the answer to the next call
}

// What a store of an earlier version left in Redis is read by this one.
//
// go-redis and miniredis are used with testing/synctest, because a sealed link
// is judged by the Service's clock, and its token by that of Redis. A goroutine
// that waits for the network only keeps the bubble's clock from going on, and
// without batching there is none between two calls. The time is in the year
// 2100, because the clock of a real server cannot be set: by its clock, nothing
// of the file has ended.
func TestGolden(t *testing.T) {
	testenv.Golden(t, writeGolden, readGolden)
}

// goldenLeads is a LeadStore whose leads have the versions that the file says.
type goldenLeads struct {
	mu    sync.Mutex
	leads map[string]recovery.Lead // by ID
	fail  error                    // of the next write
}

func newGoldenLeads(leads []recovery.Lead) *goldenLeads {
	l := &goldenLeads{leads: map[string]recovery.Lead{}}
	for _, lead := range leads {
		l.leads[lead.ID] = lead
	}
	return l
}

func (l *goldenLeads) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, lead := range l.leads {
		if key.Field == recovery.LeadIDField && key.Value == id || lead.Fields[key.Field].Value == key.Value {
			return lead, nil
		}
	}
	return recovery.Lead{}, recovery.ErrLeadNotFound
}

func (l *goldenLeads) SetPasswordHash(_ context.Context, leadID, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail; err != nil {
		l.fail = nil
		return err
	}
	lead := l.leads[leadID]
	lead.Version += "+1"
	l.leads[leadID] = lead
	return nil
}

// goldenQueue holds jobs until the test performs them.
type goldenQueue struct {
	mu   sync.Mutex
	jobs []recovery.Job
}

func (q *goldenQueue) Enqueue(_ context.Context, job recovery.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, job)
	return nil
}

// goldenTokens keeps the last claim.
type goldenTokens struct {
	*redisstore.Store
	last goldenClaim
}

func (s *goldenTokens) Claim(ctx context.Context, id string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	s.last = goldenClaim{id, refs[0]}
	return s.Store.Claim(ctx, id, refs...)
}

// A goldenWorld is a whole Service on a store, in a bubble.
type goldenWorld struct {
	*recovery.Service
	client *redis.Client
	sim    *miniredis.Miniredis // nil on a real server
	store  *goldenTokens
	leads  *goldenLeads
	queue  *goldenQueue
	sent   []recovery.Message
	handle string // of the last code that was asked for
}

func newGoldenWorld(t *testing.T, addr string, sim *miniredis.Miniredis, v golden, keys ...[]byte) *goldenWorld {
	t.Helper()
	for _, key := range keys {
		testenv.AcceptKey(t, key)
	}
	w := &goldenWorld{
		client: redis.NewClient(&redis.Options{Addr: addr}), sim: sim,
		leads: newGoldenLeads(v.Leads), queue: &goldenQueue{},
	}
	t.Cleanup(func() { _ = w.client.Close() })
	w.pass(0)
	must(t, w.client.FlushAll(t.Context()).Err())
	w.store = &goldenTokens{Store: newStore(t, w.client, func(o *redisstore.Options) { o.DenialCache = -1 })}
	notifier := recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
		w.sent = append(w.sent, m)
		return nil
	})
	var err error
	w.Service, err = recovery.New(w.leads, w.store, notifier, recovery.Options{
		Keys: keys, Link: recovery.Link{URL: "https://portal.example.com/reset"}, DangerouslyKeepSessions: true,
		Passwords: recovery.PasswordOptions{Hasher: plainHasher{}}, Tokens: recovery.TokenOptions{CodeFailures: 10},
		Limiter: w.store, Queue: w.queue,
		Limits: recovery.Limits{
			Caller: everyone, ClientReset: everyone, ClientCheck: everyone, Identifier: everyone, Lead: everyone,
			Recipient: everyone, Issue: everyone,
			ClientForgot: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: 10 * time.Minute}}},
		},
	})
	must(t, err)
	t.Cleanup(func() { must(t, w.Shutdown(context.Background())) })
	return w
}

// pass has time pass, here and on a simulated server.
func (w *goldenWorld) pass(d time.Duration) {
	time.Sleep(d)
	if w.sim != nil {
		w.sim.SetTime(time.Now())
		w.sim.FastForward(d)
	}
}

// dump reads what is in Redis.
func (w *goldenWorld) dump(t *testing.T) map[string]goldenRecord {
	t.Helper()
	records := map[string]goldenRecord{}
	keys, err := w.client.Keys(t.Context(), "*").Result()
	must(t, err)
	for _, key := range keys {
		value, err := w.client.Get(t.Context(), key).Bytes()
		must(t, err)
		ttl, err := w.client.PTTL(t.Context(), key).Result()
		must(t, err)
		records[key] = goldenRecord{value, ttl.Milliseconds()}
	}
	return records
}

func (w *goldenWorld) restore(t *testing.T, records map[string]goldenRecord) {
	t.Helper()
	for key, r := range records {
		must(t, w.client.Set(t.Context(), key, r.Value, time.Duration(r.Millis)*time.Millisecond).Err())
	}
}

// ask has a link or a code sent to a lead, and returns the message.
func (w *goldenWorld) ask(t *testing.T, address string, code bool) recovery.Message {
	t.Helper()
	client := netip.AddrFrom4([4]byte{192, 0, 2, byte(len(w.sent))}) // another one each time
	result, err := w.ForgotPassword(t.Context(), recovery.ForgotRequest{
		Key: email(address), Code: code, Requester: recovery.Requester{Client: client},
	})
	must(t, err)
	w.handle = result.Handle
	before := len(w.sent)
	for _, job := range w.queue.jobs {
		must(t, w.Perform(t.Context(), job))
	}
	w.queue.jobs = nil
	if len(w.sent) != before+1 {
		t.Fatalf("%d messages", len(w.sent)-before)
	}
	return w.sent[before]
}

func (w *goldenWorld) askLink(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(w.ask(t, address, false).URL.Reveal())
	must(t, err)
	return u.Query().Get("token")
}

// codeProof is a code with its handle, if it has one.
func codeProof(address, code, handle string) recovery.Proof {
	return recovery.CodeProof(email(address), code).WithHandle(handle)
}

// guess tries codes that are wrong, each one another.
func (w *goldenWorld) guess(t *testing.T, address, handle, right string, n int) {
	t.Helper()
	for i := range n {
		wrong := fmt.Sprintf("%08d", i)
		if wrong == right {
			wrong = "99999999"
		}
		w.refused(t, "a wrong code", codeProof(address, wrong, handle))
	}
}

func (w *goldenWorld) check(t *testing.T, p recovery.Proof) error {
	_, err := w.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: p, Requester: origin})
	return err
}

func (w *goldenWorld) reset(t *testing.T, p recovery.Proof) error {
	_, err := w.ResetPassword(t.Context(), recovery.ResetRequest{
		Proof: p, Password: recovery.NewSecret("Samplepassword@123"), Requester: origin,
	})
	w.queue.jobs = nil // the notices
	return err
}

func (w *goldenWorld) refused(t *testing.T, what string, p recovery.Proof) {
	t.Helper()
	if err := w.check(t, p); !errors.Is(err, recovery.ErrInvalidProof) {
		t.Errorf("CheckProof of %s: %v, want ErrInvalidProof", what, err)
	}
}

// resetsOnce shows that a proof is good, once.
func (w *goldenWorld) resetsOnce(t *testing.T, p recovery.Proof) {
	t.Helper()
	must(t, w.check(t, p))
	must(t, w.reset(t, p))
	if err := w.reset(t, p); !errors.Is(err, recovery.ErrInvalidProof) {
		t.Errorf("the second reset: %v, want ErrInvalidProof", err)
	}
}

const (
	linksAddress, doneAddress   = "links@example.com", "done@example.com"
	codeAddress, issuedAddress  = "code@example.com", "issued@example.com"
	deadCodeAddress             = "dead-code@example.com"
	revokedAddress, revokedLead = "revoked@example.com", "lead-5"
	limitedClient, usualClient  = "198.51.100.1", "198.51.100.2"
	firstID, secondID, newestID = "job-1", "job-2", "job-99"
)

func writeGolden(t *testing.T) golden {
	v := golden{Time: time.Date(2100, 1, 2, 3, 4, 5, 678_901_234, time.UTC), Key: testenv.Key("golden")}
	for i, address := range []string{linksAddress, doneAddress, codeAddress, issuedAddress, deadCodeAddress, revokedAddress} {
		v.Leads = append(v.Leads, recovery.Lead{
			ID: fmt.Sprintf("lead-%d", i), Version: "v1", Status: recovery.StatusActive,
			Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: address, Verified: true}},
		})
	}
	sim := miniredis.RunT(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(v.Time))
		w := newGoldenWorld(t, sim.Addr(), sim, v, v.Key)

		v.Proofs.Held = w.askLink(t, linksAddress)
		w.pass(time.Second)
		v.Proofs.Released = w.askLink(t, linksAddress)
		w.pass(time.Second)
		v.Proofs.Fresh = w.askLink(t, linksAddress)
		w.leads.fail = errors.New("no answer")
		if err := w.reset(t, recovery.TokenProof(v.Proofs.Held)); !errors.Is(err, recovery.ErrOutcomeUnknown) {
			t.Fatal(err)
		}
		v.Claims.Held = w.store.last
		w.leads.fail = recovery.ErrNotWritten
		if err := w.reset(t, recovery.TokenProof(v.Proofs.Released)); !errors.Is(err, recovery.ErrUnavailable) {
			t.Fatal(err)
		}
		v.Claims.Released = w.store.last

		v.Proofs.Used, v.Proofs.Beside = w.askLink(t, doneAddress), w.askLink(t, doneAddress)
		must(t, w.reset(t, recovery.TokenProof(v.Proofs.Used)))
		v.Claims.Used = w.store.last

		v.Proofs.Code = w.ask(t, codeAddress, true).Code.Reveal()
		v.Proofs.CodeHandle = w.handle
		w.pass(1500 * time.Millisecond)
		w.guess(t, codeAddress, w.handle, v.Proofs.Code, 2)
		v.Proofs.DeadCode = w.ask(t, deadCodeAddress, true).Code.Reveal()
		v.Proofs.DeadCodeHandle = w.handle
		w.guess(t, deadCodeAddress, w.handle, v.Proofs.DeadCode, 5)
		v.Proofs.Revoked = w.askLink(t, revokedAddress)
		must(t, w.RevokeTokens(t.Context(), revokedLead))

		issued, err := w.IssueToken(t.Context(), recovery.IssueRequest{Key: email(issuedAddress), Requester: origin})
		must(t, err)
		v.Proofs.Issued = issued.Token.Reveal()

		for client, n := range map[string]int{limitedClient: 3, usualClient: 2} {
			for range n {
				_, err := w.ForgotPassword(t.Context(), recovery.ForgotRequest{
					Key: email("nobody@example.com"), Requester: recovery.Requester{Client: netip.MustParseAddr(client)},
				})
				must(t, err)
			}
		}
		writeGoldenLimits(t, w, &v)
		v.Leads = slices.Collect(func(yield func(recovery.Lead) bool) {
			for _, lead := range v.Leads {
				yield(w.leads.leads[lead.ID]) // with its version of now
			}
		})
		w.guess(t, issuedAddress, "", "", 1) // which leave a record where there is no code
		w.guess(t, "nobody@example.com", "", "", 1)
		v.Time = time.Now().UTC()
		v.Records = w.dump(t)
		for i, l := range v.Limits {
			v.Limits[i].Next = w.next(t, l)
		}
	})
	return v
}

// writeGoldenLimits fills logs, some of them up to the limit.
func writeGoldenLimits(t *testing.T, w *goldenWorld, v *golden) {
	for _, tier := range []struct {
		name string
		tier recovery.LimitPolicy
	}{
		{"microseconds", recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: 10 * time.Minute}}}},
		{"milliseconds", recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: 2 * time.Hour}}}},
		{"two-windows", recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: 10 * time.Minute}, {N: 5, Window: 24 * time.Hour}}}},
		{"trickle", recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: 10 * time.Minute}}, ThenOneEvery: 5 * time.Minute}},
	} {
		for _, ids := range [][]string{
			{"", ""}, {"", "", ""}, {firstID, secondID}, {firstID, secondID, "job-3"}, {"", firstID, secondID},
		} {
			l := goldenLimit{Key: fmt.Sprintf("golden:l:%s:%d", tier.name, len(v.Limits)), Tier: goldenPolicy{tier.tier.Limits, tier.tier.ThenOneEvery}, IDs: ids}
			for _, id := range ids {
				d, err := w.store.Allow(t.Context(), recovery.LimitRequest{Key: l.Key, Policy: l.Tier.policy(), ID: id})
				must(t, err)
				if !d[0].Allowed {
					t.Fatalf("%s: refused", l.Key)
				}
				w.pass(1234567 * time.Microsecond)
			}
			v.Limits = append(v.Limits, l)
		}
	}
}

// next makes the next call that a log counts.
func (w *goldenWorld) next(t *testing.T, l goldenLimit) recovery.Decision {
	t.Helper()
	take := recovery.LimitRequest{Key: l.Key, Policy: l.Tier.policy()}
	if l.IDs[len(l.IDs)-1] != "" {
		take.ID = newestID
	}
	d, err := w.store.Allow(t.Context(), take)
	must(t, err)
	return d[0]
}

func readGolden(t *testing.T, v golden) {
	if len(v.Records) == 0 || len(v.Limits) == 0 {
		t.Fatal("the file has not all that it should have")
	}
	t.Run("simulated", func(t *testing.T) {
		sim := miniredis.RunT(t)
		readGoldenOn(t, v, sim.Addr(), sim)
	})
	t.Run("server", func(t *testing.T) {
		readGoldenOn(t, v, redistest.Start(t).Addr, nil)
	})
}

func readGoldenOn(t *testing.T, v golden, addr string, sim *miniredis.Miniredis) {
	for _, keys := range []struct {
		name string
		all  [][]byte
	}{
		{"its key", [][]byte{v.Key}},
		{"its key behind a new one", [][]byte{testenv.Key("n"), v.Key}},
	} {
		// at runs f with what is in the file, at its time.
		at := func(name string, f func(t *testing.T, w *goldenWorld)) {
			t.Run(keys.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(v.Time))
					w := newGoldenWorld(t, addr, sim, v, keys.all...)
					w.restore(t, v.Records)
					f(t, w)
				})
			})
		}
		code, handle := codeProof(codeAddress, v.Proofs.Code, v.Proofs.CodeHandle), v.Proofs.CodeHandle
		at("a link", func(t *testing.T, w *goldenWorld) { w.resetsOnce(t, recovery.TokenProof(v.Proofs.Fresh)) })
		at("a link whose claim was released", func(t *testing.T, w *goldenWorld) {
			if _, err := w.store.Claim(t.Context(), v.Claims.Released.ID, v.Claims.Released.Ref); !errors.Is(err, recovery.ErrTokenNotFound) {
				t.Errorf("the claim that was released comes late: %v, want ErrTokenNotFound", err)
			}
			w.resetsOnce(t, recovery.TokenProof(v.Proofs.Released))
		})
		at("a link that is held", func(t *testing.T, w *goldenWorld) {
			w.refused(t, "a link that is held", recovery.TokenProof(v.Proofs.Held))
			if _, err := w.store.Claim(t.Context(), "another", v.Claims.Held.Ref); !errors.Is(err, recovery.ErrTokenNotFound) {
				t.Errorf("another claim: %v, want ErrTokenNotFound", err)
			}
			_, err := w.store.Claim(t.Context(), v.Claims.Held.ID, v.Claims.Held.Ref)
			must(t, err) // the same one, repeated
			must(t, w.store.Release(t.Context(), v.Claims.Held.ID, v.Claims.Held.Ref))
			w.resetsOnce(t, recovery.TokenProof(v.Proofs.Held))
		})
		at("a link that was used", func(t *testing.T, w *goldenWorld) {
			w.refused(t, "the link", recovery.TokenProof(v.Proofs.Used))
			w.refused(t, "the link beside it", recovery.TokenProof(v.Proofs.Beside))
			ref := v.Claims.Used.Ref
			if _, err := w.store.Put(t.Context(), ref.Slot, link(ref.Digest)); !errors.Is(err, recovery.ErrTokenSpent) {
				t.Errorf("Put: %v, want ErrTokenSpent", err)
			}
			w.resetsOnce(t, recovery.TokenProof(w.askLink(t, doneAddress)))
		})
		at("what is dead", func(t *testing.T, w *goldenWorld) {
			w.refused(t, "a link that was revoked", recovery.TokenProof(v.Proofs.Revoked))
			w.refused(t, "a code after five wrong guesses", codeProof(deadCodeAddress, v.Proofs.DeadCode, v.Proofs.DeadCodeHandle))
		})
		at("an issued token", func(t *testing.T, w *goldenWorld) { w.resetsOnce(t, recovery.TokenProof(v.Proofs.Issued)) })
		at("a code with two tries less", func(t *testing.T, w *goldenWorld) {
			w.guess(t, codeAddress, handle, v.Proofs.Code, 2)
			w.resetsOnce(t, code)
		})
		if handle != "" { // anybody could kill the others
			at("a code beside that of a stranger", func(t *testing.T, w *goldenWorld) {
				right := w.ask(t, codeAddress, true).Code.Reveal()
				w.guess(t, codeAddress, w.handle, right, 5)
				w.resetsOnce(t, code)
			})
		}
		at("a code without tries", func(t *testing.T, w *goldenWorld) {
			w.guess(t, codeAddress, handle, v.Proofs.Code, 3)
			w.refused(t, "the code after five wrong guesses", code)
		})
		at("a code after guesses at none", func(t *testing.T, w *goldenWorld) {
			w.guess(t, issuedAddress, "", "", 3)
			right := w.ask(t, issuedAddress, true).Code.Reveal()
			w.guess(t, issuedAddress, w.handle, right, 4)
			w.resetsOnce(t, codeProof(issuedAddress, right, w.handle))
		})
		if len(keys.all) > 1 {
			continue // limits, and the failures of a day, start anew under a new key
		}
		at("the wrong guesses of the day", func(t *testing.T, w *goldenWorld) {
			w.guess(t, codeAddress, handle, v.Proofs.Code, 3)
			right := w.ask(t, codeAddress, true).Code.Reveal()
			w.guess(t, codeAddress, w.handle, right, 2)
			must(t, w.check(t, codeProof(codeAddress, right, w.handle)))
			w.guess(t, codeAddress, w.handle, right, 1)
			w.refused(t, "a code after the eighth wrong guess", codeProof(codeAddress, right, w.handle))
		})
		at("limits", func(t *testing.T, w *goldenWorld) { readGoldenLimits(t, v, w) })
		at("the limit of a client", func(t *testing.T, w *goldenWorld) {
			ask := func(client string) error {
				_, err := w.ForgotPassword(t.Context(), recovery.ForgotRequest{
					Key: email("nobody@example.com"), Requester: recovery.Requester{Client: netip.MustParseAddr(client)},
				})
				return err
			}
			must(t, ask(usualClient))
			for _, client := range []string{usualClient, limitedClient} {
				var limited *recovery.RateLimitError
				if err := ask(client); !errors.As(err, &limited) || limited.Scope != recovery.ScopeClient {
					t.Errorf("%s: %v, want a RateLimitError", client, err)
				}
			}
		})
	}
}

// readGoldenLimits shows that every log counts on.
func readGoldenLimits(t *testing.T, v golden, w *goldenWorld) {
	for _, l := range v.Limits {
		if d := w.next(t, l); d.Allowed != l.Next.Allowed || w.sim != nil && d != l.Next {
			t.Errorf("%s: the next call is answered\n%+v, want\n%+v", l.Key, d, l.Next)
		}
	}
	for _, l := range v.Limits {
		for _, id := range l.IDs {
			if id == "" {
				continue
			}
			d, err := w.store.Allow(t.Context(), recovery.LimitRequest{Key: l.Key, Policy: l.Tier.policy(), ID: id})
			must(t, err)
			if !d[0].Allowed {
				t.Errorf("%s: the call %s is counted twice", l.Key, id)
			}
		}
		// Whatever had room has none now.
		d, err := w.store.Allow(t.Context(), recovery.LimitRequest{Key: l.Key, Policy: l.Tier.policy(), ID: "too-many"})
		must(t, err)
		if d[0].Allowed {
			t.Errorf("%s: a call too many was admitted", l.Key)
		}
	}
	if w.sim == nil {
		return // its clock cannot be set
	}
	// Those that were full admit a call when they said, and not before.
	logs := slices.DeleteFunc(slices.Clone(v.Limits), func(l goldenLimit) bool { return l.Next.Allowed })
	slices.SortFunc(logs, func(a, b goldenLimit) int { return cmp.Compare(a.Next.RetryAfter, b.Next.RetryAfter) })
	take := func(l goldenLimit) bool {
		d, err := w.store.Allow(t.Context(), recovery.LimitRequest{Key: l.Key, Policy: l.Tier.policy()})
		must(t, err)
		return d[0].Allowed
	}
	for _, l := range logs {
		w.pass(time.Until(v.Time.Add(l.Next.RetryAfter - time.Millisecond)))
		if take(l) {
			t.Errorf("%s: admitted a millisecond early", l.Key)
		}
		w.pass(time.Millisecond)
		if !take(l) {
			t.Errorf("%s: refused after %v", l.Key, l.Next.RetryAfter)
		}
	}
}
