package redisguard_test

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisguard"
)

var errDown = errors.New("down")

// end makes a call that ends with err.
func end(t *testing.T, g *redisguard.Guard, err error) {
	t.Helper()
	done, refused := g.Allow()
	if refused != nil {
		t.Fatalf("Allow = %v", refused)
	}
	done(err)
}

// A server that speaks TLS to a client that does not, or the reverse, is "EOF" or
// a timeout to go-redis. A guard that goes down says what it is, and blames
// nothing on TLS otherwise.
func TestTLSMismatchIsNamed(t *testing.T) {
	overTLS := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(overTLS.Close)
	plain := redistest.Start(t)
	admin := plain.Client(t).Conn()
	defer admin.Close()
	if err := admin.ConfigSet(t.Context(), "requirepass", "secret").Err(); err != nil {
		t.Fatal(err)
	}
	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hangsUp.Close() })
	go func() {
		for {
			c, err := hangsUp.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	nobody := testenv.FreeAddr(t)
	config := &tls.Config{InsecureSkipVerify: true}
	for _, tt := range []struct {
		sentence, addr string
		config         *tls.Config
		want           string
	}{
		{"the server alone speaks TLS", overTLS.Listener.Addr().String(), nil, "the server of Redis speaks TLS and the client does not"},
		{"the client alone speaks TLS", plain.Addr, config, "the client speaks TLS and the server of Redis does not"},
		{"neither speaks TLS", plain.Addr, nil, ""},
		{"both speak TLS", overTLS.Listener.Addr().String(), config, ""},
		{"a server that hangs up", hangsUp.Addr().String(), nil, ""},
		{"a server that hangs up on TLS", hangsUp.Addr().String(), config, ""},
		{"no server", nobody, config, ""},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			client := redis.NewClient(&redis.Options{Addr: tt.addr, TLSConfig: tt.config})
			defer client.Close()
			lines := make(chan string, 10)
			g := redisguard.New(redisguard.Options{
				Down: errDown, WhenDown: "it is down", WhenUp: "it is back", Attrs: []any{"server", "one"}, Client: client,
				Logger: slog.New(slog.NewTextHandler(writer(lines), nil)),
			})
			for range 5 {
				end(t, g, errors.New("EOF"))
			}
			if line := <-lines; !strings.Contains(line, `msg="it is down" server=one error=EOF`) {
				t.Errorf("the first line is %s", line)
			}
			testenv.Eventually(t, 20*time.Second, "the end of the search", func() bool { return !redisguard.Explains(g) })
			got := ""
			if len(lines) > 0 {
				got = <-lines
			}
			if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("the second line is %q, want %q", got, tt.want)
			}
		})
	}
}

// Of what Redis answers, the log gets the first word: the rest may quote.
func TestCauseOfAnAnswerIsOneWord(t *testing.T) {
	server := redistest.Start(t)
	if _, err := server.Do("REPLICAOF", "127.0.0.1", "1"); err != nil {
		t.Fatal(err)
	}
	err := server.Client(t).Set(t.Context(), "key", "value", 0).Err()
	lines := make(chan string, 10)
	g := redisguard.New(redisguard.Options{Down: errDown, WhenDown: "it is down", Logger: slog.New(slog.NewTextHandler(writer(lines), nil))})
	for range 5 {
		end(t, g, err)
	}
	if line := <-lines; !strings.HasSuffix(line, "error=READONLY\n") {
		t.Errorf("the line is %q", line)
	}
}

// A writer is where a log goes, a line at a time.
type writer chan<- string

func (w writer) Write(b []byte) (int, error) { w <- string(b); return len(b), nil }
