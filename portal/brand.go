package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
)

// A Brand is what the pages of one brand have for themselves. Everything else is as
// in [Options], and shared by all brands, so that one Handler can serve thousands.
type Brand struct {
	_ [0]func()

	// Name is the name of the [recovery.Brand]. What people ask for on these pages
	// is asked for under this name. Required.
	Name string
	// BaseURL is as in [Options]. Its host, or its host and path, are those of no
	// other brand. The links of the [recovery.Brand] lead to the same pages as there:
	// to BaseURL + "/reset", "/not-me" and "/invitation". Required.
	BaseURL string
	// Product and Logo are as in [Options]. Product is required. The default of Logo
	// is the name of the Product: no brand has the logo of Options.
	Product string
	Logo    []byte

	// SignIn, Support, Color, Font, Languages and Captcha are as in [Options], and
	// those of Options are their default. The default of DefaultLanguage is the first
	// of Languages, if those are set.
	SignIn, Support, Color string
	Font                   []byte
	Languages              []language.Tag
	DefaultLanguage        language.Tag
	Captcha                Captcha
	// Text is as in [Options]. Where it has no text for a sentence, that of Options
	// holds. Default none.
	Text map[string]map[string]string
}

// BrandOptions are the brands of a [Handler] besides that of its [Options].
//
// The host of a request decides whose pages it gets, and among brands that share a
// host the longest BaseURL whose path it has. A request for any other host gets no
// page (A104). So a proxy must leave Host as it is. Where it cannot, the host sets
// [http.Request].Host from a header of that proxy, before it calls the Handler.
//
// On a host that several brands share, /.well-known/change-password leads to the
// pages of Options, if they are there too, and otherwise to the first brand in List.
type BrandOptions struct {
	_ [0]func()

	// List are the brands that are known when the program starts. Their mistakes are
	// those of [New], which names each brand. Default none.
	List []Brand
	// Find returns the brand of a host that no BaseURL of Options or List has, for
	// subdomains that are made while the program runs. host is in lower case, and has
	// its port if that is not the usual one. The BaseURL of the brand has this host.
	//
	// False means that there is no such brand. Anybody can ask for any host, so Find
	// should look it up in an index. After an error the answer is 503.
	//
	// A brand is kept for a minute. When it is asked for again after that, and Find
	// fails or the brand has a mistake, which the log then tells, the earlier one goes
	// on being served. At most 1,000 brands are kept at once. Several goroutines may
	// call Find at once. Its context ends after 5 seconds. Default none.
	Find func(ctx context.Context, host string) (brand Brand, found bool, err error)
}

// with returns the options with which a brand's pages are served. The receiver is
// that of all brands.
func (o Options) with(b Brand) Options {
	o.BaseURL, o.Product, o.Logo = b.BaseURL, b.Product, b.Logo
	o.SignIn, o.Support, o.Color = cmp.Or(b.SignIn, o.SignIn), cmp.Or(b.Support, o.Support), cmp.Or(b.Color, o.Color)
	o.Font = b.Font // if it is empty, addAssets takes the shared one
	if len(b.Languages) > 0 {
		o.Languages, o.DefaultLanguage = slices.Clone(b.Languages), b.Languages[0]
	}
	o.DefaultLanguage = cmp.Or(b.DefaultLanguage, o.DefaultLanguage)
	if b.Captcha.Widget != "" || b.Captcha.Script != "" || len(b.Captcha.Sources) > 0 {
		o.Captcha = b.Captcha
		o.Captcha.Sources = slices.Clone(b.Captcha.Sources)
	}
	return o
}

// newBrand returns the pages of a brand. The error has all its mistakes, without the
// name of the brand.
func (s *shared) newBrand(b Brand) (*Handler, error) {
	mistakes := recovery.OptionErrors{Package: "portal"}
	links, err := s.linksOf(b)
	if err != nil {
		mistakes.Add("Name", "%v", err)
	}
	opts := s.common.with(b)
	opts.validateBrand(&mistakes, s.service)
	if err := checkFont(b.Font); err != nil {
		mistakes.Add("Font", "%v", err)
	}
	translators := withTexts(&mistakes, s.translators, b.Text)
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	p, err := s.newHandler(b.Name, opts, translators)
	if err != nil {
		return nil, err
	}
	p.resetLink, p.notMeLink, p.invitationLink = links.Link, links.NotMe, links.Invitation
	if b.Captcha.Widget != "" {
		p.checkWidget(&mistakes)
	}
	return p, mistakes.Err()
}

// linksOf returns the brand as the Service knows it, with those links of Options that
// it does not have itself.
func (s *shared) linksOf(b Brand) (recovery.Brand, error) {
	find := s.settings.Brands.Find
	if find == nil {
		return recovery.Brand{}, errors.New("the Service has no brands: set Brands in its options")
	}
	known, ok := find(b.Name)
	if !ok || known.Name != b.Name {
		return recovery.Brand{}, errors.New("is no brand of the Service: its option Brands.Find does not know it")
	}
	for _, l := range []struct {
		name      string
		link, own *recovery.Link
	}{
		{"Link", &known.Link, &s.settings.Link},
		{"NotMe", &known.NotMe, &s.settings.NotMe},
		{"Invitation", &known.Invitation, &s.settings.Invitations.Link},
	} {
		if l.link.URL == "" {
			*l.link = *l.own
		} else if strings.HasPrefix(l.link.URL, b.BaseURL+"/") && strings.Contains(l.link.URL, "{") {
			return recovery.Brand{}, fmt.Errorf("%s of the recovery.Brand has its token in the path, and these pages read the query alone", l.name)
		}
	}
	return known, nil
}

// addBrands adds the brands that the host lists.
func (p *Handler) addBrands(mistakes *recovery.OptionErrors, o BrandOptions) {
	if len(o.List) == 0 && o.Find == nil {
		return
	}
	all := newBrands(p, o.Find)
	names := map[string]bool{}
	for i, b := range o.List {
		label := fmt.Sprintf("%.64q", b.Name)
		if b.Name == "" || names[b.Name] {
			label = fmt.Sprintf("number %d, %.64q", i+1, b.Name)
		}
		if names[b.Name] {
			mistakes.Add("Brands", "%s: Name: comes twice", label)
			continue
		}
		names[b.Name] = true
		pages, err := p.newBrand(b)
		if err == nil {
			err = errors.Join(all.add(pages), pages.addPages())
		}
		for _, mistake := range mistakesIn(err) {
			mistakes.Add("Brands", "%s: %s", label, mistake)
		}
	}
	p.brands = all
	all.tellOfLinks()
}

// mistakesIn returns the mistakes of one brand, as text.
func mistakesIn(err error) (all []string) {
	if err == nil {
		return nil
	}
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	for _, err := range list {
		if option, ok := errors.AsType[*recovery.OptionError](err); ok {
			all = append(all, option.Option+": "+option.Reason)
		} else {
			all = append(all, err.Error())
		}
	}
	return all
}
