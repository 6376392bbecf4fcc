package redisstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

const (
	// chunkVariable holds "ADDR PREFIX" for a process that is told on its
	// standard input which tokens to race for.
	chunkVariable = "REDISSTORE_TEST_CHUNKS"
	// tokensVariable is how many tokens are raced for, by default few:
	//
	//	RECOVERY_T2_TOKENS=1000000 go test -run OneWinnerWhateverBreaks -timeout 2h ./redisstore
	tokensVariable = "RECOVERY_T2_TOKENS"
)

// chunkMain is a process with half of the racers. For each line "FROM TO" they
// all claim these tokens, each until it knows who has won, and say so.
func chunkMain() int {
	addr, prefix, _ := strings.Cut(os.Getenv(chunkVariable), " ")
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = client.Close() }()
	s, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	var repeated atomic.Int64
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var from, to int
		if _, err := fmt.Sscan(in.Text(), &from, &to); err != nil {
			fmt.Println("error", err)
			return 1
		}
		var wg sync.WaitGroup
		for r := range racers / 2 {
			wg.Go(func() {
				id := fmt.Sprintf("p%dr%d", os.Getpid(), r)
				for i := from; i < to; i++ {
					ref := recovery.TokenRef{Slot: prefix + strconv.Itoa(i), Digest: "digest"}
					for {
						_, err := s.Claim(context.Background(), id, ref)
						if err == nil {
							fmt.Println("won", i)
						}
						if err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
							break
						}
						repeated.Add(1)
						time.Sleep(5 * time.Millisecond)
					}
				}
			})
		}
		wg.Wait()
		fmt.Println("done", repeated.Swap(0))
	}
	return 0
}

// A chunkProcess is one that runs [chunkMain].
type chunkProcess struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string // closed when the process has ended
}

func startChunks(t *testing.T, addr, prefix string) *chunkProcess {
	t.Helper()
	p := &chunkProcess{cmd: exec.CommandContext(t.Context(), os.Args[0]), lines: make(chan string, 1024)}
	p.cmd.Env = append(os.Environ(), chunkVariable+"="+addr+" "+prefix)
	p.cmd.Stderr = os.Stderr
	var err error
	p.in, err = p.cmd.StdinPipe()
	must(t, err)
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	go func() {
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			p.lines <- scanner.Text()
		}
		_ = p.cmd.Wait()
		close(p.lines)
	}()
	return p
}

