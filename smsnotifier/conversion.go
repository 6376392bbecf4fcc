package smsnotifier

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// maxSends is how many messages a Conversion remembers. Of more it takes the
// first: forgetting those would let a flood push every message out before it
// has run out of Patience, and be seen by nobody.
const maxSends = 10_000

// ConversionOptions configure a [ConversionMonitor]. Zero fields are the defaults.
type ConversionOptions struct {
	_ [0]func()

	// Window is how far back messages are looked at, 1 min to 24 h. Default
	// 1 h.
	Window time.Duration
	// Patience is how long a person has for the reset before the message
	// counts as one that led to none, 1 min to 24 h. Default 15 min: a code
	// lives ten.
	Patience time.Duration
	// MinSent is how many messages there must be before their share means
	// anything, 1 to 10,000. Default 20.
	MinSent int
	// Threshold is the share of messages, above 0 and up to 1, under which the
	// alarm is raised. Default 0.2.
	Threshold float64
	// Alarm is called when the share falls under Threshold, at most once per
	// Window, by the goroutine that reported the event, so it should be quick.
	// Required.
	Alarm func(ctx context.Context, r ConversionReport)
}

// A ConversionReport says how many text messages led to a reset.
type ConversionReport struct {
	// Sent is how many codes and links were sent by SMS in the window and have
	// run out of Patience; Converted is for how many of these the lead's
	// password was then reset.
	Sent, Converted int
	Window          time.Duration
}

// A Conversion raises an alarm when few of the people who are sent a code reset
// a password. Whoever is paid for text messages has them sent and completes
// nothing, and this is how it shows before the budget is spent (A57). It only
// tells: what to do about it, somebody decides.
//
//	c, err := smsnotifier.NewConversion(smsnotifier.ConversionOptions{Alarm: page})
//	opts.Events = c.Record // or call it from the host's own sink
//
// A Conversion joins a message and a reset by the lead's ID, so it has to hear
// both. Where several instances serve one portal, they happen on different ones:
// there each event goes, by the host's bus or webhook, to one Conversion. It
// holds at most 10,000 messages, and leaves out what comes beyond these until the
// oldest have left the window. It is safe for concurrent use.
type ConversionMonitor struct {
	opts ConversionOptions

	mu      sync.Mutex
	sends   []send // in order of time
	lastAlarm time.Time
}

type send struct {
	at        time.Time
	leadID    string
	converted bool
}

// NewConversion reports every mistake at once, as [New] does.
func NewConversionMonitor(opts ConversionOptions) (*ConversionMonitor, error) {
	if opts.Window == 0 {
		opts.Window = time.Hour
	}
	if opts.Patience == 0 {
		opts.Patience = 15 * time.Minute
	}
	if opts.MinSent == 0 {
		opts.MinSent = 20
	}
	if opts.Threshold == 0 {
		opts.Threshold = 0.2
	}
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &recovery.OptionError{Option: option, Reason: fmt.Sprintf(format, args...)})
	}
	for _, d := range []struct {
		option string
		v      time.Duration
	}{{"Window", opts.Window}, {"Patience", opts.Patience}} {
		if d.v < time.Minute || d.v > 24*time.Hour {
			bad(d.option, "is %v, must be 1 min to 24 h", d.v)
		}
	}
	if opts.MinSent < 1 || opts.MinSent > maxSends {
		bad("MinSent", "is %d, must be 1 to 10,000", opts.MinSent)
	}
	if !(opts.Threshold > 0 && opts.Threshold <= 1) { // NaN is neither
		bad("Threshold", "is %v, must be above 0 and up to 1", opts.Threshold)
	}
	if opts.Alarm == nil {
		bad("Alarm", "is required")
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &ConversionMonitor{opts: opts}, nil
}

// Record is a [recovery.EventSink]. Events count from when they come in, so they
// may be a little late, but a message before its reset.
func (c *ConversionMonitor) Record(ctx context.Context, e recovery.Event) {
	if r, ok := c.record(e); ok {
		c.opts.Alarm(ctx, r) // outside the lock: it may call Report
	}
}

// Report returns the present numbers.
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
			// Every message of the lead: who asked three times, because the
			// first was slow, is a person.
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

// isCredential reports whether an event is a code or link that was sent by SMS.
func isCredential(e recovery.Event) bool {
	return e.Kind == recovery.EventMessageSent && e.Channel == recovery.ChannelSMS &&
		(e.Message == recovery.MessageResetCode || e.Message == recovery.MessageResetLink)
}

// report counts the messages that are older than Patience, and forgets those
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
