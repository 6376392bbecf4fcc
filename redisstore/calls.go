package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A job is what a script has to do for one key. Neighbours with the same head
// share it in the arguments of the script.
type job struct {
	key        string
	request    int // of the caller, that this is for; tokens need none
	head, args []any
}

// An answer is what a script says about one job.
type answer[V any] struct {
	values []V // as many as the width of the script
	err    error
	// acknowledged is how many replicas have the write, of a call with replicas.
	acknowledged int64
}

// A call runs a script for many keys: once for all of them, or once for each
// where they may be on different servers.
type call[V int64 | string] struct {
	node     *node
	script   script[V]
	replicas int // that WAIT waits for; 0 for no WAIT
	jobs     []job
	answers  []answer[V] // to each job
}

// A run is one run of the script, for neighbouring jobs.
type run[V int64 | string] struct {
	from, to int
	nonce    V
	list     list[V]
}

// send makes the call, and fills in the answers.
func (c *call[V]) send(ctx context.Context) error {
	client := c.node.client
	if c.node.guard.Failing() {
		if err := c.node.guard.Reach(ctx, client); err != nil {
			return wrap(err)
		}
	}
	if c.node.oneScript.Load() {
		err := c.process(ctx, client, []run[V]{{to: len(c.jobs)}})
		if !says(err, "CROSSSLOT") {
			return err
		}
		c.node.oneScript.Store(false)
	}
	if cluster, ok := client.(*redis.ClusterClient); ok && c.replicas > 0 {
		// WAIT asks about the writes of its own connection. The jobs of a call
		// have one master, but for the first calls and while slots move. Those
		// of another master are answered MOVED: nothing was claimed, and the
		// same claim made again finds its master.
		master, err := cluster.MasterForKey(ctx, c.jobs[0].key)
		if err != nil {
			return wrap(err)
		}
		client = master
	}
	runs := make([]run[V], len(c.jobs))
	for i := range runs {
		runs[i] = run[V]{from: i, to: i + 1}
	}
	return c.process(ctx, client, runs)
}

// process sends the runs together, and those again with their source of which
// the server does not know the script. The error is that of the first job, if
// all of them have one.
func (c *call[V]) process(ctx context.Context, client redis.UniversalClient, runs []run[V]) error {
	acknowledged, err := c.exchange(ctx, client, runs, "evalsha", c.script.sha)
	forgotten := 0 // and moved to the front
	for i := range runs {
		if says(runs[i].list.Err(), "NOSCRIPT") {
			runs[i], runs[forgotten] = runs[forgotten], runs[i]
			forgotten++
		}
	}
	if err == nil && forgotten > 0 {
		var again int64
		again, err = c.exchange(ctx, client, runs[:forgotten], "eval", c.script.source)
		acknowledged = min(acknowledged, again)
	}
	if err != nil {
		return wrap(err)
	}
	for i := range runs {
		c.read(&runs[i], acknowledged)
	}
	if slices.ContainsFunc(c.answers, func(a answer[V]) bool { return a.err == nil }) {
		return nil
	}
	return c.answers[0].err
}

// exchange sends a command for each run in one round trip. With replicas it asks
// on the same connection how many have its writes. The error is that of the
// question; the commands have their own.
func (c *call[V]) exchange(ctx context.Context, client redis.UniversalClient, runs []run[V], command, script any) (acknowledged int64, err error) {
	for i := range runs {
		c.prepare(ctx, &runs[i], command, script)
	}
	if len(runs) == 1 && c.replicas == 0 {
		_ = client.Process(ctx, runs[0].list)
		return 0, nil
	}
	pipe := client.Pipeline()
	for i := range runs {
		_ = pipe.Process(ctx, runs[i].list)
	}
	if c.replicas == 0 {
		_, _ = pipe.Exec(ctx)
		return 0, nil
	}
	wait := redis.NewIntCmd(ctx, "wait", c.replicas, c.node.replicaWait.Milliseconds())
	_ = pipe.Process(ctx, wait)
	_, _ = pipe.Exec(ctx)
	return wait.Result()
}

// prepare makes the command of a run.
func (c *call[V]) prepare(ctx context.Context, r *run[V], command, script any) {
	jobs := c.jobs[r.from:r.to]
	args := append(make([]any, 0, 8+4*len(jobs)), command, script, len(jobs))
	for _, j := range jobs {
		args = append(args, j.key)
	}
	r.nonce = c.script.nonce()
	args = append(args, r.nonce)
	for len(jobs) > 0 {
		n := 1
		for n < len(jobs) && slices.Equal(jobs[n].head, jobs[0].head) {
			n++
		}
		args = append(append(args, n), jobs[0].head...)
		for _, j := range jobs[:n] {
			args = append(args, j.args...)
		}
		jobs = jobs[n:]
	}
	r.list = c.script.list(ctx, args...)
}

// read takes the answers out of the reply of a run. A reply without the nonce
// of the run is that to another question (A90).
func (c *call[V]) read(r *run[V], acknowledged int64) {
	values, err := r.list.Val(), r.list.Err()
	width := c.script.width
	switch {
	case err != nil:
		err = wrap(err)
	case len(values) != 1+(r.to-r.from)*width || values[0] != r.nonce:
		err = ErrWrongReply
	}
	for i := range c.answers[r.from:r.to] {
		a := answer[V]{err: err, acknowledged: acknowledged}
		if err == nil {
			a.values = values[1+i*width:][:width]
		}
		c.answers[r.from+i] = a
	}
}

// wrap says whose error it is, once.
func wrap(err error) error {
	if strings.HasPrefix(err.Error(), "redisstore: ") {
		return err
	}
	return fmt.Errorf("redisstore: %w", err)
}
