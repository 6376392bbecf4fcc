package redistest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// process is a running server. One goroutine starts it and waits for it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once the process is gone and reaped
}

// startProcess runs a program in dir, and appends its output to the file
// logPath.
func startProcess(program string, args []string, dir, logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own descriptor
	p := &process{
		cmd:  exec.Command(program, args...),
		done: make(chan struct{}),
	}
	p.cmd.Dir = dir
	p.cmd.Stdout = log
	p.cmd.Stderr = log
	dieWithParent(p.cmd)

	started := make(chan error)
	go func() {
		// The kernel kills the server when the thread that forked ends, and not
		// only when the process ends. So the goroutine keeps its thread until
		// the server is gone. Otherwise the runtime could end the thread, and
		// with it a healthy server.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // an error is usual, because tests kill servers
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// gone reports whether the process has ended.
func (p *process) gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// wait waits until the process has ended. The limit is longer on a slow
// machine.
func (p *process) wait(limit time.Duration) error {
	for deadline := testenv.Within(limit); !deadline.Over(); {
		select {
		case <-p.done:
			return nil
		case <-time.After(limit / 8):
		}
	}
	return fmt.Errorf("process %d did not end within %v", p.pid(), limit)
}

// kill ends the process at once, frozen or not, and waits until it is gone. Its
// sockets are then closed and its port is free.
func (p *process) kill() error {
	if p.gone() {
		return nil
	}
	// An error means that the process has just ended by itself. Otherwise wait
	// reports an error too.
	_ = p.cmd.Process.Kill()
	return p.wait(10 * time.Second)
}
