package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// asProgram names the environment variable that makes the test binary the
// example itself, so that a test can kill it.
const asProgram = "RECOVERY_EXAMPLE_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	redistest.QuietClients()
	os.Exit(sqltest.Main(m))
}

func TestTwoInstancesOnOneRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := pair(t, "redis://"+server.Addr)
	for _, says := range []string{
		"the Redis at " + server.Addr, "THE KEYS ARE FIXED", "Anybody who has read this source can forge\n  tokens", "never use these keys", "look into its outbox",
	} {
		if !strings.Contains(a.stdout.String(), says) {
			t.Errorf("the banner lacks %q", says)
		}
	}
	j := &journey{from: a, to: b, now: demoPassword}
	j.leadSquared()
	j.loginRadius()
	j.loginRadiusCode()
	j.own()
	j.ownToken()
	j.changes()
	j.from, j.to = b, a
	j.leadSquared()
	j.loginRadius()
	j.own()
	secrets := j.secrets

	// What is still good at the end must not be readable either.
	lsqForgot(a)
	a.post(lrOTP, `{"phone":"+14-157415569"}`)
	_, link := a.link(3)
	secrets = append(secrets, link.Get("TemporaryPassword"), a.messages("reset-code", 2)[1].Code)
	for _, who := range []string{"nobody@example.com", "disabled@example.com", "social@example.com"} {
		a.post("/forgot-password", fmt.Sprintf(`{"email":%q}`, who))
		a.want(who, a.login(who, demoPassword), 401, "")
		secrets = append(secrets, who)
	}
	secrets = append(secrets,
		"johnwick", "john.alt", "example.com", "4157415569", "157415569", demoPAN, demoUsername, demoLeadID, "John Wick", "google", "argon2id",
		"127.0.0.1", "::1", string(demoKey[:]), lsqSecretKey, lrAPISecret, ownTokenKey)
	noneOf(t, server.Client(t), secrets)
	if n := count(b.outbox())["reset-link"]; n != 2 {
		t.Errorf("%d links in the outbox of the other instance, want its own two", n)
	}

	// A third one finds what is there, and begins nothing anew.
	c := start(t, "-relaxed-limits", "-redis", "redis://"+server.Addr)
	c.want("the first password", c.login(demoEmail, demoPassword), 401, "")
	c.want("the newest password", c.login(demoEmail, j.now), 200, "")
	c.want("a link of another", c.post(lsqReset, lsqBody(link, "Continental-coins-for-a-room-9"), lsqHeaders...), 200, "")
	a.want("a reset by another", a.login(demoEmail, "Continental-coins-for-a-room-9"), 200, "")
	var all []delivered
	for _, d := range []*demo{a, b, c} {
		all = append(all, d.outbox()...)
	}
	for _, d := range []*demo{a, b, c} {
		if err := d.stop(); err != nil {
			t.Errorf("run returned %v, want nil after its context ended", err)
		}
		noSecrets(t, d.stderr.String(), all)
	}
}

// noneOf looks for secrets in all that Redis holds, as they are and as they
// may be encoded.
func noneOf(t *testing.T, client *redis.Client, secrets []string) {
	t.Helper()
	// A script sees one moment. Between two commands a key may expire.
	found, err := client.Eval(t.Context(), `
		local found = {}
		for _, name in ipairs(redis.call('KEYS', '*')) do
			found[#found+1] = {name, redis.call('GET', name), redis.call('PTTL', name)}
		end
		return found`, nil).Slice()
	if err != nil {
		t.Fatal(err) // also if a key is no string
	}
	kinds := map[string]int{}
	var all strings.Builder
	for _, row := range found {
		fields := row.([]any)
		name, value, ms := fields[0].(string), fields[1].(string), fields[2].(int64)
		if !strings.HasPrefix(name, demoPrefix+":") || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("key %q", name)
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(name, demoPrefix+":"), ":")
		kinds[kind]++
		if ttl := time.Duration(ms) * time.Millisecond; ttl <= 0 || ttl > 31*24*time.Hour {
			t.Errorf("%s lives for %v", name, ttl)
		}
		all.WriteString(name + "\n" + value + "\n")
	}
	t.Logf("keys by kind: %v", kinds)
	if kinds["lead"] != 5 || kinds["index"] != 8 || kinds["sessions"] == 0 || kinds["guesses"] == 0 || len(kinds) < 6 {
		t.Errorf("keys %v, so this proves nothing", kinds)
	}
	text := strings.ToLower(all.String())
	for _, secret := range secrets {
		if len(secret) < 3 {
			t.Fatalf("%q is no secret", secret)
		}
		for _, form := range []string{
			secret, hex.EncodeToString([]byte(secret)), strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
			base64.RawURLEncoding.EncodeToString([]byte(secret)),
		} {
			if strings.Contains(text, strings.ToLower(form)) {
				t.Errorf("Redis holds %q", form)
			}
		}
	}
}

