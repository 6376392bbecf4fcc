package main

import (
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// A fault is one row of the table. begin returns once it is there, and end once
// it is over. An error in them ends the run.
type fault struct {
	name  string
	holds time.Duration
	begin func(e *environment) error
	end   func(e *environment) error // nil: it ends by itself
	// redis are further settings of Redis, as on its command line.
	redis []string
	// password is what Redis wants from the start.
	password string
	// settles is how long its mails may take after it is over. Default 3 min: a
	// job of a dead worker comes back within 2.
	settles time.Duration
}

// commands returns a fault of settings of Redis.
func commands(begin, end []any) (b, e func(*environment) error) {
	do := func(args []any) func(*environment) error {
		return func(e *environment) error { _, err := e.server.Do(args...); return err }
	}
	return do(begin), do(end)
}

func relayIs(m mode) func(*environment) error {
	return func(e *environment) error { e.relay.set(m); return nil }
}

func frozen(d time.Duration) fault {
	return fault{name: "Redis frozen for " + d.String(), holds: d,
		begin: func(e *environment) error { e.server.Freeze(); return nil },
		end:   func(e *environment) error { e.server.Thaw(); return nil }}
}

func killed(name string, redis ...string) fault {
	return fault{name: name, holds: 5 * time.Second, redis: redis,
		begin: func(e *environment) error { e.server.Kill(); return nil },
		end:   func(e *environment) error { e.server.Restart(); return nil }}
}

func onTheWire(name string, f redistest.Fault) fault {
	return fault{name: name, holds: 10 * time.Second,
		begin: func(e *environment) error { e.proxy.Set(redistest.Replies, f); return nil },
		end:   func(e *environment) error { e.proxy.Clear(); e.proxy.CutAll(); return nil }}
}

func ofTheRelay(name string, holds time.Duration, m mode) fault {
	return fault{name: name, holds: holds, begin: relayIs(m), end: relayIs(mode{}), settles: 10 * time.Minute}
}

// faults returns the table, in the order of running.
func faults() []fault {
	all := []fault{
		{name: "nothing", holds: time.Second, begin: func(*environment) error { return nil }},
		frozen(time.Second), frozen(5 * time.Second), frozen(30 * time.Second),
		killed("Redis killed, with an append-only file", "--appendonly", "yes", "--appendfsync", "always"),
		killed("Redis killed, with nothing on disk"),
		{name: "a black hole before Redis", holds: 10 * time.Second, begin: blackHole, end: noHole},
		onTheWire("replies of Redis lost", redistest.Fault{Mode: redistest.Swallow}),
		onTheWire("connections to Redis reset", redistest.Fault{Mode: redistest.Reset}),
		{name: "Redis 300 ms further away", holds: 10 * time.Second,
			begin: func(e *environment) error { e.proxy.Latency(300 * time.Millisecond); return nil },
			end:   func(e *environment) error { e.proxy.Latency(0); return nil }},
	}
	for _, setting := range []struct {
		name       string
		begin, end []any
	}{
		{"Redis out of memory", []any{"CONFIG", "SET", "maxmemory", "1mb"}, []any{"CONFIG", "SET", "maxmemory", "0"}},
		{"Redis without the replica that it needs", []any{"CONFIG", "SET", "min-replicas-to-write", "1"}, []any{"CONFIG", "SET", "min-replicas-to-write", "0"}},
		{"Redis demoted", []any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"}},
		{"scripts flushed", []any{"SCRIPT", "FLUSH"}, []any{"PING"}},
	} {
		f := fault{name: setting.name, holds: 10 * time.Second}
		f.begin, f.end = commands(setting.begin, setting.end)
		all = append(all, f)
	}
	return append(all,
		fault{name: "the disk of Redis full", holds: 10 * time.Second, redis: []string{"--appendonly", "yes", "--appendfsync", "everysec"},
			begin: fileLimit("1"), end: fileLimit("unlimited")},
		fault{name: "Redis wants a password", holds: 10 * time.Second, begin: wants("another"), end: wants("")},
		fault{name: "the password of Redis changed", holds: 10 * time.Second, password: "first", begin: wants("another"), end: wants("first")},
		ofTheRelay("mail down for 3 min", 3*time.Minute, mode{down: true}),
		ofTheRelay("greylisting", 20*time.Second, mode{grey: true}),
		ofTheRelay("a relay that answers after 31 s", 40*time.Second, mode{slow: 31 * time.Second}),
		ofTheRelay("a relay that answers after 10 s", 40*time.Second, mode{slow: 10 * time.Second}),
		ofTheRelay("connections cut after the mail, which was taken", 10*time.Second, mode{cut: true, takes: true}),
		ofTheRelay("connections cut after the mail, which was lost", 10*time.Second, mode{cut: true}),
		fault{name: "an instance killed", holds: time.Second, begin: signalled(syscall.SIGKILL), end: (*environment).another},
		fault{name: "an instance killed amid 1,000 jobs", holds: time.Second, begin: killedAmidJobs, end: (*environment).another},
		fault{name: "SIGTERM under load", holds: time.Second, begin: signalled(syscall.SIGTERM), end: (*environment).another},
	)
}

func (e *environment) another() error { return e.fleet.add() }

// signalled ends one instance. How it ended is not an error here: it exits with
// 1 where its shutdown was not complete.
func signalled(sig syscall.Signal) func(*environment) error {
	return func(e *environment) error { e.ended = e.fleet.remove(sig); return nil }
}

// killedAmidJobs lets a thousand people ask, with a relay that needs a while for
// each of their mails, and then kills an instance.
func killedAmidJobs(e *environment) error {
	e.relay.set(mode{slow: 500 * time.Millisecond})
	e.traffic.burst(1000)
	return signalled(syscall.SIGKILL)(e)
}

// wants changes the password that Redis wants. It also ends the connections:
// those that are open stay signed in.
func wants(password string) func(*environment) error {
	return func(e *environment) error {
		if err := e.admin.ConfigSet(e.ctx, "requirepass", password).Err(); err != nil {
			return err
		}
		return e.admin.ClientKillByFilter(e.ctx, "SKIPME", "yes").Err()
	}
}

// fileLimit sets how many bytes the files of Redis may have. To Redis, a limit
// that is reached is a write that fails, as on a full disk. Redis must ignore
// SIGXFSZ for that, which main sees to.
func fileLimit(bytes string) func(*environment) error {
	return func(e *environment) error {
		return exec.CommandContext(e.ctx, "prlimit", "--pid", strconv.Itoa(e.server.PID()), "--fsize="+bytes+":").Run()
	}
}

// blackHole swallows what goes to Redis and what comes from it, also on new
// connections.
func blackHole(e *environment) error {
	for _, d := range []redistest.Direction{redistest.Requests, redistest.Replies} {
		e.proxy.Set(d, redistest.Fault{Mode: redistest.Swallow})
	}
	return nil
}

// noHole leaves the connections that were swallowed silent, as a network does
// that forgot them.
func noHole(e *environment) error { e.proxy.Clear(); return nil }
