// Package testproc runs the servers that tests start.
package testproc

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// A Process is a running program.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once the process is gone and reaped
	err  error         // how it ended, once done is closed
}

// Start starts a program, and appends its output to a file. On Linux the kernel
// kills the program when the test process dies in any way: cleanups do not run
// when a test binary panics or times out.
func Start(cmd *exec.Cmd, logPath string) (*Process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own descriptor
	cmd.Stdout, cmd.Stderr = log, log
	dieWithParent(cmd)
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel kills the program when the thread that forked ends, and not
		// only when the process ends. So the goroutine keeps its thread until
		// the program is gone. Otherwise the runtime could end the thread, and
		// with it a healthy server.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Process returns the process, for signals.
func (p *Process) Process() *os.Process { return p.cmd.Process }

// PID returns the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err returns how the process ended. It is called after that.
func (p *Process) Err() error { return p.err }

// Gone reports whether the process has ended.
func (p *Process) Gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Wait waits until the process has ended. The limit is longer on a slow machine.
func (p *Process) Wait(limit time.Duration) error {
	for deadline := testenv.Within(limit); !deadline.Over(); {
		select {
		case <-p.done:
			return nil
		case <-time.After(limit / 8):
		}
	}
	return fmt.Errorf("process %d did not end within %v", p.PID(), limit)
}

// Kill ends the process at once, frozen or not, and waits until it is gone. Its
// sockets are then closed and its port is free.
func (p *Process) Kill() error {
	// An error means that the process has just ended by itself. Otherwise Wait
	// reports an error too.
	_ = p.cmd.Process.Kill()
	return p.Wait(10 * time.Second)
}