func TestSharedLimits(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := pair(t, "redis://"+server.Addr)
	t.Run("25 in 5 s over both", func(t *testing.T) {
		begin, refused := time.Now(), 0
		for i := range 26 {
			d := []*demo{a, b}[i%2]
			r := d.post("/api/Authentication/SecureForgotPassword", `{"EmailAddress":"nobody@example.com"}`, "Authorization: "+lsqPublicAuthKey)
			if r.status == 429 && strings.Contains(r.body, "API calls exceeded the limit of 25 in 5 second(s)") {
				refused++
			} else if r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
		}
		if took := time.Since(begin); refused != 1 && took < 5*time.Second {
			t.Errorf("%d of 26 calls in %v were refused, want 1", refused, took)
		}
	})
	t.Run("guesses at logins over both", func(t *testing.T) {
		strict := []*demo{start(t, "-redis", "redis://"+server.Addr), start(t, "-redis", "redis://"+server.Addr)}
		begin, refused := time.Now(), 0
		for i := range 22 {
			// Nobody can have this password, so it is not worth a hash.
			r := strict[i%2].login("nobody@example.com", "\u0378")
			if r.status == 429 {
				refused++
			} else if r.status != 401 {
				t.Fatalf("%d %s", r.status, r.body)
			}
		}
		if took := time.Since(begin); refused != 2 && took < time.Minute {
			t.Errorf("%d of 22 guesses in %v were refused, want 2", refused, took)
		}
	})
}

// TestRedisTopologies: the other two forms of the URL, each the whole way from
// one instance to the other.
func TestRedisTopologies(t *testing.T) {
	t.Parallel()
	t.Run("Cluster", func(t *testing.T) {
		t.Parallel()
		cluster := redistest.StartCluster(t)
		a, b := pair(t, "redis://"+strings.Join(cluster.Addrs(), ","))
		if !strings.Contains(a.stdout.String(), "the Redis Cluster at "+strings.Join(cluster.Addrs(), ", ")) {
			t.Error("the banner does not name the Cluster")
		}
		j := &journey{from: a, to: b, now: demoPassword}
		j.leadSquared()
		j.loginRadius()
		j.changes()
		// The form for one server does not do.
		err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-redis", "redis://" + cluster.Nodes[0].Addr}, newOutput(), newOutput())
		if exitCode(err) != 1 || !strings.Contains(err.Error(), "several of its hosts") {
			t.Errorf("exit code %d with %v", exitCode(err), err)
		}
	})
	t.Run("Sentinel", func(t *testing.T) {
		t.Parallel()
		sentinel := redistest.StartSentinel(t)
		a, b := pair(t, "sentinel://"+strings.Join(sentinel.Addrs(), ",")+"/"+redistest.MasterName)
		if !strings.Contains(a.stdout.String(), `the Redis master "recovery" of the sentinels at `) {
			t.Error("the banner does not name the master")
		}
		j := &journey{from: a, to: b, now: demoPassword}
		j.leadSquared()
		j.loginRadius()
	})
}

