package recovery_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// On SIGTERM the request that is under way is answered, the mail that it asked for
// is sent, and then the mailer ends. Before, a host had to write this order itself,
// and lost mails where it did not.
func TestListenAndServeLosesNothing(t *testing.T) {
	order := &trace{}
	p := newPortal(t, func(p *portal, _ *recovery.Options) {
		p.notifier = recovery.NotifierFunc(func(context.Context, recovery.Message) error {
			order.add("sent")
			return nil
		})
	})
	addr := testenv.FreeAddr(t)
	begun, goOn, query := make(chan struct{}), make(chan struct{}), make(chan string, 1)
	server := &http.Server{Addr: addr, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query <- r.URL.RawQuery
		close(begun)
		<-goOn
		if _, err := p.ForgotPassword(r.Context(), byMail(johnMail)); err != nil {
			t.Error(err)
		}
		order.add("answered")
	})}
	ended := make(chan error, 1)
	go func() {
		ended <- p.ListenAndServe(context.WithoutCancel(t.Context()), server, func(context.Context) error {
			order.add("mailer ended")
			return nil
		})
	}()
	answered := make(chan error, 1)
	go func() {
		var err error
		for deadline := testenv.Within(20 * time.Second); !deadline.Over(); time.Sleep(5 * time.Millisecond) {
			var response *http.Response
			if response, err = http.Get("http://" + addr + "/?token=secret"); err == nil {
				_ = response.Body.Close()
				break
			}
		}
		answered <- err
	}()
	wait := func(what string, c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case err := <-ended:
			t.Fatalf("%s: the server ended: %v", what, err)
		case <-time.After(testenv.Patience(30 * time.Second)):
			t.Fatalf("%s: this did not happen", what)
		}
	}
	wait("a request", begun)
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 20*time.Second, "no new request is let in", func() bool {
		connection, err := net.Dial("tcp", addr)
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	})
	close(goOn)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := strings.Join(order.take(), ", "); got != "answered, sent, mailer ended" && got != "sent, answered, mailer ended" {
		t.Errorf("the order was: %s", got)
	}
	if server.ReadHeaderTimeout == 0 {
		t.Error("a client can keep a connection open for ever")
	}
	if q := <-query; strings.Contains(q, "secret") {
		t.Errorf("the handler, where an access log would be, sees %q", q)
	}
}

// If the address is taken, the program ends with the reason, and nothing is left
// running.
func TestListenAndServeTellsOfATakenAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p := newPortal(t, nil)
	failed := errors.New("the mailer's")
	err = p.ListenAndServe(t.Context(), &http.Server{Addr: l.Addr().String()}, func(context.Context) error { return failed })
	if !errors.Is(err, syscall.EADDRINUSE) || !errors.Is(err, failed) {
		t.Errorf("%v, want both errors", err)
	}
	if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); !errors.Is(err, recovery.ErrUnavailable) {
		t.Errorf("the Service still runs: %v", err)
	}
}
