package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// childVariable names what a copy of this program is to do: servers, and
// whatever else needs a process of its own to be measured.
const (
	childVariable     = "RECOVERY_BENCH_CHILD"
	childArgsVariable = "RECOVERY_BENCH_CHILD_ARGS"
)

// childArgs are for all kinds of children.
type childArgs struct {
	Redis  string // the address of Redis, if it uses one
	Kind   string // which of several
	N      int
	Micros int
}

// children do something, say one line, and go on until their input ends. What
// they return is said as JSON.
var children = map[string]func(tb redistest.TB, args childArgs, say func(v any)){
	"proxy":      proxyChild,
	"direct":     directChild,
	"serve":      serveChild,
	"hashes":     hashesChild,
	"resets":     resetsChild,
	"own":        ownChild,
	"middleware": middlewareChild,
}

func runChild(name string) {
	var args childArgs
	err := json.Unmarshal([]byte(os.Getenv(childArgsVariable)), &args)
	f := children[name]
	if err == nil && f == nil {
		err = fmt.Errorf("no child %q", name)
	}
	if err == nil {
		redistest.QuietClients()
		err = redistest.Run(context.Background(), name, func(tb redistest.TB) {
			f(tb, args, func(v any) { _ = json.NewEncoder(os.Stdout).Encode(v) })
			_, _ = io.Copy(io.Discard, os.Stdin)
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", name+":", err)
		os.Exit(1)
	}
}

// startChild starts a copy of this program, and reads its line into result. It
// ends with the function returned, or with the part.
func startChild(tb redistest.TB, name string, args childArgs, result any, env ...string) (stop func()) {
	program, err := os.Executable()
	must(tb, err)
	encoded, err := json.Marshal(args)
	must(tb, err)
	cmd := exec.Command(program)
	cmd.Env = append(append(os.Environ(), childVariable+"="+name, childArgsVariable+"="+string(encoded)), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(tb, err)
	out, err := cmd.StdoutPipe()
	must(tb, err)
	must(tb, cmd.Start())
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = in.Close()
		timer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		_ = cmd.Wait()
	}
	tb.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		tb.Fatalf("%s ended before it said anything: %v", name, err)
	}
	must(tb, json.Unmarshal(line, result))
	return stop
}

// proxyChild puts a distance between a client and Redis. Its timers hold
// threads, so it gets more of them than there are cores.
func proxyChild(tb redistest.TB, args childArgs, say func(any)) {
	proxy := redistest.NewProxy(tb, args.Redis)
	proxy.Latency(time.Duration(args.Micros) * time.Microsecond)
	say(proxy.Addr)
}
