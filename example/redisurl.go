package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisForms is the help on -redis.
const redisForms = `one server:  redis://[USER:PASSWORD@]HOST[:PORT][/DB]
a Cluster:   redis://[USER:PASSWORD@]HOST:PORT,HOST:PORT,...
with TLS:    rediss:// instead of redis://
Sentinel:    sentinel://HOST:PORT,HOST:PORT,.../MASTER[?username=USER&password=PASSWORD][&db=DB]
and after a ? the options of go-redis, as in ?read_timeout=1s`

// A redisTarget is one of the three kinds of Redis.
type redisTarget struct {
	server   *redis.Options
	cluster  *redis.ClusterOptions
	sentinel *redis.FailoverOptions
}

// parseRedisURL reads the forms of redisForms. What stands before an @ in a
// Sentinel's URL signs in to the sentinels.
//
// It takes URLs apart itself and leaves the options to go-redis: package
// net/url accepts no list of hosts. Errors never repeat the URL, which may hold
// a password.
func parseRedisURL(raw string) (*redisTarget, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || scheme != "redis" && scheme != "rediss" && scheme != "sentinel" {
		return nil, errors.New("must begin with redis://, rediss:// or sentinel://")
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	user := ""
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, authority = authority[:i+1], authority[i+1:]
	}
	path, options, _ := strings.Cut(tail, "?")
	query, err := url.ParseQuery(options)
	if err != nil || strings.Contains(tail, "#") || strings.Contains(path, "@") {
		return nil, errNotURL
	}
	if query.Has("addr") {
		return nil, errors.New("takes further hosts after a comma, not as addr=")
	}
	hosts := strings.Split(authority, ",")
	if err := checkHosts(hosts, scheme == "sentinel" || len(hosts) > 1); err != nil {
		return nil, err
	}
	// The form in which go-redis takes further hosts.
	first := func(scheme, path string) string {
		query["addr"] = hosts[1:]
		return scheme + "://" + user + hosts[0] + path + "?" + query.Encode()
	}
	t := &redisTarget{}
	switch {
	case scheme == "sentinel":
		master := strings.Trim(path, "/")
		if master == "" || strings.Contains(master, "/") {
			return nil, errors.New("must name the master: sentinel://HOST:PORT,HOST:PORT/MASTER")
		}
		if query.Has("route_by_latency") || query.Has("route_randomly") || query.Has("replica_only") {
			return nil, errors.New("must not send anything to replicas, which may be behind")
		}
		query.Set("master_name", master)
		t.sentinel, err = redis.ParseFailoverURL(first("redis", ""))
	case len(hosts) > 1:
		if strings.Trim(path, "/") != "" {
			return nil, errors.New("must not name a database: a Cluster has only one")
		}
		t.cluster, err = redis.ParseClusterURL(first(scheme, ""))
	default:
		t.server, err = redis.ParseURL(first(scheme, path))
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return nil, errNotURL
	}
	if err != nil {
		return nil, err // names an option, or the database
	}
	t.setDefaults()
	return t, nil
}

// errNotURL does not say where: a password with a slash in it looks like a path.
var errNotURL = errors.New("cannot be read; special characters in a password have to be percent-encoded")

// checkHosts checks what go-redis takes as it is.
func checkHosts(hosts []string, ports bool) error {
	for _, h := range hosts {
		host, port, err := net.SplitHostPort(h)
		if err != nil && !ports {
			host, port, err = strings.Trim(h, "[]"), "6379", nil
			if strings.Contains(host, ":") && !strings.HasPrefix(h, "[") {
				return errors.New("must have brackets around an IPv6 address")
			}
		}
		if err != nil || host == "" {
			return errors.New("must name hosts as HOST:PORT, with commas between them")
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("has a port that is not 1 to 65535")
		}
	}
	return nil
}

// setDefaults has calls end with their contexts and fail fast: trying again is
// up to whoever asked. What the URL says stays.
func (t *redisTarget) setDefaults() {
	set := func(dialTimeout *time.Duration, dialerRetries *int, contextTimeout *bool) {
		if *dialTimeout == 0 {
			*dialTimeout = time.Second
		}
		if *dialerRetries == 0 {
			*dialerRetries = 1
		}
		*contextTimeout = true
	}
	switch {
	case t.cluster != nil:
		set(&t.cluster.DialTimeout, &t.cluster.DialerRetries, &t.cluster.ContextTimeoutEnabled)
		// A replica may be behind, and a password that was reset comes back.
		t.cluster.ReadOnly, t.cluster.RouteByLatency, t.cluster.RouteRandomly = false, false, false
	case t.sentinel != nil:
		set(&t.sentinel.DialTimeout, &t.sentinel.DialerRetries, &t.sentinel.ContextTimeoutEnabled)
	default:
		set(&t.server.DialTimeout, &t.server.DialerRetries, &t.server.ContextTimeoutEnabled)
	}
}

// client connects with the first command.
func (t *redisTarget) client() redis.UniversalClient {
	switch {
	case t.cluster != nil:
		return redis.NewClusterClient(t.cluster)
	case t.sentinel != nil:
		return redis.NewFailoverClient(t.sentinel)
	}
	return redis.NewClient(t.server)
}

// String says what it is, without a password.
func (t *redisTarget) String() string {
	switch {
	case t.cluster != nil:
		return "the Redis Cluster at " + strings.Join(t.cluster.Addrs, ", ")
	case t.sentinel != nil:
		return fmt.Sprintf("the Redis master %q of the sentinels at %s", t.sentinel.MasterName, strings.Join(t.sentinel.SentinelAddrs, ", "))
	}
	return "the Redis at " + t.server.Addr
}
