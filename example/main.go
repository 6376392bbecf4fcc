// Command example is a whole small portal on the library, for trying it out
// and for copying from. It needs no set-up: users, sessions, tokens and the
// mail that it "sends" live in memory and end with it.
//
//	go run ./example
//
// With -sqlite, users, sessions, tokens, limits and the demo's keys live in a
// file, and outlive the program. With -postgres they live in a database, which
// instances share. Both need nothing else:
//
//	go run ./example -sqlite demo.db
//	go run ./example -postgres postgres://demo@127.0.0.1/demo
//
// With -redis, instances share everything but the mail. Their keys are fixed
// and stand in this source, so whoever reads it can forge tokens.
//
//	go run ./example -redis redis://127.0.0.1:6379
//	go run ./example -redis redis://127.0.0.1:6379 -addr 127.0.0.1:8081
//
// With -durable as well, messages wait in that file, or on that PostgreSQL or
// Redis, too: what was asked for is delivered although the instance that took it
// is killed, by whichever instance comes first. With -smtp, mails are really
// sent:
//
//	go run ./example -smtp smtp://127.0.0.1:1025
//
// With -invite, it sends an invitation to invited@example.com and a link to
// required@example.com, whose password has to be replaced.
//
// With -mail-codes, a mail carries a code instead of a link if that is asked for.
// With -help-desk and a key, the tool of a help desk can issue links and codes to be
// read out.
//
// With -totp, John has an authenticator app, and needs its code for a new password.
//
// With -origins, pages of other origins may call the three APIs. With
// -server-callers, servers may call for people.
//
// It prints its credentials and curl lines for every flow, and then
// "listening on http://HOST:PORT". The messages are at /outbox. Whoever can
// reach the address can read them, so it is no place for real data.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// drainTime is how long requests and queued messages have to end after
// SIGTERM.
const drainTime = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Restores the default, so that a second signal ends a drain that hangs.
	context.AfterFunc(ctx, stop)
	// go-redis writes to the process' standard error by itself, and not as
	// -json-logs has it. What goes wrong comes back as an error and is logged.
	logging.Disable()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
	}
	os.Exit(exitCode(err))
}

// A usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	if err != nil {
		return 1
	}
	return 0
}

// config is the command line.
type config struct {
	addr    string
	baseURL string // empty: the address it listens on
	relaxed bool
	json    bool
	redis   *redisTarget         // nil: nothing is on Redis
	sql     *sqlTarget           // nil: nothing is in a database
	durable bool                 // messages wait on that Redis, or in that database
	smtp    *smtpnotifier.Server // nil: mails go no further than the outbox
	from    string               // the sender of mails
	origins []string             // browser origins that may call all three APIs
	callers []netip.Prefix       // servers whose X-Origin-IP is believed
	invite  bool                 // sends what nobody asks for, at the start
	totp    bool                 // John has a second factor
	// mailCodes lets people choose between a link and a code in a mail.
	mailCodes bool
	helpDesk  string // the key of the help desk, or empty
}

// A secretFlag is a URL that may hold a password. Package flag would print it
// in its errors, so it is parsed later.
type secretFlag struct{ url *string }

func (f *secretFlag) set(s string) error {
	f.url = &s
	return nil
}

