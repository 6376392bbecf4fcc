package sqltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// A process is a running server. One goroutine starts it and waits for it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once the process is gone and reaped
}

// command prepares a program that runs in dir as the owner of dir, and appends
// its output to the file log there.
func command(dir, program string, args ...string) (*exec.Cmd, error) {
	log, err := os.OpenFile(logPath(dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	// Messages in English and C collation, whatever the machine's language is.
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir)
	restrict(cmd)
	return cmd, nil
}

func logPath(dir string) string { return filepath.Join(dir, "log") }

// run runs a program to its end.
func run(dir, program string, args ...string) error {
	cmd, err := command(dir, program, args...)
	if err != nil {
		return err
	}
	defer closeLog(cmd)
	// The kernel kills the program when the thread that forked ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, tail(dir))
	}
	return nil
}

// startProcess starts a program that goes on.
func startProcess(dir, program string, args ...string) (*process, error) {
	cmd, err := command(dir, program, args...)
	if err != nil {
		return nil, err
	}
	defer closeLog(cmd) // the process has its own descriptor
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel kills the server when the thread that forked ends, and not
		// only when the process ends. So the goroutine keeps its thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // an error is usual, because tests kill servers
			close(p.done)
		}
	}()
	return p, <-started
}

func closeLog(cmd *exec.Cmd) {
	if f, ok := cmd.Stdout.(*os.File); ok {
		_ = f.Close()
	}
}

func (p *process) gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// end sends a signal until the process is gone. MariaDB loses one that comes
// just after its start, and may then heed no other but SIGKILL. A server keeps
// what was committed then, too.
func (p *process) end(signal syscall.Signal) error {
	const limit = 10 * time.Second
	polite := time.Now().Add(limit / 2)
	for deadline := testenv.Within(limit); !p.gone(); {
		if deadline.Over() {
			return fmt.Errorf("process %d did not end within %v", p.cmd.Process.Pid, limit)
		}
		if time.Now().After(polite) {
			signal = syscall.SIGKILL
		}
		if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case <-p.done:
		case <-time.After(limit / 8):
		}
	}
	return nil
}

// tail returns the end of the log in dir.
func tail(dir string) string {
	const most = 4 << 10
	log, err := os.ReadFile(logPath(dir))
	if err != nil {
		return err.Error()
	}
	if len(log) > most {
		log = log[len(log)-most:]
	}
	return string(log)
}
