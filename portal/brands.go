package portal

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

const (
	// maxFound bounds the memory that brands of BrandOptions.Find take.
	maxFound = 1000
	// foundFor is how long such a brand is served before Find is asked again.
	foundFor = time.Minute
	// findTimeout is how long Find may take. For as long, what it returned before is
	// served to everybody else.
	findTimeout = 5 * time.Second
)

// brands are the pages of all brands of a Handler, by host. They are safe for
// concurrent use.
type brands struct {
	*shared
	listed []*Handler // with the one of Options first
	byHost map[string]*hostPages
	find   func(ctx context.Context, host string) (Brand, bool, error)

	mu    sync.Mutex
	found map[string]*foundBrand // by host
}

// hostPages are the pages at one host.
type hostPages struct {
	first  *Handler
	byPath []*Handler // those with the longest path first
}

// A foundBrand is what BrandOptions.Find returned.
type foundBrand struct {
	pages *Handler
	until time.Time
}

func newBrands(p *Handler, find func(context.Context, string) (Brand, bool, error)) *brands {
	b := &brands{shared: p.shared, byHost: map[string]*hostPages{}, find: find, found: map[string]*foundBrand{}}
	_ = b.add(p) // the first one takes nobody's place
	return b
}

// add adds a brand that the host lists.
func (b *brands) add(p *Handler) error {
	host := p.host()
	h := b.byHost[host]
	if h == nil {
		h = &hostPages{first: p}
		b.byHost[host] = h
	}
	at, taken := slices.BinarySearchFunc(h.byPath, p, func(x, y *Handler) int {
		if n := len(y.base) - len(x.base); n != 0 {
			return n
		}
		return strings.Compare(x.base, y.base)
	})
	if taken {
		return &recovery.OptionError{Package: "portal", Option: "BaseURL", Reason: "is that of " + h.byPath[at].describe()}
	}
	h.byPath = slices.Insert(h.byPath, at, p)
	b.listed = append(b.listed, p)
	return nil
}

// describe names a brand to the host.
func (p *Handler) describe() string {
	if p.brand == "" {
		return "the Options themselves"
	}
	return fmt.Sprintf("brand %q", p.brand)
}

// origin returns the origin of BaseURL.
func (p *Handler) origin() string { return strings.TrimSuffix(p.opts.BaseURL, p.base) }

// host returns the host of BaseURL, as requests name it.
func (p *Handler) host() string {
	_, host, _ := strings.Cut(p.origin(), "://")
	return host
}

