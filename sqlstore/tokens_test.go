package sqlstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// A tokenWalk chooses operations at random, from few names, so that they meet.
type tokenWalk struct {
	rnd *rand.Rand
	ctx context.Context
}

func (w tokenWalk) oneOf(names ...string) string { return names[w.rnd.IntN(len(names))] }

func (w tokenWalk) refs(n int) []recovery.TokenRef {
	refs := make([]recovery.TokenRef, n)
	for i := range refs {
		refs[i] = recovery.TokenRef{Slot: w.oneOf("link", "code"), Digest: w.oneOf("a", "b", "c", "d", "e", "f", "g")}
		if refs[i].Code = w.rnd.IntN(2) == 0; refs[i].Code && refs[i].Slot == "code" {
			refs[i].Handle = w.oneOf("", "ann", "bob,-", "c#@")
		}
	}
	return refs
}

// step returns an operation, with which it answers a store.
func (w tokenWalk) step() (what string, do func(recovery.TokenLister) any) {
	type answer struct {
		token recovery.TokenRecord
		err   error
	}
	slots := []string{w.oneOf("link", "code", "nobody"), w.oneOf("link", "code")}
	id := w.oneOf("1", "2", "3")
	switch w.rnd.IntN(11) {
	case 0, 1, 2, 3:
		ref := w.refs(1)[0]
		spec := recovery.TokenSpec{Digest: ref.Digest, State: w.oneOf("", "-", "state"), TTL: time.Duration(5+w.rnd.IntN(20)) * time.Second, MaxLive: 2}
		if ref.Slot == "code" {
			spec.Code, spec.Handle, spec.MaxTries = true, ref.Handle, 3
			spec.MaxFailures, spec.FailureWindow = 4+w.rnd.IntN(3), 20*time.Second
		}
		return fmt.Sprintf("Put %s %+v", ref.Slot, spec), func(s recovery.TokenLister) any {
			token, err := s.Put(w.ctx, ref.Slot, spec)
			return answer{token, err}
		}
	case 4, 5, 6:
		refs := w.refs(1 + w.rnd.IntN(2))
		return fmt.Sprintf("Peek %+v", refs), func(s recovery.TokenLister) any {
			token, err := s.Peek(w.ctx, refs...)
			return answer{token, err}
		}
	case 7:
		// With two refs, the memory store claims one token and this one both.
		refs := w.refs(1)
		return fmt.Sprintf("Claim by %s %+v", id, refs), func(s recovery.TokenLister) any {
			token, err := s.Claim(w.ctx, id, refs...)
			return answer{token, err}
		}
	case 8:
		refs := w.refs(2)
		return fmt.Sprintf("Release by %s %+v", id, refs), func(s recovery.TokenLister) any { return s.Release(w.ctx, id, refs...) }
	case 9:
		refs := w.refs(w.rnd.IntN(3))
		return fmt.Sprintf("End %+v", refs), func(s recovery.TokenLister) any { return s.End(w.ctx, refs...) }
	default:
		if w.rnd.IntN(5) == 0 {
			return fmt.Sprintf("Delete %q", slots), func(s recovery.TokenLister) any { return s.Delete(w.ctx, slots...) }
		}
		return fmt.Sprintf("List %q", slots), func(s recovery.TokenLister) any {
			live, err := s.List(w.ctx, slots...)
			return [2]any{live, err}
		}
	}
}

// The store answers as MemoryTokenStore does, in every field, also about codes of
// several handles, lists and single tokens that are ended.
func TestTokensAgainstTheModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			w := tokenWalk{rand.New(rand.NewPCG(seed, 0)), t.Context()}
			var model, store recovery.TokenLister = recovery.NewMemoryTokenStore(), sqlstore.NewMemory()
			var before []string
			for range 300 {
				what, do := w.step()
				want, got := do(model), do(store)
				if fmt.Sprint(got) != fmt.Sprint(want) || !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: %s: %+v, want %+v. Before it:\n%s", seed, what, got, want, strings.Join(before[max(0, len(before)-20):], "\n"))
				}
				before = append(before, fmt.Sprintf("%s: %v", what, want))
				time.Sleep(time.Duration(w.rnd.IntN(2_000)) * time.Millisecond)
			}
		})
	}
}

