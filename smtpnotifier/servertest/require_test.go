package servertest_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// requireMail skips a test on a machine that lacks a program, or fails it if
// RECOVERY_REQUIRE_MAIL is 1.
func requireMail(t testing.TB, ok bool, what string) {
	t.Helper()
	if !ok {
		testenv.Missing(t, "RECOVERY_REQUIRE_MAIL", what)
	}
}

// program returns the path of a program, which is often not on a user's PATH.
func program(t testing.TB, name, debian string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	requireMail(t, false, "there is no "+name+" here (Debian package "+debian+")")
	return ""
}

// daemon starts a program and waits until addr answers. At the end of the test
// it calls stop and waits for the program to end.
func daemon(t testing.TB, addr string, stop func(), path string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), path, args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		if stop != nil {
			stop()
		} else {
			_ = cmd.Process.Signal(os.Interrupt)
		}
		select {
		case <-ended:
		case <-time.After(testenv.Patience(10 * time.Second)):
			t.Errorf("%s did not stop", path)
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			said := output.Bytes()
			t.Logf("%s said:\n%s", path, said[max(0, len(said)-4096):])
		}
	})
	testenv.Eventually(t, 30*time.Second, path+" answers at "+addr, func() bool {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			_ = c.Close()
			return true
		}
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", path, strings.TrimSpace(output.String()))
		default:
		}
		return false
	})
}
