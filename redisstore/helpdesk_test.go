package redisstore_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// readOutWrong tries a code of the kind that a help desk reads out, which is wrong
// but once in 2^75 times.
func (g guessing) readOutWrong(t *testing.T, address string) {
	t.Helper()
	client := rand.Uint32()
	from := recovery.Requester{Client: netip.AddrFrom4([4]byte{11, byte(client >> 16), byte(client >> 8), byte(client)})}
	_, err := g.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: recovery.CodeProof(email(address), "00000-00000-00000"), Requester: from})
	if !errors.Is(err, recovery.ErrInvalidProof) {
		t.Errorf("a guess at %s: %v, want ErrInvalidProof", address, err)
	}
}

// withReadOut adds a lead whom a help desk has read a code to.
func (g guessing) withReadOut(t *testing.T, address string) {
	t.Helper()
	g.leads.add(address, recovery.StatusActive)
	_, err := g.IssueForHelpDesk(t.Context(), recovery.HelpDeskRequest{LeadID: address, Operator: "Ada", Code: true})
	must(t, err)
}

// A101, A97: a guess at a code that was read out reads one record and writes none,
// whoever the identifier belongs to.
func TestReadOutGuessesWriteNothing_A101(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t)
	g := newGuessing(t, newStore(t, server.Client(t), nil))
	for _, who := range []string{"code", "dead", "disabled"} {
		g.withReadOut(t, who+"@example.com")
	}
	must(t, g.RevokeTokens(t.Context(), "dead@example.com"))
	g.leads.add("none@example.com", recovery.StatusActive)
	g.leads.add("disabled@example.com", recovery.StatusDisabled)
	writing, err := client.CommandList(t.Context(), &redis.FilterBy{ACLCat: "write"}).Result()
	must(t, err)
	for _, who := range []string{"code", "dead", "disabled", "none", "nobody"} {
		keys := client.DBSize(t.Context()).Val()
		before := commandCalls(t, []*redis.Client{client})
		g.readOutWrong(t, who+"@example.com")
		got := commandCalls(t, []*redis.Client{client})
		for name, n := range before {
			got[name] -= n
		}
		maps.DeleteFunc(got, func(name string, n int64) bool {
			return n == 0 || name != "get" && !strings.Contains(" "+strings.Join(writing, " ")+" ", " "+name+" ")
		})
		if !maps.Equal(got, map[string]int64{"get": 1}) || client.DBSize(t.Context()).Val() > keys {
			t.Errorf("%s: commands %v, want one get", who, got)
		}
	}
}
