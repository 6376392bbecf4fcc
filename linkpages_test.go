package recovery_test

import (
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

// A Service knows which links are mailed and which pages read them, whatever it
// is told first.
func TestLinksAndPages(t *testing.T) {
	const page = "https://portal.example.com/account/reset"
	tests := []struct {
		link recovery.Link
		ok   bool
	}{
		{recovery.Link{URL: page}, true},
		{recovery.Link{URL: page + "?lang=en", LeadIDParam: "a", SecretParam: "b"}, true},
		{recovery.Link{URL: "https://portal.example.com/account/resets/{token}"}, true},
		{recovery.Link{URL: "https://portal.example.com/{token}"}, true},
		{recovery.Link{URL: "https://other.example.com/account/reset/{token}"}, true},
		{recovery.Link{URL: "https://portal.example.com:8443/account/reset/{token}"}, true},
		{recovery.Link{URL: page + "/{token}"}, false},
		{recovery.Link{URL: page + "/{LeadId}/{TemporaryPassword}"}, false},
		{recovery.Link{URL: "https://Portal.Example.com:443/account/reset/{token}"}, false},
		{recovery.Link{URL: page + "/"}, false},
		{recovery.Link{URL: "http://portal.example.com/"}, false}, // no valid link
	}
	synctest.Test(t, func(t *testing.T) {
		for _, test := range tests {
			first := newPortal(t, nil)
			if err := first.AddPage(page); err != nil {
				t.Fatal(err)
			}
			if err := first.AddLink(test.link); (err == nil) != test.ok {
				t.Errorf("%s after the page: %v", test.link.URL, err)
			}
			for range 3 {
				_ = first.AddLink(test.link)
			}
			if got, want := len(first.Settings().Links), 1; test.ok && got != want+1 || !test.ok && got != want {
				t.Errorf("%s: %d links", test.link.URL, got)
			}
			if test.link.Validate() != nil {
				continue
			}
			second := newPortal(t, nil)
			if err := second.AddLink(test.link); err != nil {
				t.Errorf("%s without a page: %v", test.link.URL, err)
			}
			if err := second.AddPage(page); (err == nil) != test.ok {
				t.Errorf("the page after %s: %v", test.link.URL, err)
			}
		}
		// The links of the options count as well.
		for _, set := range []func(o *recovery.Options){
			func(o *recovery.Options) { o.Link = recovery.Link{URL: page + "/{token}"} },
			func(o *recovery.Options) { o.NotMe = recovery.Link{URL: page + "/{token}"} },
		} {
			p := newPortal(t, func(_ *portal, o *recovery.Options) { set(o) })
			if err := p.AddPage(page); err == nil {
				t.Error("a page that cannot read a link of the options")
			}
		}
	})
}
