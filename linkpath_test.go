package recovery_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

// Placeholders are whole segments of the path, and all other braces are an
// error: they would be mailed as they are.
func TestLinkPlaceholders(t *testing.T) {
	const site = "https://portal.example.com"
	type link = recovery.Link
	tests := []struct {
		sentence string
		link     link
		ok       bool
	}{
		{"the token at the end", link{URL: site + "/reset/{token}"}, true},
		{"the token as the whole path", link{URL: site + "/{token}"}, true},
		{"the token in the middle, with a slash at the end and a query", link{URL: site + "/r/{token}/new/?lang=en"}, true},
		{"lead and secret", link{URL: site + "/reset/{LeadId}/{TemporaryPassword}"}, true},
		{"lead and secret the other way round, and apart", link{URL: site + "/{TemporaryPassword}/of/{LeadId}"}, true},
		{"a fixed parameter of the name that the token would have", link{URL: site + "/{token}", Fixed: []recovery.LinkParam{{Name: "token", Value: "x"}}}, true},

		{"a part of a segment", link{URL: site + "/reset-{token}"}, false},
		{"a part of a segment before a dot", link{URL: site + "/{token}.html"}, false},
		{"other case", link{URL: site + "/{Token}"}, false},
		{"the names that portals use", link{URL: site + "/{leadId}/{tmpPassword}"}, false},
		{"an unknown name", link{URL: site + "/{token}/{lang}"}, false},
		{"empty braces", link{URL: site + "/{}/"}, false},
		{"an opening brace alone", link{URL: site + "/{token"}, false},
		{"a closing brace alone", link{URL: site + "/token}"}, false},
		{"two pairs of braces", link{URL: site + "/{{token}}"}, false},
		{"the token twice", link{URL: site + "/{token}/{token}"}, false},
		{"the lead alone", link{URL: site + "/{LeadId}"}, false},
		{"the secret alone", link{URL: site + "/{TemporaryPassword}"}, false},
		{"the lead twice", link{URL: site + "/{LeadId}/{LeadId}/{TemporaryPassword}"}, false},
		{"all three", link{URL: site + "/{token}/{LeadId}/{TemporaryPassword}"}, false},
		{"escaped braces", link{URL: site + "/%7Btoken%7D"}, false},
		{"escaped braces in lower case", link{URL: site + "/%7btoken%7d"}, false},
		{"in the query", link{URL: site + "/reset?t={token}"}, false},
		{"braces in the query beside a placeholder", link{URL: site + "/{token}?x={y}"}, false},
		{"as the host", link{URL: "https://{token}/reset"}, false},
		{"in the host", link{URL: "https://{token}.example.com/reset"}, false},
		{"as the port", link{URL: site + ":{token}/reset"}, false},
		{"a name for the token too", link{URL: site + "/{token}", TokenParam: "token"}, false},
		{"names for lead and secret too", link{URL: site + "/{LeadId}/{TemporaryPassword}", LeadIDParam: "l", SecretParam: "s"}, false},
		{"names for lead and secret, and a token in the path", link{URL: site + "/{token}", LeadIDParam: "l", SecretParam: "s"}, false},
	}
	for _, test := range tests {
		if err := test.link.Validate(); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.sentence, err)
		}
	}
}