// A code that is refused changes nothing of its slot, neither the codes nor the
// numbers that hold for it.
func TestRefusedCodeChangesNothing(t *testing.T) {
	t.Parallel()
	code := recovery.TokenSpec{Digest: "a", Handle: "ann", TTL: time.Hour, MaxLive: 1, Code: true, MaxTries: 9, MaxFailures: 3, FailureWindow: time.Hour}
	answer, record, err := sqlstore.Put("", code, 1)
	if answer != "found" || err != nil {
		t.Fatal(answer, err)
	}
	refused := func(what, want string, change func(*recovery.TokenSpec)) {
		t.Helper()
		other := code
		change(&other)
		answer, after, err := sqlstore.Put(record, other, 3)
		if answer != want || err != nil || after != record {
			t.Errorf("%s: %s, %v, want %s. The record was\n%s\nand is\n%s", what, answer, err, want, record, after)
		}
	}
	refused("another handle without room", "too many codes", func(s *recovery.TokenSpec) { s.Digest, s.Handle, s.MaxFailures = "b", "bob", 8 })
	for range 2 {
		_, record, _ = sqlstore.Peek(record, recovery.TokenRef{Digest: "wrong", Handle: "ann"}, 2)
	}
	refused("lower numbers", "too many guesses", func(s *recovery.TokenSpec) { s.Digest, s.MaxFailures = "b", 2 })
	if answer, _, err := sqlstore.Peek(record, recovery.TokenRef{Digest: "a"}, 3); answer != "found" || err != nil {
		t.Errorf("the code in use after that: %s, %v, want found", answer, err)
	}
	// The code in use is judged by the numbers of this Put, and then by its own.
	lenient := code
	lenient.MaxFailures = 9
	if answer, after, err := sqlstore.Put(record, lenient, 3); answer != "found" || err != nil || after != record {
		t.Errorf("a live digest with other numbers: %s, %v, want found. The record was\n%s\nand is\n%s", answer, err, record, after)
	}
	short := code
	short.Digest, short.MaxFailures, short.FailureWindow = "b", 2, time.Millisecond
	if answer, _, err := sqlstore.Put(record, short, 2+1_000); answer != "found" || err != nil {
		t.Errorf("a code after as many guesses, with an interval that they have left: %s, %v, want found", answer, err)
	}
}

// The list is by the time of storing, also if the clock was set back between.
func TestListAfterClockWasSetBack(t *testing.T) {
	t.Parallel()
	var record string
	for _, put := range []struct {
		digest string
		now    int64
	}{{"late", 9_000_000}, {"early", 5_000_000}} {
		var err error
		if _, record, err = sqlstore.Put(record, recovery.TokenSpec{Digest: put.digest, TTL: time.Hour, MaxLive: 3}, put.now); err != nil {
			t.Fatal(err)
		}
	}
	live, err := sqlstore.List(record, "slot", 9_000_000)
	if err != nil || len(live) != 2 || live[0].Digest != "early" {
		t.Errorf("live are %v, %v, want early and late", live, err)
	}
}

// earlierToken is what versions before handles read in the line of a token.
var earlierToken = regexp.MustCompile(`^\S+ \S+ -?\d+ [lcxy]( \d+ \S+ (\S+))?$`)

// earlierRelease writes a record anew as a version before handles does after it
// has barred an ID at each live token: it keeps the 32 youngest words.
func earlierRelease(t *testing.T, record, id string) string {
	t.Helper()
	tokens, guesses, _ := strings.Cut(record, "\n\n")
	lines := strings.Split(tokens, "\n")
	if lines[0] != "1" || guesses != "" && !regexp.MustCompile(`^\d+ \d+( \d+)*$`).MatchString(guesses) {
		t.Fatalf("an earlier version cannot read %q", record)
	}
	for i, line := range lines[1:] {
		words := earlierToken.FindStringSubmatch(line)
		if words == nil {
			t.Fatalf("an earlier version cannot read the token %q", line)
		}
		if words[1] == "" {
			continue // it is dead
		}
		barred := strings.Split(words[2], ",")
		if words[2] == "-" {
			barred = nil
		}
		barred = append(barred, id)
		barred = barred[max(0, len(barred)-32):]
		lines[i+1] = strings.TrimSuffix(line, words[2]) + strings.Join(barred, ",")
	}
	return strings.Join(lines, "\n") + strings.TrimPrefix(record, tokens)
}

