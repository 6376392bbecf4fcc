package smsnotifier

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// maxSends is how many messages a ConversionMonitor remembers. If there are
// more, it keeps the oldest: otherwise a flood would push out every message
// before its Patience has passed, and the monitor would never notice the flood.
const maxSends = 10_000

// ConversionOptions configure a [ConversionMonitor]. Zero fields have their
// defaults. Alarm is required.
type ConversionOptions struct {
	_ [0]func()

	// Window says for how long a message is counted once its Patience has
	// passed, 1 min to 24 h. Default 1 h.
	Window time.Duration
	// Patience is how long a person has for the reset before the message counts
	// as one that led to none, 1 min to 24 h. Default 15 min: a code is valid
	// for ten.
	Patience time.Duration
	// MinSent is how many messages there must be before an alarm can be raised,
	// 1 to 10,000. With fewer, the share means nothing. Default 20.
	MinSent int
	// Threshold is the share of messages that led to a reset under which the
	// alarm is raised, above 0 and up to 1. Default 0.2.
	Threshold float64
	// Alarm is called when the share falls under Threshold, at most once per
	// Window. The goroutine that reported the event calls it, so Alarm should
	// be quick. Required.
	Alarm func(ctx context.Context, r ConversionReport)
}

// A ConversionReport says how many text messages led to a reset.
type ConversionReport struct {
	// Sent is how many codes and links sent by SMS are in the window and have
	// run out of Patience. Converted is after how many of these the lead's
	// password was reset.
	Sent, Converted int
	Window          time.Duration
}

// A ConversionMonitor raises an alarm when only few of the people who are sent
// a code by SMS reset a password. Whoever is paid for text messages has them
// sent and completes no reset, so the monitor notices the fraud before the
// budget is spent (A57). It only reports. What to do, a person decides.
//
//	monitor, err := smsnotifier.NewConversionMonitor(smsnotifier.ConversionOptions{Alarm: page})
//	opts.Events = monitor.Record // or call Record from the host's own sink
//
// A ConversionMonitor connects a message and a reset by the lead's ID, so it
// must get both events. If several instances serve one portal, a message and
// its reset happen on different instances. Then send all events, by the host's
// bus or webhook, to one ConversionMonitor. It holds at most 10,000 messages,
// and ignores further ones until the oldest have left the window. It is safe
// for concurrent use.
type ConversionMonitor struct {
	opts ConversionOptions

	mu        sync.Mutex
	sends     []send // oldest first
	lastAlarm time.Time
}

type send struct {
	at        time.Time
	leadID    string
	converted bool
}

// NewConversionMonitor returns a ConversionMonitor. It reports every mistake in
// opts at once, each as a [*recovery.OptionError].
func NewConversionMonitor(opts ConversionOptions) (*ConversionMonitor, error) {
	opts.Window = cmp.Or(opts.Window, time.Hour)
	opts.Patience = cmp.Or(opts.Patience, 15*time.Minute)
	opts.MinSent = cmp.Or(opts.MinSent, 20)
	opts.Threshold = cmp.Or(opts.Threshold, 0.2)
	mistakes := recovery.OptionErrors{Package: "smsnotifier"}
	mistakes.CheckDuration("Window", opts.Window, time.Minute, 24*time.Hour)
	mistakes.CheckDuration("Patience", opts.Patience, time.Minute, 24*time.Hour)
	mistakes.CheckInt("MinSent", opts.MinSent, 1, maxSends)
	if !(opts.Threshold > 0 && opts.Threshold <= 1) { // also true for NaN
		mistakes.Add("Threshold", "is %v, must be above 0 and up to 1", opts.Threshold)
	}
	if opts.Alarm == nil {
		mistakes.Add("Alarm", "is required")
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return &ConversionMonitor{opts: opts}, nil
}

// Record is a [recovery.EventSink]. The time of an event is when Record is
// called with it. So events may come a little late, but a message must come
// before its reset.
func (c *ConversionMonitor) Record(ctx context.Context, e recovery.Event) {
	if r, ok := c.record(e); ok {
		c.opts.Alarm(ctx, r) // without the lock, because Alarm may call Report
	}
}

// Report returns the numbers of now.
func (c *ConversionMonitor) Report() ConversionReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report(time.Now())
}

func (c *ConversionMonitor) record(e recovery.Event) (r ConversionReport, alarm bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	r = c.report(now)
	switch {
	case e.Kind == recovery.EventPasswordReset:
		for i := range c.sends {
			// This marks all messages of the lead: a person may ask three
			// times, because the first message is slow.
			if c.sends[i].leadID == e.LeadID {
				c.sends[i].converted = true
			}
		}
		r = c.report(now)
	case isCredential(e) && len(c.sends) < maxSends:
		c.sends = append(c.sends, send{now, e.LeadID, false})
	}
	if r.Sent < c.opts.MinSent || float64(r.Converted) >= c.opts.Threshold*float64(r.Sent) {
		return r, false
	}
	if !c.lastAlarm.IsZero() && now.Sub(c.lastAlarm) < c.opts.Window {
		return r, false
	}
	c.lastAlarm = now
	return r, true
}

// isCredential reports whether an event says that a code or link was sent by
// SMS.
func isCredential(e recovery.Event) bool {
	return e.Kind == recovery.EventMessageSent && e.Channel == recovery.ChannelSMS &&
		(e.Message == recovery.MessageResetCode || e.Message == recovery.MessageResetLink)
}

// report counts the messages that are older than Patience, and removes those
// that have left the window.
func (c *ConversionMonitor) report(now time.Time) ConversionReport {
	for len(c.sends) > 0 && now.Sub(c.sends[0].at) >= c.opts.Patience+c.opts.Window {
		c.sends = c.sends[1:]
	}
	r := ConversionReport{Window: c.opts.Window}
	for _, s := range c.sends {
		if now.Sub(s.at) < c.opts.Patience {
			break
		}
		r.Sent++
		if s.converted {
			r.Converted++
		}
	}
	return r
}
