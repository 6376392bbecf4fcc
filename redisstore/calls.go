package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// A job is what a script has to do for one key. Neighbours with the same head
// share it in the arguments of the script.
type job struct {
	key        string
	head, args []any
}

// An answer is what a script says about the jobs of one caller.
type answer[V any] struct {
	values []V // as many for each job as the width of the script
	err    error
	// acknowledged is how many replicas have the write of every job that was
	// made with replicas.
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
	one      [1]run[V]   // the usual case
}

// A run is one run of the script, for neighbouring jobs.
type run[V int64 | string] struct {
	from, to int
	nonce    int64
	list     list[V]
}

// send makes the call, and fills in the answers.
func (c *call[V]) send(ctx context.Context) error {
	if err := c.node.reach(ctx); err != nil {
		return wrap(err)
	}
	if c.replicas > 0 {
		if cluster, ok := c.node.client.(*redis.ClusterClient); ok {
			master, err := c.masterOf(ctx, cluster)
			if err != nil {
				return err
			}
			return c.process(ctx, master, c.runForEach())
		}
	}
	if c.node.oneScript.Load() {
		c.one[0] = run[V]{from: 0, to: len(c.jobs)}
		err := c.process(ctx, c.node.client, c.one[:])
		if !says(err, "CROSSSLOT") {
			return err
		}
		c.node.oneScript.Store(false)
	}
	return c.process(ctx, c.node.client, c.runForEach())
}

// runForEach returns a run for each job.
func (c *call[V]) runForEach() []run[V] {
	runs := make([]run[V], len(c.jobs))
	for i := range runs {
		runs[i] = run[V]{from: i, to: i + 1}
	}
	return runs
}

// process sends the runs together, and those again with their source of which
// the server does not know the script. The error is that of the first run, if
// all of them have one.
func (c *call[V]) process(ctx context.Context, client redis.UniversalClient, runs []run[V]) error {
	for i := range runs {
		c.prepare(ctx, &runs[i], "evalsha", c.script.sha)
	}
	acknowledged, err := c.exchange(ctx, client, runs)
	var forgotten []run[V]
	for i := range runs {
		if says(runs[i].list.Err(), "NOSCRIPT") {
			c.prepare(ctx, &runs[i], "eval", c.script.source)
			forgotten = append(forgotten, runs[i])
		}
	}
	if err == nil && forgotten != nil {
		var again int64
		again, err = c.exchange(ctx, client, forgotten)
		if acknowledged = min(acknowledged, again); len(forgotten) == len(runs) {
			acknowledged = again // of the first exchange nothing was written
		}
	}
	if err != nil {
		return wrap(err)
	}
	for i := range runs {
		c.read(&runs[i], acknowledged)
	}
	for _, a := range c.answers {
		if a.err == nil {
			return nil
		}
	}
	return c.answers[0].err
}

// prepare makes the command of a run.
func (c *call[V]) prepare(ctx context.Context, r *run[V], command, script any) {
	jobs := c.jobs[r.from:r.to]
	args := append(make([]any, 0, 8+4*len(jobs)), command, script, len(jobs))
	for _, j := range jobs {
		args = append(args, j.key)
	}
	r.nonce = newNonce()
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

// exchange sends the commands of the runs in one round trip. With replicas it
// asks on the same connection how many have its writes. The error is that of
// the question; the commands have their own.
func (c *call[V]) exchange(ctx context.Context, client redis.UniversalClient, runs []run[V]) (acknowledged int64, err error) {
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
	wait := redis.NewIntCmd(ctx, "wait", c.replicas, c.node.replicaWait().Milliseconds())
	_ = pipe.Process(ctx, wait)
	_, _ = pipe.Exec(ctx)
	return wait.Result()
}

// read takes the answers out of the reply of a run. A reply without the nonce
// of the run is that to another question (A90).
func (c *call[V]) read(r *run[V], acknowledged int64) {
	values, err := r.list.Val(), r.list.Err()
	switch {
	case err != nil:
		err = wrap(err)
	case len(values) != 1+(r.to-r.from)*c.script.width || values[0] != c.script.nonce(r.nonce):
		err = ErrWrongReply
	}
	for i := r.from; i < r.to; i++ {
		c.answers[i] = answer[V]{err: err, acknowledged: acknowledged}
		if err == nil {
			at := 1 + (i-r.from)*c.script.width
			c.answers[i].values = values[at : at+c.script.width]
		}
	}
}

// newNonce returns a number that no other call has, and that Lua has exactly.
func newNonce() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return int64(binary.BigEndian.Uint64(b[:]) >> 11)
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

func wrap(err error) error { return fmt.Errorf("redisstore: %w", err) }
