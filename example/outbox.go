package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// maxOutbox bounds the memory of a demo that is left running. The oldest
// messages go first.
const maxOutbox = 200

// A delivered message, with the secret in clear: that is the point of an outbox
// to play with, and the reason why a real portal must not have one.
type delivered struct {
	ID      string
	Kind    string
	Channel string
	To      string
	Subject string
	Text    string
	URL     string
	Code    string
	Time    time.Time
}

// Before and After are the text around the link, for a page that makes it one
// to click on.
func (d delivered) Before() string { before, _ := d.cut(); return before }

// After is what follows the link.
func (d delivered) After() string { _, after := d.cut(); return after }

func (d delivered) cut() (before, after string) {
	if d.URL == "" {
		return d.Text, ""
	}
	before, after, _ = strings.Cut(d.Text, d.URL)
	return before, after
}

// outbox is a [recovery.Notifier] that keeps what it is given.
type outbox struct {
	base     string
	mu       sync.RWMutex
	messages []delivered // oldest first
}

var _ recovery.Notifier = (*outbox)(nil)

// Notify implements [recovery.Notifier].
func (o *outbox) Notify(_ context.Context, m recovery.Message) error {
	d := delivered{
		ID: m.ID, Kind: string(m.Kind), Channel: string(m.Channel), To: m.To,
		URL: m.URL.Reveal(), Code: m.Code.Reveal(), Time: time.Now().UTC().Truncate(time.Millisecond),
	}
	d.Subject, d.Text = compose(m, o.base)
	o.mu.Lock()
	defer o.mu.Unlock()
	// Delivery is at least once, and the ID is there to drop repetitions.
	if slices.ContainsFunc(o.messages, func(e delivered) bool { return e.ID == d.ID }) {
		return nil
	}
	if len(o.messages) >= maxOutbox {
		o.messages = slices.Delete(o.messages, 0, len(o.messages)-maxOutbox+1)
	}
	o.messages = append(o.messages, d)
	return nil
}

// list returns the messages, oldest first, and never nil.
func (o *outbox) list() []delivered {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return append([]delivered{}, o.messages...)
}
