package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery/password"
)

// call calls code of the host, and ends its context after the store timeout. It
// turns a panic into an error: one faulty store must not end the process, and a
// connection that breaks must not show who has an account. The log shows the text
// of the panic without the secrets, which are all that the call was given.
func (s *Service) call(ctx context.Context, what string, f func(ctx context.Context) error, secrets ...string) error {
	limited, cancel := context.WithTimeout(ctx, s.opts.StoreTimeout)
	defer cancel()
	return s.guard(ctx, what, func() error { return f(limited) }, secrets...)
}

// guard calls code of the host that runs as long as the caller's context
// allows. It turns a panic into an error, as call does.
func (s *Service) guard(ctx context.Context, what string, f func() error, secrets ...string) (err error) {
	if a := attemptOf(ctx); a != nil {
		done := s.tellIfBlocked(ctx, what, a)
		defer func() { done(err) }()
	}
	defer func() { s.watch(ctx, what, err) }()
	defer s.recoverPanic(ctx, what, &err, secrets...)
	return f()
}

// blockedAfter is how long a call in a worker may last before the log tells of
// it. A message takes a few seconds at most, and a store has StoreTimeout.
const blockedAfter = 10 * time.Second

// tellIfBlocked logs that a call of the host's code does not return, unless done
// is called before. Its error would come too late: it may never come. It counts on
// while the call lasts, because once all workers hang nothing else fails. A later
// call that succeeds in time ends the outage.
func (s *Service) tellIfBlocked(ctx context.Context, what string, a *attempt) (done func(err error)) {
	var mu sync.Mutex
	var timer *time.Timer
	began, ended, told := time.Now(), false, false
	tell := func() {
		mu.Lock()
		defer mu.Unlock()
		if ended {
			return
		}
		if !told {
			told = true
			s.blocked.Add(1)
		}
		s.outages.Failed(ctx, s.log, slog.LevelWarn, what, "recovery: "+what+" does not return, and holds a worker of the queue until it does. Look at what it calls, and give those calls a time limit",
			append([]any{"after", time.Since(began).Round(time.Second).String(), "calls_that_hang", s.blocked.Load()}, a.attrs()...)...)
		timer.Reset(blockedAfter)
	}
	mu.Lock()
	timer = time.AfterFunc(blockedAfter, tell)
	mu.Unlock()
	return func(err error) {
		mu.Lock()
		ended = true
		timer.Stop()
		mu.Unlock()
		switch {
		case told:
			s.blocked.Add(-1)
		case works(err):
			s.outages.Works(ctx, what)
		}
	}
}

// answers are errors with which a collaborator that works answers.
var answers = []error{
	ErrLeadNotFound, ErrTokenNotFound, ErrTokenSpent, ErrVersionChanged, ErrNotSignedIn, ErrStepUpRequired, ErrCaptchaFailed, ErrPermanent, password.ErrMalformedHash,
}

// works reports whether a collaborator that returned err works.
func works(err error) bool {
	_, policy := errors.AsType[*password.PolicyError](err)
	return err == nil || policy || slices.ContainsFunc(answers, func(answer error) bool { return errors.Is(err, answer) })
}

// watch logs when a collaborator begins to fail, now and then while it fails, and
// when it works again. What is answered meanwhile, and how often a job is tried,
// is not logged above level debug: an outage must not fill the log. The
// collaborator is what up to the dot.
func (s *Service) watch(ctx context.Context, what string, err error) {
	collaborator, _, _ := strings.Cut(what, ".")
	switch {
	case works(err):
		s.outages.Works(ctx, collaborator)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		// The client hung up, or the queue ends the attempt.
	case errors.Is(err, ErrAwaitingReply):
		s.outages.Failed(ctx, s.log, slog.LevelWarn, collaborator, "recovery: "+collaborator+" is slow", "in", what, "error", err)
	default:
		level, consequence, args := slog.LevelError, s.consequence(what), []any{"in", what, "error", err}
		a := attemptOf(ctx)
		switch {
		case errors.Is(err, ErrQueueFull) && fullQueues[what] != "":
			consequence = fullQueues[what]
		case a != nil:
			// What is given up is told as an error.
			level, consequence, args = slog.LevelWarn, ". It is tried again until it works, or until the time in retried_until", append(args, a.attrs()...)
		}
		if strings.HasPrefix(what, "LeadStore.FindLead") && strings.Contains(err.Error(), noRows) {
			consequence += ". For nobody FindLead has to return recovery.ErrLeadNotFound, and not the error of the database"
		}
		s.outages.Failed(ctx, s.log, level, collaborator, "recovery: "+collaborator+" fails"+consequence, args...)
	}
}

