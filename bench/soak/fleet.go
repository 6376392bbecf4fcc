package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A fleet is the instances behind one Redis.
type fleet struct {
	env    []string
	client http.Client

	mu        sync.Mutex
	instances []*instance
	started   int        // instances so far
	lines     [][]string // what each instance logged besides its events
}

// An instance is one process.
type instance struct {
	cmd  *exec.Cmd
	base string
	done chan struct{} // closed when it has ended
	err  error         // how
}

func (f *fleet) start() (*instance, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	number := f.started
	f.started++
	f.lines = append(f.lines, nil)
	f.mu.Unlock()
	i := &instance{cmd: exec.Command(self), done: make(chan struct{})}
	i.cmd.Env = append(os.Environ(), f.env...)
	out, err := i.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	logs, err := i.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := i.cmd.Start(); err != nil {
		return nil, err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(logs); s.Scan(); {
			if line := s.Text(); !strings.Contains(line, "level=INFO msg=recovery event") {
				f.mu.Lock()
				f.lines[number] = append(f.lines[number], line)
				f.mu.Unlock()
			}
		}
	}()
	addr, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		<-read
		i.err = i.cmd.Wait()
		close(i.done)
	}()
	if err != nil {
		<-i.done
		return nil, fmt.Errorf("an instance did not start: %w", i.err)
	}
	i.base = "http://" + strings.TrimSpace(addr)
	return i, nil
}

// add starts another instance.
func (f *fleet) add() error {
	i, err := f.start()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instances = append(f.instances, i)
	return nil
}

// remove ends the first instance with a signal, and returns how it ended.
func (f *fleet) remove(sig syscall.Signal) error {
	f.mu.Lock()
	i := f.instances[0]
	f.instances = f.instances[1:]
	f.mu.Unlock()
	_ = i.cmd.Process.Signal(sig)
	<-i.done
	return i.err
}

func (f *fleet) pick(n int) *instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.instances[n%len(f.instances)]
}

func (f *fleet) all() []*instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*instance(nil), f.instances...)
}

// takeLines returns what each instance has logged since it was called last, also
// those that have ended.
func (f *fleet) takeLines() [][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.lines
	f.lines = make([][]string, f.started)
	return lines
}

func (f *fleet) end() {
	for range f.all() {
		_ = f.remove(syscall.SIGTERM)
	}
}

// footprint says what the instances hold.
func (f *fleet) footprint() string {
	var parts []string
	for _, i := range f.all() {
		var g gauges
		res, err := f.client.Get(i.base + "/gauges")
		if err == nil {
			err = json.NewDecoder(res.Body).Decode(&g)
			_ = res.Body.Close()
		}
		if err != nil {
			parts = append(parts, err.Error())
			continue
		}
		pid := strconv.Itoa(i.cmd.Process.Pid)
		fds, _ := os.ReadDir(filepath.Join("/proc", pid, "fd"))
		parts = append(parts, fmt.Sprintf("%.1f MiB heap, %s resident, %d goroutines, %d descriptors", g.HeapMiB, resident(pid), g.Goroutines, len(fds)))
	}
	return strings.Join(parts, "; ")
}

func resident(pid string) string {
	status, _ := os.ReadFile(filepath.Join("/proc", pid, "status"))
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "?"
}

// newFleet starts n instances.
func newFleet(n int, redisAddr, password, relayAddr string) (*fleet, error) {
	f := &fleet{
		env:    []string{redisVariable + "=" + redisAddr, passwordVariable + "=" + password, relayVariable + "=" + relayAddr},
		client: http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	for range n {
		if err := f.add(); err != nil {
			f.end()
			return nil, err
		}
	}
	return f, nil
}
