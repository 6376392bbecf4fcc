package smtpnotifier

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

const (
	// replyTimeout is how long the server may take to answer a whole message.
	// The server may have accepted the message by then, so a client that gives
	// up early makes it deliver the same mail again and again. RFC 5321, section
	// 4.5.3.2.6, asks for 10 minutes. A link lives for less than an hour, so half
	// of that leaves time for a second attempt.
	replyTimeout = 5 * time.Minute
	// maxLosses is how often a message is sent when no answer comes to it. Each
	// of these times the server may have accepted the message.
	maxLosses = 2
	// lossPause is the least time between two such times. What made the server
	// hang up is often over by then.
	lossPause = time.Minute
	// maxOutcomes bounds what an outcomes remembers. What does not fit in is
	// sent again by a retry.
	maxOutcomes = 4096
	// outcomeAge is after what time an outcome is forgotten, if there is no room.
	outcomeAge = time.Hour
)

// errReplyLost is the cause of an error after maxLosses.
var errReplyLost = errors.New("the server took the message twice and answered neither time, so it is not sent again")

// errReplyLostLately is the cause of an error during lossPause.
var errReplyLostLately = errors.New("the server may have the message, so a minute passes before it is sent again")

// An awaitingError says that ctx ended before the server answered a whole
// message.
type awaitingError struct{ cause error }

func (e awaitingError) Error() string {
	return recovery.ErrAwaitingReply.Error() + ": " + e.cause.Error()
}
func (e awaitingError) Unwrap() []error { return []error{recovery.ErrAwaitingReply, e.cause} }

// An outcome is what becomes of one message that was sent as a whole.
type outcome struct {
	done chan struct{} // closed when err is set
	err  error         // nil if the server accepted the message

	reported bool // guarded by outcomes.mu
}

func newOutcome() *outcome { return &outcome{done: make(chan struct{})} }

// settle tells err to all who wait.
func (o *outcome) settle(err error) {
	o.err = err
	close(o.done)
}

// lost reports whether the server may have accepted the message without saying
// so. The outcome is settled.
func (o *outcome) lost() bool {
	e, ok := errors.AsType[*Error](o.err)
	return ok && e.Code == 0
}

// outcomes remembers, by Message.ID, the messages whose outcome the caller of
// Notify does not know. The zero value is ready to use.
type outcomes struct {
	mu sync.Mutex
	of map[string]*fate
}

// A fate is what is known of one message.
type fate struct {
	pending *outcome // what no caller was told yet, or nil
	losses  int      // how often the message was sent and not answered
	at      time.Time
}

// await waits for the outcome of a message. If ctx ends first, the outcome is
// kept for the next attempt, which join finds.
func (all *outcomes) await(ctx context.Context, id string, o *outcome) error {
	select {
	case <-o.done:
		return all.report(id, o)
	case <-ctx.Done():
	}
	select {
	case <-o.done: // both came together
		return all.report(id, o)
	default:
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if f := all.remember(id); f != nil {
		f.pending = o
	}
	return &Error{Stage: StageData, cause: awaitingError{context.Cause(ctx)}}
}

// join returns true if the message must not be sent now: an earlier attempt
// sent it. The error is then that of this attempt.
func (all *outcomes) join(ctx context.Context, id string) (joined bool, err error) {
	all.mu.Lock()
	f := all.of[id]
	var pending *outcome
	if f != nil {
		pending = f.pending
	}
	early := f != nil && f.losses > 0 && time.Since(f.at) < lossPause
	all.mu.Unlock()
	switch {
	case pending != nil:
		return true, all.await(ctx, id, pending)
	case early:
		return true, &Error{Stage: StageData, cause: errReplyLostLately}
	}
	return false, nil
}

// report returns the error of a settled outcome to a caller. A further message
// with this ID is sent again, but not after maxLosses.
func (all *outcomes) report(id string, o *outcome) error {
	all.mu.Lock()
	defer all.mu.Unlock()
	if o.reported {
		return o.err // another attempt waited for it too
	}
	o.reported = true
	if !o.lost() {
		delete(all.of, id)
		return o.err
	}
	if f := all.remember(id); f != nil {
		f.pending = nil
		f.losses++
		if f.losses >= maxLosses {
			delete(all.of, id)
			o.err = &Error{Stage: StageData, Permanent: true, cause: errReplyLost}
		}
	}
	return o.err
}

// remember returns the fate of a message, or nil if there is no room for it.
// The caller holds mu.
func (all *outcomes) remember(id string) *fate {
	if id == "" {
		return nil // no attempt could be recognised as a repetition
	}
	f := all.of[id]
	if f == nil {
		if len(all.of) >= maxOutcomes {
			maps.DeleteFunc(all.of, func(_ string, f *fate) bool { return time.Since(f.at) > outcomeAge })
		}
		if len(all.of) >= maxOutcomes {
			return nil
		}
		if all.of == nil {
			all.of = make(map[string]*fate)
		}
		f = &fate{}
		all.of[id] = f
	}
	f.at = time.Now()
	return f
}
