package recoverytest_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func tableHarness(bug string) recoverytest.TokenStoreHarness {
	h := recoverytest.TokenStoreHarness{
		New:    func(*testing.T) recovery.TokenStore { return newTable(bug) },
		Bubble: synctest.Test,
		Dump:   func(_ *testing.T, s recovery.TokenStore) []byte { return s.(*table).dump() },
		Purge: func(_ *testing.T, s recovery.TokenStore) {
			if bug != "keeps for ever" {
				s.(*table).purge()
			}
		},
		Stall: func(_ *testing.T, s recovery.TokenStore) { s.(*table).fault = "stalls" },
		Break: func(_ *testing.T, s recovery.TokenStore) { s.(*table).fault = "breaks" },
		Mend:  func(_ *testing.T, s recovery.TokenStore) { s.(*table).fault = "" },
	}
	if bug == "instances apart" || bug == "caches" {
		h.Another = func(_ *testing.T, first recovery.TokenStore) recovery.TokenStore {
			if bug == "instances apart" {
				return newTable("")
			}
			first.(*table).cache = map[recovery.TokenRef]recovery.TokenRecord{}
			return &table{first.(*table).tableState, bug, map[recovery.TokenRef]recovery.TokenRecord{}}
		}
	}
	return h
}

var brokenTokenStores = []seeded{
	{"double winner", "claim-one-winner"},
	{"looks, then claims", "claim-one-winner"},
	{"claim not idempotent", "claim-repeat"},
	{"claims for nobody", "claim-needs-id"},
	{"peeks at claimed", "claim-hides"},
	{"peek claims", "peek-consumes-nothing"},
	{"held elsewhere is free", "claim-held-elsewhere"},
	{"refused claim takes what is free", "claim-held-elsewhere"},
	{"first ref only", "peek-any-ref"},
	{"release by anybody", "release-by-a-stranger"},
	{"release by anybody", "release-again"},
	{"release revives the dead", "release-revives-no-dead"},
	{"release ends", "release-revives"},
	{"release of absent fails", "release-absent"},
	{"forgets barred", "release-bars-the-owner"},
	{"forgets barred", "release-bars-in-advance"},
	{"bars owners only", "release-bars-in-advance"},
	{"bars one id", "release-bars-32"},
	{"put resets tries", "put-again-keeps-tries"},
	{"put renews the expiry", "put-again-changes-nothing"},
	{"put overwrites the state", "put-again-changes-nothing"},
	{"put revives deleted", "put-after-delete"},
	{"put revives claimed", "put-after-claim"},
	{"spent is not found", "put-after-claim"},
	{"forgets the replaced", "put-after-replaced"},
	{"forgets the replaced", "put-remembers-spent"},
	{"fourth kills the oldest", "put-fourth-replaces-youngest"},
	{"fourth kills the claimed", "put-claimed-replaced-last"},
	{"claimed take no place", "put-claimed-keeps-place"},
	{"unbounded", "put-fourth-replaces-youngest"},
	{"unbounded", "racing-puts"},
	{"fourth is refused", "put-fourth-replaces-youngest"},
	{"one of all codes", "code-new-replaces-old"},
	{"takes anything", "put-malformed"},
	{"takes any name", "malformed-names"},
	{"no expiry", "put-dies-at-ttl"},
	{"TTL in seconds", "put-dies-exactly"},
	{"wrong record echoed", "put-slots-are-apart"},
	{"digests of all slots", "put-slots-are-apart"},
	{"counts right guesses", "code-right-not-counted"},
	{"peek does not count", "code-wrong-guess-peek"},
	{"claim does not count", "code-wrong-guess-claim"},
	{"one try too many", "code-wrong-guess-both"},
	{"dies at the first", "code-wrong-guess-peek"},
	{"counts against dead codes", "code-held-not-counted"},
	{"counts without a code", "code-guesses-without-code"},
	{"failures reset by a new code", "code-failures-add-up"},
	{"failures never pass", "code-failures-pass"},
	{"guesses prolong", "code-failures-full"},
	{"guess writes nothing", "guess-writes"},
	{"guess spends its digest", "guess-unseen"},
	{"guess forgets failures", "guess-unseen"},
	{"guess is kept", "guess-forgotten"},
	{"guesses kill links", "guess-unseen-links"},
	{"delete forgets failures", "code-failures-survive-delete"},
	{"delete leaves claimed", "delete-ends-claimed"},
	{"delete of one slot", "delete-absent"},
	{"delete forgets digests", "put-after-delete"},
	{"absent is another error", "peek-absent"},
	{"spent is not recorded", "peek-recorded"},
	{"writes for anybody", "peek-writes-nothing"},
	{"keeps for ever", "forgets"},
	{"ignores ctx", "context-ended"},
	{"instances apart", "claim-repeat"},
	{"caches", "claim-hides"},
	{"no refs is an error", "no-refs"},
	{"guesses at the first ref", "code-guess-any-ref"},
	{"one guess for all refs", "code-guess-all-refs"},
	{"stops at a held token", "code-guess-beside-held"},
	{"rolls back beside a held token", "code-guess-beside-held"},
	{"stops at the right one", "code-guess-beside-right"},
	{"rolls back beside a right one", "code-guess-beside-right"},
	{"barred IDs guess for free", "code-guess-barred"},
	{"release guesses", "code-release-is-no-guess"},
	{"counts other refs for the right one", "code-right-under-any-ref"},
	{"claim IDs in any case", "claim-ids-are-apart"},
	{"claim IDs cut", "claim-ids-are-apart"},
	{"bars in any case", "claim-ids-are-apart"},
	{"a dash for no state", "put-no-state"},
	{"32 spent", "put-remembers-spent"},
	{"64 of all", "put-remembers-deleted"},
	{"32 bits of milliseconds", "put-longest-ttl"},
	{"failures of a day", "put-longest-ttl"},
	{"one byte of tries", "code-most-tries"},
	{"one byte of failures", "code-most-tries"},
	{"TTL in seconds", "put-shortest-ttl"},
	{"purges the ended", "purge-keeps"},
	{"purges failures", "purge-keeps"},
	{"purge releases claims", "purge-keeps"},
	{"purge forgets barred", "purge-keeps"},
	{"purges by slot", "forgets"},
	{"does not pass ctx on", "stalled"},
	{"failures are not found", "stalled"},
	{"failures are not found", "broken"},
	{"failures are spent", "broken"},
	{"failures are done", "broken"},
	{"failures are not found", "context-ended"},
	{"failures are done", "context-ended"},
	{"looks, then puts", "racing-same-put"},
	{"looks, then claims", "racing-everything"},
	{"writes back the row", "racing-deletes"},
	{"lower-cases states", "put-echoes"},
	{"cuts states", "put-printable"},
	{"one TTL for all", "put-expires"},
	{"put again takes a place", "put-again-adds-none"},
	{"released is spent", "put-after-release"},
	{"delete forgets claimed", "put-after-claim-and-delete"},
	{"guessed out is forgotten", "put-after-guessed-out"},
	{"spent for ever", "put-after-expiry"},
	{"at most 3 live", "put-maxlive"},
	{"replaces one", "put-lower-maxlive"},
	{"expired take places", "put-expired-not-counted"},
	{"deleted take places", "put-deleted-not-counted"},
	{"newest gives way", "put-newest-works"},
	{"digests in any case", "put-digests-are-apart"},
	{"digests of 63 bytes", "put-long-names-are-apart"},
	{"slots of 127 bytes", "put-long-names-are-apart"},
	{"joins by a colon", "put-joined-names-are-apart"},
	{"joins by nothing", "put-joined-names-are-apart"},
	{"slots by LIKE", "put-slots-are-apart"},
	{"digests by LIKE", "put-digests-are-apart"},
	{"delete checks as it goes", "malformed-among-good"},
	{"guesses before it checks", "malformed-among-good"},
	{"release renews the tries", "code-release-keeps-tries"},
	{"release forgets failures", "code-release-keeps-tries"},
	{"TTL of whole seconds", "put-dies-exactly"},
	{"failures of whole seconds", "code-failures-exactly"},
	{"failures end the code", "code-failures-end-none"},
	{"absent is another error", "claim-absent"},
	{"claim not idempotent", "claim-repeat-racing"},
	{"claims lapse", "claim-stays"},
	{"bars in the whole slot", "release-bars-one-token"},
	{"delete of one slot", "delete-ends-live"},
	{"same guess once", "code-same-guess"},
	{"replaced is no guess", "code-old-is-wrong"},
	{"claimed once is no guess", "code-claimed-is-wrong"},
	{"counts against dead codes", "code-guesses-after-expiry"},
	{"guesses kill links", "code-guesses-at-links"},
	{"guesses race", "code-parallel"},
	{"guesses race", "code-parallel-late"},
	{"guesses race", "code-parallel-exact"},
	{"failures reset by a new code", "code-failures-survive-expiry"},
	{"failures of a minute", "code-failures-survive-expiry"},
	{"failures of an hour", "code-failures-survive-expiry"},
	{"failures of a week", "code-failures-survive-expiry"},
	{"tries of the slot", "code-put-after-full"},
	{"forgets barred", "random-operations"},
	{"put again is created again", "put-created"},
	{"one code a slot", "code-handles-live"},
	{"handles in any case", "code-handles-are-apart"},
	{"claimed codes stay", "code-handle-claimed-replaced"},
	{"guesses at all handles", "code-handle-guess"},
	{"failures of any handle", "code-handle-guess-nowhere"},
	{"guesses at all handles", "code-handle-old-is-wrong"},
	{"sought by handle", "code-handle-not-sought"},
	{"one guess a slot", "code-handle-each-ref"},
	{"failures by handle", "code-handles-failures"},
	{"numbers of each code", "code-failures-latest"},
	{"guesses race", "code-handles-parallel"},
	{"replaces another handle", "put-no-room"},
	{"claimed codes take no room", "put-no-room-claimed"},
	{"spent codes take room", "put-room-again"},
	{"room for whoever has a code", "put-no-room-lower"},
	{"stores what cannot be used", "put-exhausted"},
	{"room before guesses", "put-refusals-in-order"},
	{"refused is spent", "put-refused-changes-nothing"},
	{"looks for room, then puts", "racing-handles"},
	{"handles of 63 bytes", "put-longest-handle"},
	{"lists the ended", "list-live"},
	{"lists the claimed", "list-claimed"},
	{"lists the expired", "list-expired"},
	{"lists the youngest first", "list-order"},
	{"no list of absent slots", "list-none"},
	{"lists nothing of a full slot", "list-exhausted"},
	{"list writes", "list-writes-nothing"},
	{"end leaves claimed", "end-ends"},
	{"end forgets digests", "end-spends"},
	{"end guesses", "end-is-no-guess"},
	{"end of absent fails", "end-absent"},
	{"writes back the row", "racing-ends"},
}