// During an upgrade, versions that know neither handles nor Created read and
// rewrite the same records. Nothing of them is lost then.
func TestEarlierVersionsShareRecords(t *testing.T) {
	t.Parallel()
	specs := []recovery.TokenSpec{
		{Digest: "free", TTL: time.Hour, MaxLive: 4, Code: true, MaxTries: 2, MaxFailures: 5, FailureWindow: time.Hour},
		{Digest: "-", State: "--", Handle: `odd,#@%+-"\,`, TTL: time.Hour, MaxLive: 4, Code: true, MaxTries: 2, MaxFailures: 5, FailureWindow: time.Hour},
		{Digest: strings.Repeat("d", 64), State: "s", Handle: strings.Repeat(",", 64), TTL: time.Hour, MaxLive: 4, Code: true, MaxTries: 2, MaxFailures: 5, FailureWindow: time.Hour},
	}
	var record string
	const now = 1_800_000_000_000_000
	for i, spec := range specs {
		answer, after, err := sqlstore.Put(record, spec, now+int64(i))
		if answer != "found"+spec.State || err != nil {
			t.Fatal(answer, err)
		}
		record = after
	}
	_, record, _ = sqlstore.Claim(record, "-", "owner", now+9)
	_, record, _ = sqlstore.Peek(record, recovery.TokenRef{Digest: "wrong", Handle: specs[1].Handle}, now+9) // it is claimed
	_, record, _ = sqlstore.Release(record, "-", "owner", now+9)
	_, record, _ = sqlstore.Peek(record, recovery.TokenRef{Digest: "wrong", Handle: specs[2].Handle}, now+9)
	// The earlier version keeps 32 words at a token, of which two are ours.
	for n := range 30 {
		record = earlierRelease(t, record, fmt.Sprint("old", n))
	}
	live, err := sqlstore.List(record, "slot", now+10)
	if err != nil || len(live) != len(specs) {
		t.Fatalf("%d tokens are live, %v, want %d, in %q", len(live), err, len(specs), record)
	}
	for i, token := range live {
		if created := time.UnixMicro(now + int64(i)); token.Slot != "slot" || token.Digest != specs[i].Digest || token.State != specs[i].State ||
			!token.Created.Equal(created) || !token.Expires.Equal(created.Add(time.Hour)) {
			t.Errorf("the token %d is %+v", i, token)
		}
	}
	if got, _, err := sqlstore.Claim(record, "free", "old0", now+10); got != "not found" || err != nil {
		t.Errorf("a claim with an ID that the earlier version barred: %s, %v, want not found", got, err)
	}
	// One more wrong guess ends the third code, and none of the others.
	_, record, _ = sqlstore.Peek(record, recovery.TokenRef{Digest: "wrong", Handle: specs[2].Handle}, now+10)
	if live, err = sqlstore.List(record, "slot", now+10); err != nil || len(live) != 2 || live[1].Digest != "-" {
		t.Errorf("after a second wrong guess at the third code, %v are live, %v, want the first two", live, err)
	}
}

// goldenCodes is what one version wrote about codes with handles, at the time At.
type goldenCodes struct {
	At   int64
	Slot string
}

