package redisstore_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// racerVariable holds "ADDR PREFIX TOKENS CONTEXTS" for a process that claims.
const racerVariable = "REDISSTORE_TEST_RACER"

const racers = 64

// racerMain is the other process: it claims every token with 64 callers, and
// prints one line for each that it won.
func racerMain() int {
	f := strings.Fields(os.Getenv(racerVariable))
	tokens, _ := strconv.Atoi(f[2])
	client := redis.NewClient(&redis.Options{Addr: f[0], ContextTimeoutEnabled: f[3] == "true"})
	defer func() { _ = client.Close() }()
	s, err := redisstore.New(client, redisstore.Options{Timeout: time.Minute})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	for _, won := range claimAll(s, f[1], tokens, strconv.Itoa(os.Getpid())) {
		fmt.Println(won)
	}
	return 0
}

// claimAll has 64 callers claim each token, and returns which were won and
// what went wrong.
func claimAll(s recovery.TokenStore, prefix string, tokens int, id string) []string {
	var mu sync.Mutex
	var lines []string
	var wg sync.WaitGroup
	for r := range racers {
		wg.Go(func() {
			for i := range tokens {
				ref := recovery.TokenRef{Slot: prefix + strconv.Itoa(i), Digest: "digest"}
				_, err := s.Claim(context.Background(), fmt.Sprintf("%sr%d", id, r), ref)
				if errors.Is(err, recovery.ErrTokenNotFound) {
					continue
				}
				line := "won " + strconv.Itoa(i)
				if err != nil {
					line = "error " + err.Error()
				}
				mu.Lock()
				lines = append(lines, line)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return lines
}

// A33, A54: however many processes and callers race for a token, one wins.
func TestTwoProcessesHaveOneWinner(t *testing.T) {
	server := redistest.Start(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			tokens := size(200, 2000, 400)
			s := newStore(t, server.Client(t), nil)
			prefix := fresh("race") + ":"
			for i := range tokens {
				if _, err := s.Put(t.Context(), prefix+strconv.Itoa(i), link("digest")); err != nil {
					t.Fatal(err)
				}
			}
			var lines []string
			var mu sync.Mutex
			var ready, ended sync.WaitGroup
			start := make(chan struct{})
			for range 2 {
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %v", racerVariable, server.Addr, prefix, tokens, way.name == "contexts"))
				cmd.Stderr = os.Stderr
				in, err := cmd.StdinPipe()
				must(t, err)
				out, err := cmd.StdoutPipe()
				must(t, err)
				must(t, cmd.Start())
				ready.Add(1)
				ended.Go(func() {
					scanner := bufio.NewScanner(out)
					scanner.Scan()
					ready.Done()
					<-start
					_, _ = in.Write([]byte("go\n"))
					for scanner.Scan() {
						mu.Lock()
						lines = append(lines, scanner.Text())
						mu.Unlock()
					}
					if err := cmd.Wait(); err != nil {
						t.Error(err)
					}
				})
			}
			ready.Wait()
			close(start)
			ended.Wait()
			winners := map[string]int{}
			for _, line := range lines {
				winners[line]++
			}
			for line, n := range winners {
				if n != 1 || !strings.HasPrefix(line, "won ") {
					t.Errorf("%q %d times", line, n)
				}
			}
			if len(winners) != tokens || len(lines) != tokens {
				t.Errorf("%d winners of %d tokens, want %d", len(lines), len(winners), tokens)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A54: sixteen instances that know nothing of each other admit 25 together.
func TestSixteenLimitersAdmitExactly25(t *testing.T) {
	server := redistest.Start(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			var keys [8]string
			var admitted [8]atomic.Int64
			for i := range keys {
				keys[i] = fresh("log")
			}
			var wg sync.WaitGroup
			for range 16 {
				s := newStore(t, server.Client(t, way.client...), nil)
				for range racers {
					wg.Go(func() {
						for i, key := range keys {
							d, err := s.Allow(context.Background(), recovery.LimitRequest{Key: key, Policy: limit})
							if err != nil {
								t.Error(err)
							} else if d[0].Allowed {
								admitted[i].Add(1)
							}
						}
					})
				}
			}
			wg.Wait()
			for i := range keys {
				if n := admitted[i].Load(); n != 25 {
					t.Errorf("key %d admitted %d calls, want 25", i, n)
				}
			}
		})
	}
}

// A33, A54, A91: the same while the Cluster's masters change, in good order
// and by a crash. A crash may lose what was written last, so there a token can
// be won again; that it cannot be used again is [TestRestoredTokenIsDead].
func TestFailoverOfAClusterHasOneWinner(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	tokens := size(100, 300, 100)
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: 2 * time.Second}}}
	s := newStore(t, cluster.Client(t), nil)
	var refs []recovery.TokenRef
	var logs [8]string
	for range tokens {
		refs = append(refs, put(t, s))
	}
	for i := range logs {
		logs[i] = fresh("log")
	}
	wins := make([]atomic.Int64, tokens)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	// Also where a wait below is fatal: racers must not outlive it.
	end := sync.OnceFunc(func() { close(stop); wg.Wait() })
	defer end()
	// A second instance, as another process has it.
	for n, s := range []*redisstore.Store{s, newStore(t, cluster.Client(t), nil)} {
		for r := range size(8, 16, 16) {
			wg.Go(func() {
				id := fmt.Sprintf("n%dr%d", n, r)
				won := make([]bool, tokens)
				for round := 0; ; round++ {
					select {
					case <-stop:
						return
					default:
					}
					i := (round*7 + r) % tokens
					if _, err := s.Claim(context.Background(), id, refs[i]); err == nil && !won[i] {
						won[i] = true
						wins[i].Add(1)
					}
					_, _ = s.Allow(context.Background(), recovery.LimitRequest{Key: logs[round%8], Policy: tier})
					// Room for the servers, which share these cores.
					time.Sleep(4 * time.Millisecond)
				}
			})
		}
	}
	for i := range size(1, 3, 3) {
		cluster.Failover(t, refs[i].Slot)
		cluster.WaitHealthy(t)
		for _, key := range logs {
			checkLog(t, cluster.MasterOf(t, key).Client(t), key, tier)
		}
	}
	end()
	for i := range refs {
		_, _ = s.Claim(context.Background(), "last", refs[i])
		if n := wins[i].Load(); n > 1 {
			t.Errorf("token %d was won %d times", i, n)
		}
	}
	works(t, s)
	t.Run("a crash", func(t *testing.T) {
		s := newStore(t, cluster.Client(t), nil)
		tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: 2 * time.Second}}}
		key := fresh("log")
		stop := make(chan struct{})
		var wg sync.WaitGroup
		end := sync.OnceFunc(func() { close(stop); wg.Wait() })
		defer end()
		for range 16 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = s.Allow(context.Background(), recovery.LimitRequest{Key: key, Policy: tier})
						time.Sleep(4 * time.Millisecond)
					}
				}
			})
		}
		old := cluster.KillMaster(t, key)
		survivor := cluster.WaitFailover(t, key, old)
		checkLog(t, survivor.Client(t), key, tier)
		end()
		t.Logf("works again after %v", works(t, s))
		checkLog(t, survivor.Client(t), key, tier)
	})
}

// checkLog reads a log as take.lua packs it: a flag, seven bytes of time, and
// the calls of four bytes each.
func checkLog(t *testing.T, node *redis.Client, key string, tier recovery.LimitPolicy) {
	t.Helper()
	raw, err := node.Get(context.Background(), key).Bytes()
	if errors.Is(err, redis.Nil) {
		return
	}
	must(t, err)
	if len(raw) < 12 || len(raw)%4 != 0 || raw[0] != 0 {
		t.Fatalf("a log of %d bytes", len(raw))
	}
	var calls []uint32
	for b := raw[8:]; len(b) > 0; b = b[4:] {
		calls = append(calls, binary.BigEndian.Uint32(b))
	}
	n, window := tier.Limits[0].N, uint32(tier.Limits[0].Window/time.Microsecond)
	for i := n; i < len(calls); i++ {
		if age := calls[i] - calls[i-n]; age < window {
			t.Errorf("%s: %d calls within %d us", key, n+1, age)
		}
	}
}