// TestRedisDown: nothing is let through, every answer has the shape of its API,
// no link is burnt, and all goes on when Redis is back.
func TestRedisDown(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := server.Proxy(t)
	d := start(t, "-relaxed-limits", "-redis", "redis://"+proxy.Addr)
	lsqForgot(d)
	_, link := d.link(1)
	token := d.post(lrForgotToken, `{"Username":"john_doe"}`).json(t)["ForgotToken"]
	issued := d.post("/forgot-token", `{"email":"johnwick@example.com"}`, ownBearer).json(t)["token"]
	in := d.login(demoEmail, demoPassword)
	d.want("login", in, 200, "")
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	sent := len(d.outbox())

	outages := []struct {
		sentence  string
		down, up  func()
		forgetful bool
	}{
		{"nothing answers", func() { proxy.Refuse(); proxy.CutAll() }, proxy.Accept, false},
		{"it hangs", server.Freeze, server.Thaw, false},
		{"it is killed, and comes back empty", server.Kill, server.Restart, true},
	}
	for _, outage := range outages {
		outage.down()
		begin := time.Now()
		var wg sync.WaitGroup
		for _, tt := range []struct {
			sentence string
			ask      func() answer
			shape    string
		}{
			{"LeadSquared forgot", func() answer { return lsqForgot(d) }, `"ExceptionType"`},
			{"LeadSquared reset", func() answer {
				return d.post(lsqReset, lsqBody(link, secondPassword), lsqHeaders...)
			}, `"ExceptionType"`},
			{"LoginRadius forgot", func() answer {
				return d.post("/identity/v2/auth/password?apikey=demo-api-key", `{"email":"johnwick@example.com"}`)
			}, `"ErrorCode"`},
			{"LoginRadius forgot token", func() answer { return d.post(lrForgotToken, `{"Username":"john_doe"}`) }, `"ErrorCode"`},
			{"LoginRadius reset", func() answer { return d.put(lrReset, lrBody(token, secondPassword)) }, `"ErrorCode"`},
			{"own forgot", func() answer { return d.post("/forgot-password", `{"email":"johnwick@example.com"}`) }, `"status":503`},
			{"own forgot token", func() answer { return d.post("/forgot-token", `{"email":"johnwick@example.com"}`, ownBearer) }, `"status":503`},
			{"own reset", func() answer { return d.post("/reset-password", ownBody(issued, secondPassword)) }, `"status":503`},
			{"login", func() answer { return d.login(demoEmail, demoPassword) }, `{"Error":"temporarily unavailable"}`},
			{"login with a wrong password", func() answer { return d.login(demoEmail, secondPassword) }, `{"Error":"temporarily unavailable"}`},
			{"sessions", func() answer { return d.get("/sessions.json") }, `{"Error":"temporarily unavailable"}`},
			{"front page of somebody signed in", func() answer { return d.do("GET", "/", "", "Cookie: "+cookie) }, "<html"},
			{"page to sign in", func() answer {
				return d.form("/sign-in", url.Values{"email": {demoEmail}, "password": {demoPassword}})
			}, "<html"},
			{"page to ask for a link", func() answer { return d.form(accountPath+"/forgot", url.Values{"identifier": {demoEmail}}) }, "<html"},
		} {
			wg.Go(func() {
				if r := tt.ask(); r.status != 503 || r.header.Get("Retry-After") == "" || !strings.Contains(r.body, tt.shape) {
					t.Errorf("%s, %s: %d %v %s, want 503 with %s", outage.sentence, tt.sentence, r.status, r.header, r.body, tt.shape)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took > testenv.Patience(10*time.Second) {
			t.Errorf("%s: the answers took %v", outage.sentence, took)
		}
		d.want("the front page needs no Redis", d.get("/"), 200, "")
		outage.up()
		testenv.Eventually(t, 20*time.Second, "all goes on after: "+outage.sentence, func() bool {
			return d.get("/sessions.json").status == 200 && d.login("nobody@example.com", "x").status == 401
		})
		if outage.forgetful {
			continue
		}
		d.want("the old password", d.login(demoEmail, demoPassword), 200, "")
		if front := d.do("GET", "/", "", "Cookie: "+cookie); !strings.Contains(front.body, "John Wick") {
			t.Errorf("%s: the session is gone", outage.sentence)
		}
		d.want("no link is burnt", d.post("/check-token", fmt.Sprintf(`{"token":%q}`, issued)), 204, "")
		if outage.sentence == "it hangs" { // the last from which anything is left
			d.want("a reset by a token of before", d.put(lrReset, lrBody(token, thirdPassword)), 200, "")
			d.want("its password", d.login(demoEmail, thirdPassword), 200, "")
		}
	}
	// All of it is gone, and the demo's own people are back.
	d.want("a link of before", d.post(lsqReset, lsqBody(link, secondPassword), lsqHeaders...), 400, "")
	d.want("no session", d.get("/sessions.json"), 200, "[]")
	d.want("the first password", d.login(demoEmail, demoPassword), 200, "")
	lsqForgot(d)
	_, link = d.link(2)
	d.want("a new link", d.post(lsqReset, lsqBody(link, secondPassword), lsqHeaders...), 200, "")
	d.want("the new password", d.login(demoEmail, secondPassword), 200, "")
	d.messages("password-changed", 6)
	if n := len(d.outbox()); n != sent+7 {
		t.Errorf("%d messages, %d before the outages and 7 of a link and two resets since", n, sent)
	}
}
