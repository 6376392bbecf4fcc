package snippets_test

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// parseKeys reads keys with commas between them. The first one is used for
// everything new.
func parseKeys(list string) (keys [][]byte, err error) {
	for text := range strings.SplitSeq(list, ",") {
		key, err := recovery.ParseKey(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Links work at every step of a change of keys, and on instances that are a step
// behind or ahead.
func TestKeysAreChangedInSteps(t *testing.T) {
	t.Parallel()
	before, after := base64.StdEncoding.EncodeToString(recovery.NewKey()), base64.StdEncoding.EncodeToString(recovery.NewKey())
	leads := recoverytest.NewLeads(fields...)
	leads.Add(ada, "")
	tokens, links := recovery.NewMemoryTokenStore(), make(chan string, 9)
	var instances []*recovery.Service
	for _, list := range []string{before, before + "," + after, after + "," + before} {
		keys, err := parseKeys(list)
		if err != nil {
			t.Fatal(err)
		}
		instances = append(instances, newService(t, leads, tokens, links, recovery.Options{Keys: keys}))
	}
	for i, j := range []int{1, 0} {
		if err := reset(instances[j], ask(t, instances[i], links)); err != nil {
			t.Errorf("a link of step %d on an instance of step %d: %v", i, j, err)
		}
	}
	// An instance that does not have the new key refuses its link. This is why the
	// new key is not the first one at once.
	link := ask(t, instances[2], links)
	if err := reset(instances[0], link); err == nil {
		t.Error("a link of step 2 works on an instance of step 0")
	}
	if err := reset(instances[1], link); err != nil {
		t.Errorf("a link of step 2 on an instance of step 1: %v", err)
	}
	if _, err := parseKeys(before + ",change-me"); err == nil {
		t.Error("a key that is a text is accepted")
	}
}

var ada = recovery.Lead{Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "ada@example.com", Verified: true}}}

// newService makes an instance whose links go to a channel.
func newService(t *testing.T, leads recovery.LeadStore, tokens recovery.TokenStore, links chan<- string, opts recovery.Options) *recovery.Service {
	t.Helper()
	opts.Link = recovery.Link{URL: "https://portal.example.com/account/reset"}
	opts.DangerouslyKeepSessions = true
	opts.Fields = fields
	opts.Logger = quiet
	service, err := recovery.New(leads, tokens, toChannel(links), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return service
}

// toChannel sends the tokens of links.
func toChannel(links chan<- string) recovery.Notifier {
	return recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
		if m.Kind != recovery.MessageResetLink {
			return nil
		}
		link, err := url.Parse(m.URL.Reveal())
		if err == nil {
			links <- link.Query().Get("token")
		}
		return err
	})
}

// ask asks for a link and returns its token.
func ask(t *testing.T, service *recovery.Service, links <-chan string) (token string) {
	t.Helper()
	_, err := service.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: "ada@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return next(t, links)
}

// next waits for a link that was asked for.
func next(t *testing.T, links <-chan string) (link string) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, "a message with the link that was asked for", func() bool {
		select {
		case link = <-links:
			return true
		default:
			return false
		}
	})
	return link
}

func reset(service *recovery.Service, token string) error {
	_, err := service.ResetPassword(context.Background(), recovery.ResetRequest{
		Proof: recovery.TokenProof(token), Password: recovery.NewSecret("three brass monkeys"),
	})
	return err
}
