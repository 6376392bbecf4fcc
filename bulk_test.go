package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// crowd adds n leads that have to reset their passwords, and returns their IDs.
func crowd(p *portal, n int) (ids []string) {
	for i := range n {
		l := lead(fmt.Sprintf("crowd-%d", i), recovery.StatusResetRequired)
		ids = append(ids, p.leads.Add(l, ""))
	}
	return ids
}

func each(ids ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

func forced(name string, ids ...string) recovery.BulkRequest {
	return recovery.BulkRequest{Name: name, Purpose: recovery.PurposeForcedReset, LeadIDs: each(ids...), PerSecond: 1000}
}

// links returns the links of all messages, by lead.
func (p *portal) links() map[string][]string {
	all := map[string][]string{}
	for _, m := range p.outbox.Messages() {
		if !m.URL.IsZero() {
			all[m.LeadID] = append(all[m.LeadID], m.URL.Reveal())
		}
	}
	return all
}

func TestSendToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		ids := crowd(p, 30)
		req := forced("leak-2026", append(ids, "has space", johnID, "lead-disabled", "lead-social", "nobody", ids[0])...)
		req.PerSecond, req.Labels = 5, map[string]string{"ticket": "42"}
		began := time.Now()
		progress, err := p.SendToAll(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 5*time.Second || took > 8*time.Second {
			t.Errorf("35 messages at 5 a second took %v", took)
		}
		want := recovery.BulkProgress{Name: "leak-2026", Read: 36, Queued: 34, Before: 1, Malformed: 1, Done: true}
		if progress != want {
			t.Errorf("%+v, want %+v", progress, want)
		}
		settle()
		links := p.links()
		if len(links) != 31 {
			t.Errorf("%d leads got a link, want 31", len(links))
		}
		for id, urls := range links {
			if len(urls) != 1 {
				t.Errorf("%s got %d links", id, len(urls))
			}
		}
		m := p.outbox.Messages()[0]
		if m.Kind != recovery.MessageResetRequired || time.Until(m.Expires) > 24*time.Hour || time.Until(m.Expires) < 23*time.Hour {
			t.Errorf("%s, expires in %v", m.Kind, time.Until(m.Expires))
		}
		var why []recovery.EventReason
		for _, e := range p.events.of(recovery.EventMessageSuppressed) {
			why = append(why, e.Reason)
		}
		slices.Sort(why)
		if !slices.Equal(why, []recovery.EventReason{"disabled", "no_password", "unknown_lead"}) {
			t.Errorf("not sent: %v", why)
		}
		for _, e := range p.events.of(recovery.EventMessageSent) {
			if e.Labels[recovery.LabelBulk] != "leak-2026" || e.Labels["ticket"] != "42" || e.Purpose != recovery.PurposeForcedReset {
				t.Errorf("event %v, labels %v", e, e.Labels)
			}
		}
		if all := p.events.of(recovery.EventBulkProgress); len(all) != 1 || all[0].Bulk != want {
			t.Errorf("progress %v", all)
		}
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, m)), goodPassword); err != nil {
			t.Error(err)
		}
		if got := p.lead(t, m.LeadID).Status; got != recovery.StatusActive {
			t.Errorf("after the reset the lead is %s", got)
		}
	})
}

// A message of the host costs no request of the person.
func TestForcedResetsHaveNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Limits = recovery.Limits{} })
		for _, name := range []string{"one", "two", "three"} {
			if _, err := p.SendToAll(t.Context(), forced(name, johnID)); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		if n := len(p.links()[johnID]); n != 3 {
			t.Errorf("%d links", n)
		}
		_ = p.forgot(t, byMail(johnMail))
	})
}

// The process ends again and again, and with it all that was in memory. Each lead
// is sent one link all the same.
func TestSendToAllGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, leads := recovery.NewMemoryTokenStore(), newLeads()
		var ids []string
		links := map[string]map[string]int{}
		sent := 0
		done := false
		for run := 0; !done; run++ {
			if run > 20 {
				t.Fatal("it does not come to an end")
			}
			p := newPortal(t, func(p *portal, o *recovery.Options) {
				p.tokens, p.leads = tokens, tracedLeads{leads, p.calls}
				o.DeliveryQueue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 20, Workers: 2})
			})
			if run == 0 {
				ids = crowd(p, 200)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			progress, err := p.SendToAll(ctx, forced("again", ids...))
			cancel()
			if err == nil {
				settle()
				done = progress.Done
			} else if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			// A queue in memory loses what it still holds.
			over, cancel := context.WithCancel(t.Context())
			cancel()
			_ = p.Shutdown(over)
			for _, m := range p.outbox.Messages() {
				if links[m.LeadID] == nil {
					links[m.LeadID] = map[string]int{}
				}
				links[m.LeadID][m.URL.Reveal()[:80]]++
				sent++
			}
		}
		if len(links) != 200 || sent != 200 {
			t.Errorf("%d messages to %d leads, want 200 to 200", sent, len(links))
		}
	})
}