// TestBrokenTokenStores shows that the suite finds typical mistakes, each by
// the clause of the sentence that it breaks.
func TestBrokenTokenStores(t *testing.T) {
	catch(t, brokenTokenStores, func(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
		h := tableHarness(bug)
		if slices.Equal(clauses, []string{"random-operations"}) {
			// The default number of operations finds some mistakes by luck only.
			h.Seed, h.Operations = 1, 10_000
		}
		return recoverytest.ExamineTokenStore(t, h, clauses...)
	})
}

// TestBrokenTokenStoresAtRandom shows that the random test alone finds most of
// these mistakes.
func TestBrokenTokenStoresAtRandom(t *testing.T) {
	for _, bug := range []string{
		"double winner", "claim not idempotent", "release by anybody", "forgets barred", "put resets tries", "put revives deleted",
		"fourth kills the oldest", "fourth kills the claimed", "no expiry", "counts right guesses", "peek does not count",
		"failures reset by a new code", "wrong record echoed", "delete leaves claimed", "counts without a code",
		"guess forgets failures", "one code a slot", "guesses at all handles", "failures of any handle", "failures by handle",
		"replaces another handle", "claimed codes take no room", "room before guesses", "lists the claimed", "end forgets digests",
	} {
		t.Run(bug, func(t *testing.T) {
			h := tableHarness(bug)
			h.Seed, h.Operations = 1, 10_000
			if found := recoverytest.ExamineTokenStore(t, h, "random-operations"); len(found) == 0 {
				t.Error("the random test does not find it")
			}
		})
	}
}
