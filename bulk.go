package recovery

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// A BulkRequest asks to send a link to many leads.
type BulkRequest struct {
	// Name is that of the whole: 1 to 64 characters of printable ASCII without
	// spaces. It is what makes SendToAll resumable: for 30 days, no lead is sent a
	// second link under the same name. It must not name a person.
	Name string
	// Purpose is PurposeForcedReset or PurposeInvitation.
	Purpose Purpose
	// LeadIDs yields the leads. The order does not matter, and a lead may come
	// twice. An error that it yields ends SendToAll, which returns it.
	LeadIDs iter.Seq2[string, error]
	// PerSecond is how many messages a second are put into the queue at most: more
	// than 0, up to 1,000. Mail providers slow down or block whoever sends faster
	// than they are used to. Default 10.
	PerSecond float64
	// RecipientField, Template and Labels are as in [ForgotRequest]. There may be
	// 7 labels, because [LabelBulk] is one more.
	RecipientField string
	Template       string
	Labels         map[string]string
	// Link is the page that the links lead to. Default: [Options].Link or
	// [InvitationOptions].Link. It must carry one token: where Options.Link carries
	// the lead ID and the secret apart, name another one here.
	Link *Link
	// TTL is the lifetime of the links: 1 min to 30 days. Default:
	// [TokenOptions].ForcedResetTTL or InvitationTTL.
	TTL time.Duration
	// Requester says who asks, for events, as in [InvitationRequest].
	Requester Requester
	// Brand and Data are as in [ForgotRequest]. A lead with a brand of its own gets
	// the message of that one.
	Brand string
	Data  map[string]string
}

// BulkProgress is how far a [Service.SendToAll] has come.
type BulkProgress struct {
	Name string
	// Read is how many lead IDs came. Of these, Queued are in the queue, Before
	// were sent their message under this name already, and Malformed are no lead
	// IDs. Of those in the queue, events say what became of each.
	Read, Queued, Before, Malformed int
	// Done says that all have come.
	Done bool
}

// LogValue returns a group of the numbers.
func (b BulkProgress) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", b.Name), slog.Int("read", b.Read), slog.Int("queued", b.Queued),
		slog.Int("before", b.Before), slog.Int("malformed", b.Malformed), slog.Bool("done", b.Done))
}

// bulkReport is how often an event tells of the progress.
const bulkReport = time.Minute

// SendToAll sends a link to every lead that LeadIDs yields: to force resets, for
// example after a leak of passwords, or to invite people who come from another
// system. It puts one message after the other into [Options].DeliveryQueue, at the
// rate that the request names, and returns when the last one is there, or when
// ctx ends. While the queue is full or fails, it waits; and also while more than
// 256 jobs wait there, if the queue is a [QueueStatsReporter]. So people who ask for
// a link do not wait long behind it.
//
// Call it again with the same Name to go on after an error or the end of the
// process, with all leads or only the rest: whoever was sent a message is skipped.
// Each lead gets one link, also if two instances do it at the same time; but if each
// has a queue of its own, the message with it may come twice. What was sent is
// remembered in the [TokenStore] for 30 days, and under a new first key in
// [Options].Keys as long as the old one is there. If a process dies between the end
// of a delivery and that note, the message comes twice, with the same ID and the
// same link. After a dead letter, calling it again sends that message.
//
// A lead that may not use such a link, or has no address that messages may go to,
// is sent nothing, and an [EventMessageSuppressed] says why. For
// PurposeForcedReset, leads that are disabled or have no password may not. If the
// host's log-in is to refuse the old password, the host sets
// [StatusResetRequired] before it calls SendToAll: a link that was made before a
// change of status is dead. No limit counts these messages, and no budget. Sessions
// stay open until the password is replaced.
//
// An [EventBulkProgress] tells once a minute, and at the end, how far it has come.
// The events of each message have [LabelBulk] among their labels.
//
// The error is an [*InvalidRequestError], that of LeadIDs or ctx, or wraps
// [ErrUnavailable] if the TokenStore fails, the queue refuses a job with
// [ErrPermanent], or the Service shuts down. The BulkProgress is right also then.
// LeadIDs is called by the goroutine of the caller, and its loop may take hours: it
// should hold no connection of a database meanwhile.
func (s *Service) SendToAll(ctx context.Context, req BulkRequest) (BulkProgress, error) {
	progress := BulkProgress{Name: req.Name}
	p, pause, err := s.bulkPayload(ctx, req)
	if err != nil {
		return progress, err
	}
	report := func() {
		s.emit(ctx, Event{Kind: EventBulkProgress, Purpose: req.Purpose, Caller: p.Caller, Labels: p.Labels, Brand: p.Brand, Bulk: progress})
	}
	next, told := time.Now(), time.Now()
	for leadID, err := range req.LeadIDs {
		if err != nil {
			report()
			return progress, err
		}
		if err := ctx.Err(); err != nil {
			report()
			return progress, err
		}
		progress.Read++
		if progress.Queued%bulkLook == 0 {
			s.leaveRoom(ctx)
		}
		queued, err := s.sendOne(ctx, p, leadID, &progress)
		if err != nil {
			report()
			return progress, err
		}
		if queued {
			next = next.Add(pause)
			next = later(next, time.Now().Add(-bulkBurst*pause))
			sleep(ctx, time.Until(next))
		}
		if time.Since(told) >= bulkReport {
			told = time.Now()
			report()
		}
	}
	progress.Done = true
	report()
	return progress, nil
}