// parse reads the command line. Help is printed to stderr and reported as
// [flag.ErrHelp].
func parse(args []string, stderr io.Writer) (config, error) {
	var c config
	fs := flag.NewFlagSet("example", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the error is printed once, by main
	fs.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 picks a free one")
	fs.StringVar(&c.baseURL, "base-url", "", "`URL` under which browsers reach it, for the links in messages (default: the address it listens on)")
	fs.BoolVar(&c.relaxed, "relaxed-limits", false, "every limit times 100 but the vendors' 25 in 5 s, for scripts")
	fs.BoolVar(&c.json, "json-logs", false, "write logs as JSON")
	var redisURL, postgresURL, smtpURL secretFlag
	sqlite := fs.String("sqlite", "", "`FILE` that keeps everything but messages over restarts; it is made if there is none, with mode 0600,\n"+
		"because the demo's keys are kept in it. Without -durable, mails that wait are lost when the process is killed")
	fs.Func("postgres", "`URL` of a PostgreSQL that instances share: postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE. The demo makes\n"+
		"tables there, and keeps its keys in one", postgresURL.set)
	fs.Func("redis", "`URL` of a Redis that instances share, with fixed demo keys (default: everything is in memory)\n"+redisForms, redisURL.set)
	fs.BoolVar(&c.durable, "durable", false, "with -sqlite, -postgres or -redis: messages wait there, and survive this process")
	fs.Func("smtp", "`URL` of a mail server that mails are sent over: smtp://[USER:PASSWORD@]HOST:PORT, which uses\n"+
		"STARTTLS when offered and sends no password without it, or with ?tls=required refuses to go on without;\n"+
		"smtps://... is TLS from the first byte (default: mails go no further than the outbox)", smtpURL.set)
	fs.Func("origins", "`URL,URL` of the pages that may call the three APIs from browsers: https://HOST[:PORT], http for loopback hosts,\n"+
		"or that of an app, such as capacitor://localhost (default: no page of another origin)", func(s string) error {
		c.origins = strings.Split(s, ",")
		return nil
	})
	fs.Func("server-callers", "`PREFIX,PREFIX` of servers that call for people, whose X-Origin-IP is believed: 10.1.0.0/16 or 10.1.2.3\n"+
		"(default: of LoginRadius' callers with the secret alone)", func(s string) (err error) {
		c.callers, err = parsePrefixes(s)
		return err
	})
	fs.BoolVar(&c.invite, "invite", false, "at the start, send an invitation to invited@example.com, and required@example.com a link to replace its password")
	fs.BoolVar(&c.totp, "totp", false, "John has an authenticator app, whose secret is printed, and needs its code to set a new password")
	fs.StringVar(&c.helpDesk, "help-desk", "", "`KEY` of at least 16 characters with which the tool of a help desk issues links and codes to be read out,\n"+
		"at /help-desk/issue, /help-desk/pending and /help-desk/revoke; the pages then have a form for these codes (default: none)")
	fs.BoolVar(&c.mailCodes, "mail-codes", false, "whoever asks chooses whether the mail carries a link or a code")
	fs.StringVar(&c.from, "from", "no-reply@example.com", "`address` that mails come from")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "usage: example [flags]")
			fs.SetOutput(stderr)
			fs.PrintDefaults()
			return c, err
		}
		return c, usageError{err}
	}
	if fs.NArg() > 0 {
		return c, usageError{fmt.Errorf("unexpected argument %q", fs.Arg(0))}
	}
	if _, port, err := net.SplitHostPort(c.addr); err != nil {
		return c, usageError{fmt.Errorf("-addr %q must be host:port", c.addr)}
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return c, usageError{fmt.Errorf("-addr %q: the port must be 0 to 65535", c.addr)}
	}
	if err := c.parseStorage(redisURL.url, postgresURL.url, *sqlite); err != nil {
		return c, usageError{err}
	}
	if c.helpDesk != "" {
		if err := checkHelpDesk(c.helpDesk); err != nil {
			return c, err
		}
	}
	if smtpURL.url != nil {
		server, err := smtpnotifier.ParseURL(*smtpURL.url)
		if err != nil {
			return c, usageError{fmt.Errorf("-smtp: %w", err)}
		}
		c.smtp = &server
	}
	if c.baseURL == "" {
		return c, nil
	}
	if err := checkBase(c.baseURL); err != nil {
		return c, usageError{fmt.Errorf("-base-url: %w", err)}
	}
	c.baseURL = strings.TrimSuffix(c.baseURL, "/")
	return c, nil
}

