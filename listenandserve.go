package recovery

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-51359b35/recovery/password"
)

// shutdownTime is how long [Service.ListenAndServe] lets what has begun take. It is
// less than the 30 s that Kubernetes gives a program by default.
const shutdownTime = 20 * time.Second

// headerTime is how long a header of a request may take to arrive.
const headerTime = 10 * time.Second

// ListenAndServe serves requests at the address of the server until ctx ends, or the
// program gets SIGINT or SIGTERM. Then it ends everything in the order in which
// nothing is lost: first the requests, by the Shutdown of the server, then the
// Service, which sends the mails that wait, and then the others in their order, for
// example Shutdown of a mailer. All of that together may take 20 s. A second signal
// ends the program at once.
//
// A server with a TLSConfig serves HTTPS. [HideTokens] is put around the server's
// Handler. A server without ReadTimeout and ReadHeaderTimeout waits for a header for
// 10 s at most, so that nobody keeps connections open for nothing. All else about
// the server is the host's.
//
// The error is nil if all was finished. Otherwise it joins what failed, such as a
// [*ShutdownError]: the host logs it and exits with a status that is not 0. A host
// that has a server and signals of its own calls [Service.Shutdown] instead.
func (s *Service) ListenAndServe(ctx context.Context, server *http.Server, others ...func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if server.Handler == nil {
		server.Handler = http.DefaultServeMux
	}
	server.Handler = HideTokens(server.Handler)
	if server.ReadTimeout == 0 && server.ReadHeaderTimeout == 0 {
		server.ReadHeaderTimeout = headerTime
	}
	served := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			served <- server.ListenAndServeTLS("", "")
			return
		}
		served <- server.ListenAndServe()
	}()
	var errs []error
	select {
	case <-ctx.Done():
	case err := <-served: // the address is taken, or the host has ended the server
		if !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	stop() // a second signal ends the program
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	errs = append(errs, server.Shutdown(ctx), s.Shutdown(ctx))
	for _, shutdown := range others {
		errs = append(errs, shutdown(ctx))
	}
	return errors.Join(errs...)
}

// Hasher returns the hasher of [PasswordOptions], or the default one. Log-in calls
// its Verify, and what stores passwords elsewhere, such as sign-up, its Hash: then
// log-in reads what a reset writes.
func (s *Service) Hasher() password.Hasher { return s.opts.Passwords.Hasher }