// bulkBacklog is how many jobs may wait in the delivery queue while a bulk adds
// more, and bulkLook after how many it looks.
const bulkBacklog, bulkLook = 256, 16

// leaveRoom waits while many jobs wait in the delivery queue. Otherwise a bulk that
// is faster than the mail server would fill the queue: people who ask for a link
// would wait behind it, and be given up once the queue is full. A queue that cannot
// tell its numbers is not waited for.
func (s *Service) leaveRoom(ctx context.Context) {
	for ctx.Err() == nil {
		deliveries, err := statsOf(ctx, "DeliveryQueue", s.opts.DeliveryQueue)
		if err != nil || deliveries.Waiting <= bulkBacklog {
			return
		}
		select {
		case <-s.closing:
			return
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// bulkBurst is how many messages may make up for lost time.
const bulkBurst = 10

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sleep returns after d, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (s *Service) bulkPayload(ctx context.Context, req BulkRequest) (payload, time.Duration, error) {
	switch {
	case !ascii.IsName(req.Name, 1, 64):
		return payload{}, 0, invalid("name", "must be 1 to 64 characters of printable ASCII without spaces")
	case req.Purpose != PurposeForcedReset && req.Purpose != PurposeInvitation:
		return payload{}, 0, invalid("purpose", "must be PurposeForcedReset or PurposeInvitation")
	case req.LeadIDs == nil:
		return payload{}, 0, invalid("leadIds", "is required")
	case !(req.PerSecond >= 0 && req.PerSecond <= 1000): // also NaN
		return payload{}, 0, invalid("perSecond", "must be more than 0, up to 1,000")
	}
	p, err := s.hostPayload(ctx, req.Purpose, sending{req.RecipientField, req.Template, req.Link, req.TTL, req.Labels, req.Requester, req.Brand, req.Data})
	if err != nil {
		return payload{}, 0, err
	}
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	p.Labels[LabelBulk], p.Bulk = req.Name, req.Name
	if len(p.Labels) > maxLabels {
		return payload{}, 0, invalid("labels", "can be 7, because LabelBulk is one more")
	}
	rate := req.PerSecond
	if rate == 0 {
		rate = 10
	}
	return p, time.Duration(float64(time.Second) / rate), nil
}

// sendOne puts the message to one lead into the queue, unless it was sent before.
func (s *Service) sendOne(ctx context.Context, p payload, leadID string, progress *BulkProgress) (queued bool, err error) {
	if err := s.begin(); err != nil {
		return false, err
	}
	defer s.inFlight.Done()
	if !validLeadID(leadID) {
		progress.Malformed++
		return false, nil
	}
	sent, err := s.wasSent(ctx, p.Bulk, leadID)
	switch {
	case err != nil:
		return false, unavailable("token store", err)
	case sent:
		progress.Before++
		return false, nil
	}
	// The ID and the secret depend on the name and the lead only. So a queue that
	// outlives the process drops the job if it has it already, and if the message
	// comes twice, it is the same link.
	p.Key, p.ID = LeadKey{LeadIDField, leadID}, s.keys.bulkID(p.Bulk, leadID)
	p.Secret = s.keys.bulkSecret(p.Bulk, leadID)
	p.RequestedAt = time.Now()
	ttl := noticeTTL
	if life := newDelivery(Job{}, p).ttl(s); life < ttl {
		ttl = life
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		skew := s.clockSkew(ctx)
		p.NotAfter = time.Now().Add(skew + ttl)
		job, err := s.sealJob(p, time.Now(), skew)
		if err != nil {
			return false, err
		}
		err = s.call(ctx, "DeliveryQueue.Enqueue", func(ctx context.Context) error { return s.opts.DeliveryQueue.Enqueue(ctx, job) })
		switch {
		case err == nil:
			progress.Queued++
			return true, nil
		case errors.Is(err, ErrPermanent):
			return false, unavailable("queue", err)
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-s.closing:
			return false, unavailable("queue", err)
		case <-time.After(pause):
		}
	}
}

// alone returns once this process performs no other job with this ID, and the
// caller then calls done. A queue in memory may hold a job of a bulk twice, because
// a lead came twice or two calls run side by side. The second one has to see the
// mark of the first.
func (s *Service) alone(ctx context.Context, id string) (done func(), err error) {
	mine := make(chan struct{})
	for {
		other, running := s.bulks.LoadOrStore(id, mine)
		if !running {
			return func() { s.bulks.Delete(id); close(mine) }, nil
		}
		select {
		case <-other.(chan struct{}):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// sentTTL is how long the store remembers that a message of a bulk was sent.
const sentTTL = 30 * 24 * time.Hour

// wasSent reports whether the lead was sent its message under this name.
func (s *Service) wasSent(ctx context.Context, name, leadID string) (bool, error) {
	refs := s.keys.bulkRefs(name, leadID)
	var token TokenRecord
	err := s.call(ctx, "TokenStore.Peek", func(ctx context.Context) (err error) {
		token, err = s.tokens.Peek(ctx, refs...)
		return err
	})
	if errors.Is(err, ErrTokenNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.checkToken(ctx, token, leadID, refs...)
}

// markSent remembers that the lead was sent its message. The mark is in the token
// store, because what must not be sent twice has to be kept where the tokens are.
func (s *Service) markSent(ctx context.Context, name, leadID string) error {
	ref := s.keys.bulkRefs(name, leadID)[0]
	err := s.call(ctx, "TokenStore.Put", func(ctx context.Context) error {
		_, err := s.tokens.Put(ctx, ref.Slot, TokenSpec{Digest: ref.Digest, TTL: sentTTL, MaxLive: 1})
		return err
	})
	if err != nil && !errors.Is(err, ErrTokenSpent) {
		return unavailable("token store", fmt.Errorf("the message was sent, and is sent again because that could not be remembered: %w", err))
	}
	return nil
}

// bulkRefs returns where it is remembered that a lead was sent its message, under
// each generation of keys.
func (k *keyring) bulkRefs(name, leadID string) []TokenRef {
	refs := make([]TokenRef, len(k.generations))
	for i := range k.generations {
		g := &k.generations[i]
		refs[i] = TokenRef{Slot: g.slot.name(k.prefix+":t:sent:", "sent", name, leadID), Digest: g.digest.digest("sent", name, leadID)}
	}
	return refs
}

// bulkID returns the ID of the job for one lead. It tells nothing about the lead.
func (k *keyring) bulkID(name, leadID string) string {
	return hex.EncodeToString(k.generations[0].slot.sum(nil, "bulk id", name, leadID)[:16])
}

// bulkSecret returns the secret of the link for one lead.
func (k *keyring) bulkSecret(name, leadID string) string {
	return hex.EncodeToString(k.generations[0].digest.sum(nil, "bulk secret", name, leadID))
}