// Records of codes that an earlier version wrote are read. See testenv.Golden.
func TestGoldenCodes(t *testing.T) {
	t.Parallel()
	testenv.GoldenIn(t, "codes", writeGoldenCodes, func(t *testing.T, g goldenCodes) {
		live, err := sqlstore.List(g.Slot, "slot", g.At)
		if err != nil || len(live) != 2 || live[0].Digest != "nobody" || live[1].Digest != "mine" {
			t.Fatalf("live are %v, %v, want nobody and mine", live, err)
		}
		if mine := live[1]; mine.State != "state" || mine.Created.UnixMicro() != g.At-1_000_000 || mine.Expires.UnixMicro() != g.At+3599_000_000 {
			t.Errorf("a token is %+v", mine)
		}
		for digest, want := range map[string]string{"replaced": "not found", "claimed": "held", "nobody": "found-", "mine": "foundstate"} {
			if got, _, err := sqlstore.Claim(g.Slot, digest, "other", g.At); err != nil || got != want {
				t.Errorf("a claim of the code %q: %q, %v, want %q", digest, got, err, want)
			}
		}
		// One of two tries at the code "mine" was used up.
		_, after, err := sqlstore.Peek(g.Slot, recovery.TokenRef{Digest: "wrong", Handle: "0011aabb,"}, g.At)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := sqlstore.Peek(after, recovery.TokenRef{Digest: "mine"}, g.At); err != nil || got != "not found" {
			t.Errorf("the code after a second wrong guess: %q, %v, want not found", got, err)
		}
		if got, _, err := sqlstore.Peek(after, recovery.TokenRef{Digest: "nobody"}, g.At); err != nil || got != "found-" {
			t.Errorf("the other code: %q, %v, want found", got, err)
		}
		code := recovery.TokenSpec{Digest: "new", Handle: "another", TTL: time.Hour, MaxLive: 3, Code: true, MaxTries: 2, MaxFailures: 5, FailureWindow: time.Hour}
		if got, _, err := sqlstore.Put(g.Slot, code, g.At); err != nil || got != "too many codes" {
			t.Errorf("a fourth code beside three: %q, %v, want too many codes", got, err)
		}
	})
}

func writeGoldenCodes(t *testing.T) goldenCodes {
	g := goldenCodes{At: 1_800_000_000_000_000}
	then := g.At - 1_000_000
	put := func(digest, handle, state string) {
		t.Helper()
		spec := recovery.TokenSpec{Digest: digest, Handle: handle, State: state, TTL: time.Hour, MaxLive: 3, Code: true, MaxTries: 2, MaxFailures: 5, FailureWindow: time.Hour}
		answer, after, err := sqlstore.Put(g.Slot, spec, then)
		if err != nil || !strings.HasPrefix(answer, "found") {
			t.Fatal(answer, err)
		}
		g.Slot = after
	}
	put("replaced", "0011aabb,", "state")
	put("claimed", "ffff", "state")
	put("nobody", "", "-")
	put("mine", "0011aabb,", "state")
	var err error
	for _, op := range []func() (string, string, error){
		func() (string, string, error) { return sqlstore.Claim(g.Slot, "claimed", "owner", then) },
		func() (string, string, error) { return sqlstore.Claim(g.Slot, "mine", "barred", then) },
		func() (string, string, error) { return sqlstore.Release(g.Slot, "mine", "barred", then) },
		func() (string, string, error) {
			return sqlstore.Peek(g.Slot, recovery.TokenRef{Digest: "wrong", Handle: "0011aabb,"}, then)
		},
	} {
		if _, g.Slot, err = op(); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// A guess at a slot without tokens writes about as much as one at a code (A97).
func TestDecoyIsAsLongAsACode_A97(t *testing.T) {
	t.Parallel()
	const now = 1_800_000_000_000_000
	guess := recovery.TokenRef{Digest: strings.Repeat("w", 43), Code: true, Handle: strings.Repeat("h", 22)}
	code := recovery.TokenSpec{
		Digest: strings.Repeat("d", 43), State: strings.Repeat("s", 22), Handle: guess.Handle, TTL: time.Hour, MaxLive: 2,
		Code: true, MaxTries: 5, MaxFailures: 80, FailureWindow: 24 * time.Hour,
	}
	_, coded, err := sqlstore.Put("", code, now)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, record := range []string{coded, ""} {
		_, after, err := sqlstore.Peek(record, guess, now)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(after))
	}
	if slices.Max(sizes)-slices.Min(sizes) > 40 {
		t.Errorf("a first wrong guess writes %d bytes about a code, and %d about nobody", sizes[0], sizes[1])
	}
}
