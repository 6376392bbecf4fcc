package redistest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// process is a running server. It is started and waited for by one goroutine,
// its owner.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once the process is gone and reaped
}

// startProcess runs a program in dir, its output appended to the file logPath.
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
		// The parent whose death the kernel watches is the thread that forks,
		// not the process. The goroutine keeps its thread to itself until the
		// server is gone, so that no thread the runtime retires takes a
		// healthy server with it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // killed on purpose more often than not
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

// wait waits for the end of the process, longer on a slow machine.
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

// kill ends the process at once, frozen or not, and waits until it is gone:
// its sockets are closed and its port is free.
func (p *process) kill() error {
	if p.gone() {
		return nil
	}
	// An error means that it has just ended by itself, or wait says so.
	_ = p.cmd.Process.Kill()
	return p.wait(10 * time.Second)
}