// noRows is in the text of sql.ErrNoRows and pgx.ErrNoRows.
const noRows = "no rows in result set"

// fullQueues say what follows while a queue is full, and what to do.
var fullQueues = map[string]string{
	"Queue.Enqueue":         ": it is full, and requests are answered with 503 until it has room. Jobs come in faster than they are done: look for what is slow, such as the LeadStore, or give it more workers",
	"DeliveryQueue.Enqueue": ": it is full, and links and codes that people ask for are given up until it has room. Look why messages wait there, such as a Notifier that fails, or give it more room",
}

// consequence says what follows while a call for a request fails.
func (s *Service) consequence(what string) string {
	switch {
	case what == "TokenStore.Release" || what == "TokenStore.Delete" || what == "SessionEnder.EndSessions":
		return ". It is tried again"
	case what == "AfterReset":
		return ". It is not called again, and the reset it followed is complete"
	case what == "Change.KeepSession":
		return ". The password is changed, and the person has to sign in again"
	case what == "VerifyingLeadStore.MarkVerified":
		return ". The password is changed, and it is tried again"
	case what == "LeadStore.SetPasswordHash" || what == "DeliveryQueue.Enqueue" || what == "BudgetNotifier.Budgets":
		return "" // it depends on more than this call
	case what == "Limiter.Allow" && s.opts.Limits.DangerouslyAllowOnError:
		return "" // another line says so
	}
	return ", and requests that need it are answered with 503 until it works again"
}

// recoverPanic must be deferred around a call of the host's code. It logs a
// panic, without the secrets, and, if err is not nil, stores an error there.
func (s *Service) recoverPanic(ctx context.Context, what string, err *error, secrets ...string) {
	if p := recover(); p != nil {
		s.log.ErrorContext(ctx, "recovery: panic", "in", what, "panic", panicText(p, secrets...), "stack", string(debug.Stack()))
		if err != nil {
			*err = fmt.Errorf("recovery: panic in %s", what)
		}
	}
}

// unknownSecrets, among the secrets of a call, says that its code may know
// others.
const unknownSecrets = "\x00"

// panicText returns the text of a panic without the secrets. It returns only the
// type if there may be secrets that are not known, unless the runtime wrote the
// text, which then quotes no data.
func panicText(p any, secrets ...string) string {
	if _, ok := p.(runtime.Error); !ok && slices.Contains(secrets, unknownSecrets) {
		return fmt.Sprintf("%T", p)
	}
	return shorten(scrub(errors.New(fmt.Sprint(p)), secrets...).Error(), maxCause)
}

// maxCause is how many bytes of a cause are kept.
const maxCause = 512

// maxRepeats limits the calls that are repeated in the background at one time.
// Each comes from a reset, or from a NotMe, that passed its limits.
const maxRepeats = 1024

// repeat runs f in the background, with pauses that grow, until f returns nil
// or the time until has come. When Shutdown begins, f gets one last try.
func (s *Service) repeat(what string, until time.Time, f func(ctx context.Context) error) {
	select {
	case s.repeats <- struct{}{}:
	default:
		s.log.Error("recovery: too many calls are being repeated, this one is given up", "what", what)
		return
	}
	s.tasks.Go(func() {
		defer func() { <-s.repeats }()
		timer := time.NewTimer(0)
		defer timer.Stop()
		last, n := false, 1 // the first attempt was the caller's
		for pause := 100 * time.Millisecond; ; pause = min(2*pause, 30*time.Second) {
			select {
			case <-timer.C:
			case <-s.closing:
				last = true
			}
			n++
			err := s.call(withAttempt(context.Background(), &attempt{number: n, until: until}), what, f)
			if err == nil {
				return
			}
			if late := time.Now().After(until); last || late {
				if !late {
					s.lost.Add(1)
				}
				s.log.Error("recovery: call given up", "what", what, "error", err)
				return
			}
			timer.Reset(pause)
		}
	})
}
