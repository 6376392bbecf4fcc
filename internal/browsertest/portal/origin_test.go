package portal_test

import "testing"

// A70: Chromium says where each form comes from, in Origin, as it does in browsers
// that have nothing else to say it with.
func TestChromiumSaysWhereFormsComeFrom_A70(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 390)
	tab.Load(s.base + "/forgot")
	fill(tab, "#identifier", johnMail)
	submit(tab)
	s.on(tab, "/sent", 200)
	tab.Load(s.link(johnMail))
	fill(tab, "#password", "abcdefgh")
	submit(tab)
	s.on(tab, "/reset", 422)
	fill(tab, "#password", goodPassword) // the answer to a form has a form of its own
	submit(tab)
	s.on(tab, "/done", 200)
	s.has(s.john, goodPassword)
	origin := s.base[:len(s.base)-len("/account")]
	for path, forms := range map[string]int{"/forgot": 1, "/reset": 2} {
		visits := s.visited("POST", "/account"+path)
		if len(visits) != forms {
			t.Errorf("%s: %d forms", path, len(visits))
		}
		for _, v := range visits {
			if got := v.Header.Get("Origin"); got != origin {
				t.Errorf("%s: Origin %q, want %q", path, got, origin)
			}
			if got := v.Header.Get("Referer"); got != s.base+path {
				t.Errorf("%s: Referer %q", path, got)
			}
		}
	}
}
