package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

func TestRedisURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url, is string
		// What the client signs in with, and to which database it goes.
		user, password string
		db             int
	}{
		{"redis://127.0.0.1:6379", "the Redis at 127.0.0.1:6379", "", "", 0},
		{"redis://cache", "the Redis at cache:6379", "", "", 0},
		{"redis://cache/", "the Redis at cache:6379", "", "", 0},
		{"redis://[::1]", "the Redis at [::1]:6379", "", "", 0},
		{"redis://ann:s%2Fs%40s@cache:7000/3?read_timeout=1s", "the Redis at cache:7000", "ann", "s/s@s", 3},
		{"redis://:secret@cache", "the Redis at cache:6379", "", "secret", 0},
		{"rediss://cache:6380", "the Redis at cache:6380", "", "", 0},
		{"redis://a:1,b:2,[::1]:3", "the Redis Cluster at a:1, b:2, [::1]:3", "", "", 0},
		{"rediss://ann:secret@a:1,b:2/?dial_timeout=2s", "the Redis Cluster at a:1, b:2", "ann", "secret", 0},
		{"sentinel://a:26379/mymaster", `the Redis master "mymaster" of the sentinels at a:26379`, "", "", 0},
		{"sentinel://s:x@a:1,b:2/mymaster?username=ann&password=secret&db=2", `the Redis master "mymaster" of the sentinels at a:1, b:2`, "ann", "secret", 2},
	} {
		target, err := parseRedisURL(tt.url)
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		if got := target.String(); got != tt.is {
			t.Errorf("%s is %s, want %s", tt.url, got, tt.is)
		}
		var user, password string
		var db int
		var secure *tls.Config
		var contexts bool
		switch {
		case target.server != nil:
			o := target.server
			user, password, db, secure, contexts = o.Username, o.Password, o.DB, o.TLSConfig, o.ContextTimeoutEnabled
		case target.cluster != nil:
			o := target.cluster
			user, password, secure, contexts = o.Username, o.Password, o.TLSConfig, o.ContextTimeoutEnabled
		default:
			o := target.sentinel
			user, password, db, secure, contexts = o.Username, o.Password, o.DB, o.TLSConfig, o.ContextTimeoutEnabled
		}
		if user != tt.user || password != tt.password || db != tt.db || !contexts {
			t.Errorf("%s: user %q, password %q, database %d, ends with contexts: %v", tt.url, user, password, db, contexts)
		}
		if (secure != nil) != strings.HasPrefix(tt.url, "rediss") || secure != nil && secure.InsecureSkipVerify {
			t.Errorf("%s: TLS %+v", tt.url, secure)
		}
		client := target.client()
		if err := client.Close(); err != nil {
			t.Errorf("%s: %v", tt.url, err)
		}
	}
}

func TestRedisURLRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, says string }{
		{"", "redis://"},
		{"127.0.0.1:6379", "redis://"},
		{"http://127.0.0.1:6379", "redis://"},
		{"REDIS://127.0.0.1:6379", "redis://"},
		{"redis://", "HOST:PORT"},
		{"redis://:6379", "HOST:PORT"},
		{"redis://::1", "brackets"},
		{"redis://cache:0", "1 to 65535"},
		{"redis://cache:65536", "1 to 65535"},
		{"redis://cache:redis", "1 to 65535"},
		{"redis://cache:6379/cache", "database"},
		{"redis://cache:6379/1/2", "path"},
		{"redis://cache:6379?colour=red", "colour"},
		{"redis://cache:6379?read_timeout=soon", "read_timeout"},
		{"redis://cache:6379?read_timeout=%zz", "cannot be read"},
		{"redis://cache:6379#x", "cannot be read"},
		{"redis://a b:6379", "cannot be read"},
		{"redis://ann:secret%zz@cache:6379", "cannot be read"},
		{"redis://ann:secret/x@cache:6379", "cannot be read"},
		{"redis://ann:1/secret@cache:6379", "cannot be read"},
		{"redis://ann:1?secret@cache:6379", "secret@cache"}, // an option, for all that can be told
		{"redis://a:1,b", "HOST:PORT"},
		{"redis://a,b:1", "HOST:PORT"},
		{"redis://a:1,", "HOST:PORT"},
		{"redis://a:1,b:2/1", "database"},
		{"redis://a:1?addr=b:2", "comma"},
		{"sentinel://a:1", "master"},
		{"sentinel://a:1/", "master"},
		{"sentinel://a:1/x/y", "master"},
		{"sentinel://a/x", "HOST:PORT"},
		{"sentinel://a:1/x?route_by_latency=true", "replicas"},
		{"sentinel://a:1/x?db=two", "database"},
	} {
		var stdout, stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := run(ctx, []string{"-addr", "127.0.0.1:0", "-redis", tt.url}, &stdout, &stderr)
		cancel()
		if exitCode(err) != 2 || !strings.HasPrefix(err.Error(), "-redis: ") || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q: exit code %d with %v, want 2 with %q", tt.url, exitCode(err), err, tt.says)
		}
		if err != nil && tt.says != "secret@cache" && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the password is in the error %v", tt.url, err)
		}
		if stdout.Len() > 0 {
			t.Errorf("%q: printed %s", tt.url, &stdout)
		}
	}
}

// TestRedisUnreachable: whatever the Redis does instead of answering, the demo
// says so, soon.
func TestRedisUnreachable(t *testing.T) {
	t.Parallel()
	frozen, plain, full := redistest.Start(t), redistest.Start(t), redistest.Start(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction")
	node := redistest.Start(t, "--cluster-enabled", "yes") // of a Cluster, and without slots
	locked := redistest.Start(t, "--user", "default", "on", ">secret-of-redis", "~*", "+ping")
	frozen.Freeze()
	refuses := plain.Proxy(t)
	refuses.Refuse()
	nobody := refuses.Addr
	for _, tt := range []struct{ sentence, url, says string }{
		{"nobody listens", "redis://" + nobody, "cannot reach the Redis at " + nobody},
		{"nobody listens, Cluster", "redis://" + nobody + "," + nobody, "cannot reach the Redis Cluster at " + nobody},
		{"nobody listens, Sentinel", "sentinel://" + nobody + "/m", "cannot reach the Redis master"},
		{"nobody answers", "redis://" + frozen.Addr, "cannot reach"},
		{"nobody answers, Cluster", "redis://" + frozen.Addr + "," + frozen.Addr, "cannot reach"},
		{"nobody answers, Sentinel", "sentinel://" + frozen.Addr + "/m", "cannot reach"},
		{"no Cluster", "redis://" + plain.Addr + "," + plain.Addr, "cluster support disabled"},
		{"no sentinel", "sentinel://" + plain.Addr + "/m", "cannot reach"},
		{"a Cluster that is down", "redis://" + node.Addr, "CLUSTERDOWN"},
		{"no TLS", "rediss://" + plain.Addr, "cannot reach"},
		{"a wrong password", "redis://:secret@" + locked.Addr, "WRONGPASS"},
		{"a Redis that is full", "redis://" + full.Addr, "OOM"},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience(20*time.Second))
			defer cancel()
			begin := time.Now()
			err := run(ctx, []string{"-addr", "127.0.0.1:0", "-redis", tt.url}, &stdout, &stderr)
			if exitCode(err) != 1 || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("exit code %d with %v, want 1 with %q", exitCode(err), err, tt.says)
			}
			if took := time.Since(begin); took > testenv.Patience(10*time.Second) {
				t.Errorf("it took %v", took)
			}
			for _, out := range []string{stdout.String(), stderr.String(), err.Error()} {
				if slices.Contains(strings.FieldsFunc(out, func(r rune) bool { return r == ':' || r == '@' || r == ' ' }), "secret") {
					t.Errorf("the password is in %s", out)
				}
			}
		})
	}
}
