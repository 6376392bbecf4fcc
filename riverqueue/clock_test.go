package riverqueue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// A web node whose clock is an hour behind that of PostgreSQL, or ahead of it. By
// its clock the job is over, or does not start for an hour. By that of the worker
// it has half an hour left.
func TestClocksAnHourApart(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{time.Hour, -time.Hour} { // PostgreSQL, of the web node
		pool := database(t)
		var log safeBuffer
		name := "q"
		web := newQueue(t, pool, func(o *riverqueue.Options) {
			o.Name, o.EnqueueOnly, o.Workers, o.Logger = name, true, 0, debugLogger(&log)
		})
		web.SetClock(ahead)
		start(t, web, &diary{})
		job, began := newJob(), time.Now()
		job.NotBefore, job.NotAfter = began.Add(-ahead), began.Add(-ahead).Add(30*time.Minute)
		enqueue(t, web, job)
		got := make(chan recovery.Job, 1)
		d := &diary{perform: func(_ context.Context, job recovery.Job, _ int) error { got <- job; return nil }}
		start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.Name = name }), d)
		waitDone(t, d, job)
		one := <-got
		if off := one.NotAfter.Sub(began) - 30*time.Minute; off.Abs() > 20*time.Second {
			t.Errorf("PostgreSQL is %v ahead: the worker's NotAfter is wrong by %v", ahead, off)
		}
		if off := time.Until(web.RiverTime()) - ahead; off.Abs() > 20*time.Second {
			t.Errorf("PostgreSQL is %v ahead: River's clock is wrong by %v", ahead, off)
		}
		if !strings.Contains(log.String(), "clock and that of PostgreSQL differ") {
			t.Errorf("the log:\n%s", log.String())
		}
		must(t, shutdown(t, web, patience))
	}
}
