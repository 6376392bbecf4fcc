package sqltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/internal/testproc"
)

// startProcess starts a program that runs in dir as the owner of dir, and appends
// its output to the file log there.
func startProcess(dir, program string, args ...string) (*testproc.Process, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	// Messages in English and C collation, whatever the machine's language is.
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir)
	restrict(cmd)
	return testproc.Start(cmd, logPath(dir))
}

func logPath(dir string) string { return filepath.Join(dir, "log") }

// run runs a program to its end.
func run(dir, program string, args ...string) error {
	p, err := startProcess(dir, program, args...)
	if err != nil {
		return err
	}
	<-p.Done()
	if err := p.Err(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, tail(dir))
	}
	return nil
}

// end sends a signal until the process is gone. MariaDB loses one that comes
// just after its start, and may then heed no other but SIGKILL. A server keeps
// what was committed then, too.
func end(p *testproc.Process, signal syscall.Signal) error {
	const limit = 10 * time.Second
	polite := time.Now().Add(limit / 2)
	for deadline := testenv.Within(limit); !p.Gone(); {
		if deadline.Over() {
			return fmt.Errorf("process %d did not end within %v", p.PID(), limit)
		}
		if time.Now().After(polite) {
			signal = syscall.SIGKILL
		}
		if err := p.Process().Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case <-p.Done():
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