// parsePrefixes reads networks, and addresses that stand for themselves alone.
func parsePrefixes(s string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for part := range strings.SplitSeq(s, ",") {
		if addr, err := netip.ParseAddr(part); err == nil {
			all = append(all, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, fmt.Errorf("%q is neither a network such as 10.1.0.0/16 nor an address", part)
		}
		all = append(all, p)
	}
	return all, nil
}

// parseStorage reads where everything lives: in memory, or in one other place.
func (c *config) parseStorage(redisURL, postgresURL *string, sqlite string) (err error) {
	switch {
	case redisURL != nil && (postgresURL != nil || sqlite != ""), postgresURL != nil && sqlite != "":
		return errors.New("-sqlite, -postgres and -redis are one place each: give one of them")
	case c.durable && redisURL == nil && postgresURL == nil && sqlite == "":
		return errors.New("-durable needs -sqlite, -postgres or -redis, where messages wait")
	case redisURL != nil:
		if c.redis, err = parseRedisURL(*redisURL); err != nil {
			return fmt.Errorf("-redis: %w", err)
		}
	case postgresURL != nil:
		if c.sql, err = parsePostgresURL(*postgresURL); err != nil {
			return fmt.Errorf("-postgres: %w", err)
		}
	case sqlite != "":
		if c.sql, err = sqliteFile(sqlite); err != nil {
			return fmt.Errorf("-sqlite: %w", err)
		}
	}
	return nil
}

// checkBase accepts what links may be built on: https, or http on a loopback
// address, and no path, because everything is mounted at the root.
func checkBase(base string) error {
	if err := (recovery.Link{URL: base}).Validate(); err != nil {
		return err
	}
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	if strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery {
		return errors.New("must have neither path nor query")
	}
	return nil
}

// run serves until ctx ends. It returns nil after a shutdown that lost nothing
// and cut nothing short.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	c, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	var logs slog.Handler = slog.NewTextHandler(stderr, nil)
	if c.json {
		logs = slog.NewJSONHandler(stderr, nil)
	}
	log := slog.New(logs)

	// Listening comes first: with port 0 the links depend on it.
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", c.addr, err)
	}
	defer l.Close() // for the returns before serve, which closes it itself
	local := "http://" + reachable(l.Addr()).String()
	if c.baseURL == "" {
		c.baseURL = local
		if err := checkBase(c.baseURL); err != nil {
			return usageError{fmt.Errorf("-addr %s is no loopback address, so links need a -base-url with https, that of a proxy in front", c.addr)}
		}
	}
	p, err := newPortal(ctx, c, log)
	if err != nil {
		return err
	}
	if c.invite {
		if err := p.invite(ctx); err != nil {
			return errors.Join(err, p.shutdown(context.WithoutCancel(ctx)))
		}
	}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		log.Warn("whoever reaches this address can read the outbox", "addr", l.Addr().String())
	}
	if _, err := fmt.Fprint(stdout, banner(c, local), "\nlistening on ", local, "\n"); err != nil {
		return errors.Join(err, p.shutdown(ctx))
	}
	return serve(ctx, l, p, log)
}

// reachable is the address under which a listener is reached from the same
// machine: a wildcard is not one, and every wildcard listener of Go's takes
// IPv4 where there is any.
func reachable(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	if ap.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port())
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// serve answers requests until ctx ends, and then drains: first the requests,
// which may still queue messages, then the queue.
func serve(ctx context.Context, l net.Listener, p *portal, log *slog.Logger) error {
	server := &http.Server{
		Handler:           p,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		// More than a reset waits for its hash and its stores.
		WriteTimeout:   30 * time.Second,
		IdleTimeout:    time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()

	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	// ctx has ended, and the drain needs time of its own.
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	log.Info("shutting down")
	err = errors.Join(err, server.Shutdown(drain), p.shutdown(drain))
	if err != nil {
		return fmt.Errorf("shutting down: %w", err)
	}
	return nil
}