// paths returns the paths at which pages are listed, each once.
func (b *brands) paths() []string {
	var all []string
	for _, p := range b.listed {
		all = append(all, p.base)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// of returns the pages that a request is for. If there are none, it answers the
// request and returns nil. It answers in plain text: a page would be some brand's,
// and which one is not known (A104).
func (b *brands) of(w http.ResponseWriter, r *http.Request) *Handler {
	host := requestedHost(r)
	if h := b.byHost[host]; h != nil {
		p := h.of(r)
		if p == nil {
			http.Error(w, "There is no such page.", http.StatusNotFound)
		}
		return p
	}
	p, err := b.lookUp(r.Context(), host)
	switch {
	case err != nil:
		b.outages.Failed(r.Context(), b.log, slog.LevelError, "brand", "portal: a brand of option Brands.Find cannot be served. Until Find returns a valid one, its host gets the pages as they were before, or 503 if there were none", "host", host, "error", err)
		if p == nil {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "This page cannot be shown now. Try again in a few seconds.", http.StatusServiceUnavailable)
		}
	case p == nil:
		b.tellOfHost(r.Context(), host)
		http.Error(w, "There are no pages for this host name.", http.StatusMisdirectedRequest)
	default:
		b.outages.Works(r.Context(), "brand")
	}
	return p
}

// requestedHost returns the host of a request as a BaseURL would have it.
func requestedHost(r *http.Request) string {
	host := strings.ToLower(r.Host)
	if short, cut := strings.CutSuffix(host, ":443"); cut {
		return short
	}
	return strings.TrimSuffix(host, ":80")
}

// of returns the pages that a request for this host is for, or nil.
func (h *hostPages) of(r *http.Request) *Handler {
	if len(h.byPath) == 1 || r.URL.Path == wellKnownChange {
		return h.first
	}
	// http.StripPrefix takes the path off that one, and leaves the other as it is. The
	// longest path of a brand that either has is meant: what is left of a path that
	// was taken off may be that of a brand above.
	requested, _, _ := strings.Cut(r.RequestURI, "?")
	for _, p := range h.byPath {
		for _, path := range []string{r.URL.Path, requested} {
			if rest, ok := strings.CutPrefix(path, p.base); ok && (rest == "" || rest[0] == '/') {
				return p
			}
		}
	}
	return nil
}

// findable is what BrandOptions.Find may be asked for. Strangers write the host of a
// request, and hosts hand it on to databases.
var findable = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?$`)

// lookUp returns the pages of a host that is not listed, or nil if it is no brand's.
// With an error it returns those that it had before, if there are any.
func (b *brands) lookUp(ctx context.Context, host string) (*Handler, error) {
	if b.find == nil || !findable.MatchString(host) {
		return nil, nil
	}
	now := time.Now()
	b.mu.Lock()
	known := b.found[host]
	if known != nil && now.Before(known.until) {
		b.mu.Unlock()
		return known.pages, nil
	}
	var earlier *Handler
	if known != nil {
		// The others get this one meanwhile, so that they do not all ask at once.
		earlier = known.pages
		b.found[host] = &foundBrand{earlier, now.Add(findTimeout)}
	}
	b.mu.Unlock()
	p, err := b.ask(ctx, host)
	if err != nil {
		return earlier, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.found, host)
	if p == nil {
		return nil, nil
	}
	for other := range b.found {
		if len(b.found) < maxFound {
			break
		}
		delete(b.found, other) // any one: it is soon made again
	}
	b.found[host] = &foundBrand{p, time.Now().Add(foundFor)}
	return p, nil
}

// ask asks the host for a brand, and makes its pages.
func (b *brands) ask(ctx context.Context, host string) (p *Handler, err error) {
	defer func() {
		if v := recover(); v != nil {
			p, err = nil, fmt.Errorf("panic: %T", v)
		}
	}()
	// Whoever hangs up must not make it fail: anybody can, as often as they like.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findTimeout)
	defer cancel()
	brand, ok, err := b.find(ctx, host)
	if err != nil || !ok {
		return nil, err
	}
	if p, err = b.newBrand(brand); err != nil {
		return nil, fmt.Errorf("brand %.64q: %s", brand.Name, strings.Join(mistakesIn(err), "; "))
	}
	if p.host() != host {
		return nil, fmt.Errorf("brand %.64q: BaseURL: has the host %s", brand.Name, p.host())
	}
	return p, nil
}

// tellOfHost tells the owner, once, of a host that is no brand's.
func (b *brands) tellOfHost(ctx context.Context, host string) {
	if b.toldOfHost.Swap(true) {
		return
	}
	b.log.WarnContext(ctx, "portal: a request came for a host that has no pages, and was answered with 421. If it is one of yours, give it a brand in option Brands. If a proxy changes Host, have it leave Host as it is. If a stranger made it up, there is nothing to do",
		"host", fmt.Sprintf("%.255s", host))
}

// tellOfLinks tells the host of brands whose links do not lead to their pages.
func (b *brands) tellOfLinks() {
	var wrong []*Handler
	for _, p := range b.listed[1:] {
		if p.resetLink.URL != p.opts.BaseURL+pathReset {
			wrong = append(wrong, p)
		}
	}
	if len(wrong) > 0 {
		p := wrong[0]
		b.log.Warn("portal: links of brands do not lead to their pages. Set Link of their recovery.Brand", "brands", len(wrong), "first", p.brand, "link", p.resetLink.URL, "page", p.opts.BaseURL+pathReset)
	}
}