// forgetful fails the first Put after a message was sent.
type forgetful struct {
	recovery.TokenStore
	sent   interface{ Len() int }
	failed bool
}

func (f *forgetful) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	if !f.failed && f.sent.Len() == 1 {
		f.failed = true
		return recovery.TokenRecord{}, errors.New("down")
	}
	return f.TokenStore.Put(ctx, slot, spec)
}

// Two instances send under one name, and one dies before it could remember that
// it sent a message. Whoever gets two messages gets the same link twice, under
// the same ID.
func TestSendToAllTwiceIsOneLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := &forgetful{TokenStore: recovery.NewMemoryTokenStore()}
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			broken.sent, p.tokens = p.outbox, broken
		})
		ids := crowd(p, 1)
		if _, err := p.SendToAll(t.Context(), forced("twice", ids...)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		all := p.outbox.Messages()
		if len(all) != 2 || all[0].ID != all[1].ID || !broken.failed {
			t.Fatalf("messages %v", all)
		}
		if a, b := recovery.SecretOf(p.Service, token(t, all[0])), recovery.SecretOf(p.Service, token(t, all[1])); a != b {
			t.Error("two secrets")
		}
		if _, err := p.SendToAll(t.Context(), forced("twice", ids...)); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := len(p.outbox.Messages()); n != 2 {
			t.Errorf("%d messages in the end", n)
		}
	})
}

// A lead that comes twice in a row, or in two calls at once, gets one message, also
// while the mail server takes its time and the queue is in memory.
func TestLeadThatComesTwiceGetsOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		p.outbox.Intercept(func(context.Context, recovery.Message) error {
			time.Sleep(time.Second)
			return nil
		})
		ids := crowd(p, 2)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if _, err := p.SendToAll(t.Context(), forced("twice", ids[0], ids[0], ids[1])); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		time.Sleep(time.Minute)
		if n := len(p.outbox.Messages()); n != 2 {
			t.Errorf("%d messages to 2 leads", n)
		}
		if n := len(p.events.of(recovery.EventDeliveryFailed)); n != 0 {
			t.Errorf("%d failures", n)
		}
	})
}

// The reply of the mail server is lost, and the person uses the link before the next
// attempt. Another call days later, when the store has forgotten the used token,
// neither sends the message again nor makes the same link work once more.
func TestUsedLinkOfABulkStaysUsed_A33(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		ids := crowd(p, 1)
		var got []recovery.Message
		p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
			if m.Kind != recovery.MessageResetRequired {
				return nil
			}
			got = append(got, m)
			return errors.New("the reply was lost")
		})
		if _, err := p.SendToAll(t.Context(), forced("lost", ids...)); err != nil {
			t.Fatal(err)
		}
		settle()
		proof := recovery.TokenProof(token(t, got[0]))
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * 24 * time.Hour)
		before := len(got)
		progress, err := p.SendToAll(t.Context(), forced("lost", ids...))
		settle()
		if err != nil || progress.Before != 1 || len(got) != before {
			t.Errorf("%+v, %v; %d more messages", progress, err, len(got)-before)
		}
		wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
	})
}

// A queue that is full or fails is waited for, and a token store that fails ends it
// with the right count.
func TestSendToAllWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.DeliveryQueue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 2, Workers: 1})
		})
		ids := crowd(p, 50)
		p.outbox.Intercept(func(context.Context, recovery.Message) error {
			time.Sleep(time.Second)
			return nil
		})
		progress, err := p.SendToAll(t.Context(), forced("slow", ids...))
		if err != nil || progress.Queued != 50 {
			t.Fatalf("%+v, %v", progress, err)
		}
		time.Sleep(10 * time.Second)
		if n := len(p.links()); n != 50 {
			t.Errorf("%d links", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		stop := errors.New("the table is gone")
		ids := crowd(p, 3)
		req := forced("ends", ids...)
		req.LeadIDs = func(yield func(string, error) bool) {
			_ = yield(ids[0], nil) && yield("", stop)
		}
		progress, err := p.SendToAll(t.Context(), req)
		if !errors.Is(err, stop) || progress.Queued != 1 || progress.Done {
			t.Errorf("%+v, %v", progress, err)
		}
		settle()
		if all := p.events.of(recovery.EventBulkProgress); len(all) != 1 || all[0].Bulk != progress {
			t.Errorf("progress %v", all)
		}
	})
}

