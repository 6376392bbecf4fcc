package main

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// maxOutbox bounds the memory of a demo that is left running. The oldest
// messages go first.
const maxOutbox = 200

// A delivered message, with the secret in clear: that is the point of an outbox
// to play with, and the reason why a real portal must not have one.
type delivered struct {
	ID       string
	Kind     string
	Channel  string
	To       string
	Language string
	Subject  string
	Text     string
	HTML     string `json:"-"`
	URL      string
	Code     string
	NotMe    string
	Time     time.Time

	expires time.Time // when URL or Code ends
}

// A line of a message's text.
type line struct {
	Text string
	Link bool
}

// Lines are the text's, for a page that makes links of those that are one.
func (d delivered) Lines() []line {
	var all []line
	for text := range strings.Lines(d.Text) {
		text = strings.TrimSuffix(text, "\n")
		all = append(all, line{text, text != "" && (text == d.URL || text == d.NotMe)})
	}
	return all
}

// outbox keeps what was sent.
type outbox struct {
	mu       sync.RWMutex
	messages []delivered // oldest first
}

func (o *outbox) add(d delivered) {
	d.Time = time.Now().UTC().Truncate(time.Millisecond)
	o.mu.Lock()
	defer o.mu.Unlock()
	// Delivery is at least once, and the ID is there to drop repetitions.
	if slices.ContainsFunc(o.messages, func(e delivered) bool { return e.ID == d.ID }) {
		return
	}
	if len(o.messages) >= maxOutbox {
		o.messages = slices.Delete(o.messages, 0, len(o.messages)-maxOutbox+1)
	}
	// Links and codes stand in the order in which their tokens were stored. A
	// message that took longer to write may carry a link that a later one has
	// replaced; so the last link always works.
	i := slices.IndexFunc(o.messages, func(e delivered) bool { return e.Kind == d.Kind && e.expires.After(d.expires) })
	if i < 0 {
		i = len(o.messages)
	}
	o.messages = slices.Insert(o.messages, i, d)
}

// list returns the messages, oldest first, and never nil.
func (o *outbox) list() []delivered {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return append([]delivered{}, o.messages...)
}

// find returns the message with an ID.
func (o *outbox) find(id string) (delivered, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	i := slices.IndexFunc(o.messages, func(d delivered) bool { return d.ID == id })
	if i < 0 {
		return delivered{}, false
	}
	return o.messages[i], true
}