// A33, A54, T2: two processes of 32 callers each race for every token, while
// replies are lost, connections are cut, Redis freezes, is killed and comes back
// from its log, and the processes are killed as well. No token has two winners.
func TestOneWinnerWhateverBreaks(t *testing.T) {
	tokens, chunk, pause := size(800, 2000, 1000), size(50, 100, 100), 300*time.Millisecond
	if v := os.Getenv(tokensVariable); v != "" {
		n, err := strconv.Atoi(v)
		must(t, err)
		// Rarely enough that batching, which rests for a while after trouble,
		// has its share.
		tokens, chunk, pause = n, 500, 10*time.Second
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	// What was acknowledged is written, so that a crash of the process loses no
	// claim ("no" leaves out the fsync, and with it the delay of writes behind
	// one). What protects those who lose more is TestRestoredTokenIsDead.
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "no")
	proxy := server.Proxy(t)
	direct := newStore(t, server.Client(t), func(o *redisstore.Options) { o.Timeout = time.Minute })
	prefix := fresh("race") + ":"
	each := func(f func(i int)) {
		var wg sync.WaitGroup
		for r := range racers {
			wg.Go(func() {
				for i := r; i < tokens; i += racers {
					f(i)
				}
			})
		}
		wg.Wait()
	}
	each(func(i int) {
		spec := link("digest")
		spec.TTL = 3 * time.Hour
		if _, err := direct.Put(t.Context(), prefix+strconv.Itoa(i), spec); err != nil {
			t.Error(err)
		}
	})

	var processes [2]atomic.Pointer[chunkProcess]
	for i := range processes {
		processes[i].Store(startChunks(t, proxy.Addr, prefix))
	}
	var kills atomic.Int64
	broke := map[string]int{}
	stop, breaking := make(chan struct{}), sync.WaitGroup{}
	end := sync.OnceFunc(func() { close(stop); breaking.Wait() })
	defer end()
	breaking.Go(func() {
		random := rand.New(rand.NewPCG(seed, 0))
		within := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
		for n := 0; ; n++ {
			rest := pause
			if n <= 5 && !testenv.Long() {
				rest /= 4 // so that the short form has each kind
			}
			select {
			case <-stop:
				proxy.Clear()
				return
			case <-time.After(rest/2 + within(rest)):
			}
			d := redistest.Direction(random.IntN(2))
			// Each once, and then by chance, the dear ones less often.
			kind := n
			if n > 5 {
				kind = random.IntN(12)
			}
			switch kind {
			case 0:
				broke["process killed"]++
				kills.Add(1)
				_ = processes[random.IntN(2)].Load().cmd.Process.Kill()
			case 1:
				broke["Redis killed"]++
				server.Kill()
				time.Sleep(within(300 * time.Millisecond))
				server.Restart()
			case 2:
				broke["Redis frozen"]++
				server.Freeze()
				time.Sleep(within(600 * time.Millisecond))
				server.Thaw()
			case 3:
				broke["cut off"]++
				proxy.CutAll()
			case 4:
				broke["reset"]++
				proxy.Set(d, redistest.Fault{Mode: redistest.Reset, Commands: runs, Times: 1, After: random.IntN(20)})
			case 5, 6, 7:
				broke["swallowed"]++
				proxy.Set(d, redistest.Fault{Mode: redistest.Swallow, Commands: runs, Times: 1 + random.IntN(20)})
			default:
				broke["late"]++
				proxy.Set(d, redistest.Fault{Delay: within(400 * time.Millisecond), Commands: runs, Times: 1 + random.IntN(5)})
			}
		}
	})

	wins := make([]uint8, tokens)
	repeated, began, told := 0, time.Now(), time.Now()
	for from := 0; from < tokens; from += chunk {
		give := func(p *chunkProcess) { _, _ = fmt.Fprintln(p.in, from, min(from+chunk, tokens)) }
		for i := range processes {
			give(processes[i].Load())
		}
		for i := range processes {
			p := processes[i].Load()
			for ended := false; !ended; {
				line, ok := <-p.lines
				if !ok {
					p = startChunks(t, proxy.Addr, prefix)
					processes[i].Store(p)
					give(p)
					continue
				}
				var n int
				switch _, err := fmt.Sscanf(line, "won %d", &n); {
				case err == nil:
					wins[n]++
				case strings.HasPrefix(line, "done "):
					_, _ = fmt.Sscanf(line, "done %d", &n)
					repeated += n
					ended = true
				default:
					t.Fatal(line)
				}
			}
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			t.Logf("%v: %d tokens", time.Since(began).Round(time.Second), from)
		}
	}
	end()
	took := time.Since(began)
	var lost, alive atomic.Int64
	works(t, direct)
	each(func(i int) {
		if wins[i] > 1 {
			t.Errorf("token %d has %d winners", i, wins[i])
		}
		if wins[i] == 0 {
			lost.Add(1)
		}
		ref := recovery.TokenRef{Slot: prefix + strconv.Itoa(i), Digest: "digest"}
		if _, err := direct.Claim(context.Background(), "afterwards", ref); !errors.Is(err, recovery.ErrTokenNotFound) {
			alive.Add(1)
		}
	})
	t.Logf("%d tokens x %d racers in %v, %d claims repeated, %d winners died before they could say so; %v",
		tokens, racers, took.Round(time.Second), repeated, lost.Load(), broke)
	if n := alive.Load(); n > 0 {
		t.Errorf("%d tokens can be won afterwards", n)
	}
	if n, most := lost.Load(), kills.Load()*racers/2; n > most {
		t.Errorf("%d tokens have no winner, and %d callers were killed", n, most)
	}
	if repeated == 0 {
		t.Error("nothing was lost, so this proves little")
	}
}