// A bulk that is faster than the mail server leaves room for people who ask for a
// link, and does not keep them waiting for long.
func TestSendToAllLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.DeliveryQueue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 400, Workers: 16})
		})
		ids := crowd(p, 1000)
		p.outbox.Intercept(func(context.Context, recovery.Message) error {
			time.Sleep(time.Second)
			return nil
		})
		done := make(chan error)
		go func() {
			_, err := p.SendToAll(t.Context(), forced("fast", ids...))
			done <- err
		}()
		time.Sleep(20 * time.Second)
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Second)
		if n := len(p.links()[johnID]); n != 1 {
			t.Errorf("the person got %d links meanwhile, want 1", n)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := len(p.links()); n != 1001 || len(p.events.of(recovery.EventDeadLetter)) > 0 {
			t.Errorf("%d links, given up: %v", n, p.events.of(recovery.EventDeadLetter))
		}
	})
}

func TestSendToAllRefuses(t *testing.T) {
	p := newPortal(t, nil)
	good := forced("name", johnID)
	labels := map[string]string{}
	for i := range 8 {
		labels[fmt.Sprint("l", i)] = "x"
	}
	for name, edit := range map[string]func(r *recovery.BulkRequest){
		"name":       func(r *recovery.BulkRequest) { r.Name = "" },
		"long name":  func(r *recovery.BulkRequest) { r.Name = strings.Repeat("n", 65) },
		"space":      func(r *recovery.BulkRequest) { r.Name = "a b" },
		"purpose":    func(r *recovery.BulkRequest) { r.Purpose = recovery.PurposeReset },
		"invitation": func(r *recovery.BulkRequest) { r.Purpose = recovery.PurposeInvitation }, // the option is not set
		"leads":      func(r *recovery.BulkRequest) { r.LeadIDs = nil },
		"rate":       func(r *recovery.BulkRequest) { r.PerSecond = 1001 },
		"NaN":        func(r *recovery.BulkRequest) { r.PerSecond = math.NaN() },
		"negative":   func(r *recovery.BulkRequest) { r.PerSecond = -1 },
		"TTL":        func(r *recovery.BulkRequest) { r.TTL = time.Second },
		"labels":     func(r *recovery.BulkRequest) { r.Labels = labels },
	} {
		req := good
		edit(&req)
		if _, err := p.SendToAll(t.Context(), req); !errors.Is(err, recovery.ErrInvalidRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(p.outbox.Messages()); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// A link that carries the lead ID and the secret apart is always taken for that of a
// reset that somebody asked for. So none is sent by a bulk: it would be refused, for
// everybody. That holds for option Link too, and for placeholders (A36).
func TestBulksSendNoSplitLinks_A36(t *testing.T) {
	for name, link := range map[string]recovery.Link{
		"parameters":   {URL: "https://portal.example.com/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"},
		"placeholders": {URL: "https://portal.example.com/reset/{LeadId}/{TemporaryPassword}"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Link = link })
			_, err := p.SendToAll(t.Context(), forced("split", johnID))
			if e, ok := errors.AsType[*recovery.InvalidRequestError](err); !ok || e.Field != "link" {
				t.Errorf("%s: %v", name, err)
			}
			settle()
			if n := len(p.outbox.Messages()); n != 0 {
				t.Errorf("%s: %d messages", name, n)
			}
			req := forced("sealed", johnID)
			req.Link = &recovery.Link{URL: "https://portal.example.com/replace"}
			m := p.sent(t, func() error { _, err := p.SendToAll(t.Context(), req); return err })
			if err := p.reset(t.Context(), recovery.TokenProof(token(t, m)), goodPassword); err != nil {
				t.Errorf("%s: with a link of its own: %v", name, err)
			}
		})
	}
}

// The forced link resets, and is refused as an invitation. Bulk invitations are
// links for a first password.
func TestPurposesOfBulks_A36(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, nil)
		if _, err := p.SendToAll(t.Context(), forced("f", johnID)); err != nil {
			t.Fatal(err)
		}
		req := forced("v", "lead-ada", johnID)
		req.Purpose = recovery.PurposeInvitation
		if _, err := p.SendToAll(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		settle()
		links := p.outbox.Messages()
		if len(links) != 2 || links[0].Kind != recovery.MessageResetRequired || links[1].Kind != recovery.MessageInvitation {
			t.Fatalf("messages %v", links)
		}
		wantErr(t, p.accept(t.Context(), token(t, links[0]), goodPassword), recovery.ErrInvalidProof)
		wantErr(t, p.reset(t.Context(), recovery.TokenProof(token(t, links[1])), goodPassword), recovery.ErrInvalidProof)
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, links[0])), goodPassword); err != nil {
			t.Error(err)
		}
		if err := p.accept(t.Context(), token(t, links[1]), goodPassword); err != nil {
			t.Error(err)
		}
	})
}
