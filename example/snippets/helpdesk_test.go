package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// readOut issues a code that an operator reads out to a caller. It lives for 15
// minutes, and replaces the one that was issued before.
func readOut(ctx context.Context, service *recovery.Service, operator, ticket, userID string) (code string, err error) {
	issued, err := service.IssueForHelpDesk(ctx, recovery.HelpDeskRequest{
		LeadID: userID, Operator: operator, Code: true, Labels: map[string]string{"ticket": ticket},
	})
	return issued.Code.Reveal(), err
}

// revokeAll ends what is pending for a user, and returns a line for each, without its
// secret.
func revokeAll(ctx context.Context, service *recovery.Service, userID string) (lines []string, err error) {
	pending, err := service.PendingTokens(ctx, userID)
	for _, token := range pending {
		lines = append(lines, fmt.Sprintf("%s by %q, expires %s", token.Kind, token.Operator, token.Expires.Format(time.TimeOnly)))
		err = errors.Join(err, service.RevokeToken(ctx, userID, token.ID))
	}
	return lines, err
}

// watch calls alert when the help desk has issued something for an account that is
// worth a look, and when a password was reset with it.
func watch(careful func(userID string) bool, alert func(text string)) recovery.EventSink {
	return func(_ context.Context, e recovery.Event) {
		if e.Operator != "" && careful(e.LeadID) && (e.Kind == recovery.EventTokenIssued || e.Kind == recovery.EventPasswordReset) {
			alert(fmt.Sprintf("%s for %s by %s", e.Kind, e.LeadID, e.Operator))
		}
	}
}

// The help desk of docs/helpdesk.md: a code that is revoked is dead, another one
// resets the password, and the account that is watched raises two alerts for each.
func TestHelpDeskPage(t *testing.T) {
	leads := recoverytest.NewLeads()
	id := leads.Add(recovery.Lead{Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "ann@example.com"}}}, "old")
	var alerts []string
	service, err := recovery.New(leads, recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, recovery.Options{
		Keys: [][]byte{testenv.Key("desk")}, Link: recovery.Link{URL: "https://www.example.com/reset"}, DangerouslyKeepSessions: true,
		Limits: recovery.Limits{Issue: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10, Window: time.Minute}}}},
		Events: watch(func(userID string) bool { return userID == id }, func(text string) { alerts = append(alerts, text) }),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = service.Shutdown(context.Background()) }()
	reset := func(code string) error {
		_, err := service.ResetPassword(t.Context(), recovery.ResetRequest{
			Proof:    recovery.CodeProof(recovery.LeadKey{Field: "EmailAddress", Value: "ann@example.com"}, code),
			Password: recovery.NewSecret("seven silent sailors"),
		})
		return err
	}
	first, err := readOut(t.Context(), service, "Ada Byron", "4711", id)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := revokeAll(t.Context(), service, id)
	if err != nil || len(lines) != 1 || !strings.HasPrefix(lines[0], `read_out_code by "Ada Byron", expires `) || strings.Contains(lines[0], first) {
		t.Errorf("revoked %q, %v", lines, err)
	}
	if err := reset(first); !errors.Is(err, recovery.ErrInvalidProof) {
		t.Errorf("the revoked code: %v", err)
	}
	second, err := readOut(t.Context(), service, "Ada Byron", "4711", id)
	if err != nil {
		t.Fatal(err)
	}
	if err := reset(strings.ToLower(second)); err != nil {
		t.Fatal(err)
	}
	want := []string{"token_issued for " + id + " by Ada Byron", "token_issued for " + id + " by Ada Byron", "password_reset for " + id + " by Ada Byron"}
	if strings.Join(alerts, "\n") != strings.Join(want, "\n") {
		t.Errorf("alerts %q, want %q", alerts, want)
	}
}