func TestLinkWithPlaceholdersIsRendered(t *testing.T) {
	const site = "https://portal.example.com"
	for _, test := range []struct {
		link recovery.Link
		want string
	}{
		{recovery.Link{URL: site + "/reset/{token}"}, site + "/reset/TOKEN"},
		{recovery.Link{URL: site + "/{token}/"}, site + "/TOKEN/"},
		{recovery.Link{URL: site + "/{token}?"}, site + "/TOKEN"},
		{recovery.Link{URL: site + "/{token}?token=kept&lang=en"}, site + "/TOKEN?token=kept&lang=en"},
		{recovery.Link{URL: site + "/{token}", Fixed: []recovery.LinkParam{{Name: "a", Value: "{b}"}}}, site + "/TOKEN?a=%7Bb%7D"},
		{recovery.Link{URL: site + "/{LeadId}/{TemporaryPassword}"}, site + "/LEAD/SECRET"},
		{recovery.Link{URL: site + "/{TemporaryPassword}/x/{LeadId}?lang=en"}, site + "/SECRET/x/LEAD?lang=en"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Link = test.link })
			got := p.forgot(t, byMail(johnMail)).URL.Reveal()
			want := strings.NewReplacer("TOKEN", "([A-Za-z0-9_-]+)", "LEAD", johnID, "SECRET", "([0-9a-f]{64})").Replace(regexp.QuoteMeta(test.want))
			m := regexp.MustCompile("^" + want + "$").FindStringSubmatch(got)
			if m == nil {
				t.Fatalf("%s became %s, want %s", test.link.URL, got, test.want)
			}
			proof := recovery.TokenProof(m[1])
			if strings.Contains(test.want, "SECRET") {
				proof = recovery.LinkSecretProof(johnID, m[1])
			}
			if err := p.reset(t.Context(), proof, goodPassword); err != nil {
				t.Errorf("%s: %v", got, err)
			}
		})
	}
}

// An instance that knew no placeholders sealed any braces into a job, and had the
// parameters carry the token.
func TestBracesOfOldJobs(t *testing.T) {
	for _, link := range []recovery.Link{
		{URL: "https://portal.example.com/{LeadId}"},
		{URL: "https://portal.example.com/{TemporaryPassword}"},
		{URL: "https://portal.example.com/{token}", TokenParam: "token"},
	} {
		if got, err := recovery.RenderLink(link, "token", "TOKEN"); err != nil || got != link.URL+"?token=TOKEN" {
			t.Errorf("%s became %s, %v", link.URL, got, err)
		}
	}
}

// The ID of a lead may have any printable ASCII, and stays one segment. Browsers drop the
// segments "." and "..", so such a lead gets no link that leads elsewhere.
func TestLeadIDInThePath(t *testing.T) {
	for id, want := range map[string]string{
		"a/b?c#d": "a%2Fb%3Fc%23d", "50%{x}": "50%25%7Bx%7D", "...": "...", ".": "", "..": "",
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(p *portal, o *recovery.Options) {
				o.Link = recovery.Link{URL: "https://portal.example.com/{LeadId}/{TemporaryPassword}"}
				l := lead("odd", recovery.StatusActive)
				l.ID = id
				p.leads.Add(l, "")
			})
			if _, err := p.ForgotPassword(t.Context(), byMail("odd@example.com")); err != nil {
				t.Fatal(err)
			}
			settle()
			all := p.outbox.Messages()
			switch {
			case want == "" && len(all) == 0:
			case want == "" || len(all) != 1:
				t.Errorf("%q: %d messages", id, len(all))
			case !strings.HasPrefix(all[0].URL.Reveal(), "https://portal.example.com/"+want+"/"):
				t.Errorf("%q: %s", id, all[0].URL.Reveal())
			}
		})
	}
}

// The link "this was not me" can have its token in the path too, but nothing
// else: it carries no lead ID apart.
func TestNotMeLinkWithPlaceholders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.NotMe = recovery.Link{URL: "https://portal.example.com/not-me/{token}"}
		})
		link := p.forgot(t, byMail(johnMail)).NotMe.Reveal()
		token, ok := strings.CutPrefix(link, "https://portal.example.com/not-me/")
		if !ok {
			t.Fatalf("the link is %s", link)
		}
		if _, err := p.NotMe(t.Context(), recovery.NotMeRequest{Token: recovery.NewSecret(token)}); err != nil {
			t.Error(err)
		}
		opts := goodOptions()
		opts.NotMe = recovery.Link{URL: "https://portal.example.com/{LeadId}/{TemporaryPassword}"}
		if got := names(newWith(t, opts)); !slices.Equal(got, []string{"NotMe"}) {
			t.Errorf("mistakes in %q", got)
		}
	})
}
