package recovery

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// A linkRegister knows which links are mailed besides Options.Link, and which
// pages read links. Handlers add to it when they are made, in any order.
type linkRegister struct {
	mu    sync.Mutex
	links []Link
	pages []string
}

// AddLink tells the Service that a handler mails this link, as
// [ForgotRequest].Link, besides [Options].Link. Pages of the Service then read
// it, by whatever names it has: they find it in [Settings].Links. An equal link
// is added once. The leadsquared package adds its links.
//
// It returns an error for a link that is not valid, and for one that has its
// token in the path and leads to a page of [Service.AddPage], which reads the
// query alone.
func (s *Service) AddLink(l Link) error {
	if err := l.Validate(); err != nil {
		return err
	}
	if err := l.leavesRoom(s.opts.ReturnTo); err != nil {
		return err
	}
	s.register.mu.Lock()
	defer s.register.mu.Unlock()
	for _, page := range s.register.pages {
		if err := l.readableAt(page); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(s.register.links, l.equal) {
		l.Fixed = slices.Clone(l.Fixed)
		s.register.links = append(s.register.links, l)
	}
	return nil
}

// AddPage tells the Service of a page that reads links from its query, by the
// names of [Settings].Links. pageURL is an absolute URL without a query. The
// portal package adds its page.
//
// It returns an error if [Options].Link, [Options].NotMe or one of
// [Service.AddLink] has its token in the path and leads to this page.
func (s *Service) AddPage(pageURL string) error {
	s.register.mu.Lock()
	defer s.register.mu.Unlock()
	for _, l := range append([]Link{s.opts.Link, s.opts.NotMe}, s.register.links...) {
		if err := l.readableAt(pageURL); err != nil {
			return err
		}
	}
	if !slices.Contains(s.register.pages, pageURL) {
		s.register.pages = append(s.register.pages, pageURL)
	}
	return nil
}

// allLinks returns Options.Link and the links of AddLink.
func (s *Service) allLinks() []Link {
	s.register.mu.Lock()
	defer s.register.mu.Unlock()
	links := append([]Link{s.opts.Link}, s.register.links...)
	for i := range links {
		links[i].Fixed = slices.Clone(links[i].Fixed)
	}
	return links
}

func (l Link) equal(other Link) bool {
	return l.URL == other.URL && l.TokenParam == other.TokenParam && l.LeadIDParam == other.LeadIDParam &&
		l.SecretParam == other.SecretParam && slices.Equal(l.Fixed, other.Fixed)
}

// readableAt returns an error if the link leads to the page, or to a path below
// it, where the page does not read it.
func (l Link) readableAt(page string) error {
	at, here := place(l.URL), place(page)
	switch {
	case at == here && !l.inPath():
		return nil
	case at == here || strings.HasPrefix(at, here+"/"):
		return fmt.Errorf("the link leads below the page %s, which reads links at its own URL and from the query alone", page)
	}
	return nil
}

// place returns a URL up to its query, in the spelling that browsers use.
func place(s string) string {
	s, _, _ = strings.Cut(s, "?")
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	return originOf(s) + u.Path
}

// originOf returns the origin of a URL, in the spelling that browsers use, or the
// empty text if the URL does not parse.
func originOf(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}
