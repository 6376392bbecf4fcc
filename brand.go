package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// A Brand is one of several names under which a host serves people: a shop, a
// customer of a service that is sold under other names, a subdomain. Where a
// field is zero, the one of [Options] holds.
type Brand struct {
	_ [0]func()

	// Name is what requests and leads call the brand: 1 to 64 characters of
	// printable ASCII without spaces. Upper and lower case differ. Required.
	Name string
	// Link, NotMe and Invitation are as [Options].Link, [Options].NotMe and
	// [InvitationOptions].Link, for messages of this brand. Each must carry one
	// token: LeadIDParam and SecretParam must be empty, and {LeadId} and
	// {TemporaryPassword} not be in its URL.
	Link, NotMe, Invitation Link
	// Limits hold for this brand alone.
	Limits BrandLimits
}

// BrandLimits are the limits of one brand, which hold beside [Limits].
type BrandLimits struct {
	_ [0]func()

	// EmailBudget and SMSBudget are as in [Limits], for the messages of this
	// brand. What they refuse does not count against the budgets of all brands
	// together. So strangers who ask at one brand use up no budget of the others.
	// Default: no budget.
	EmailBudget, SMSBudget LimitPolicy
}

// BrandOptions say which brands there are. Without Find there are none.
//
// A request names a brand, for example [ForgotRequest].Brand, and a lead may have
// one, [Lead].Brand. The lead's brand decides about its messages. The brand of the
// request decides for leads without one. Whoever asks chooses the brand of the
// request. So if brands belong to different parties, such as the customers of a
// service, each lead must have its brand: otherwise a stranger could ask at one
// brand for somebody's link, and it would lead to the pages of that brand, whose
// owner could use it (A104).
//
// Set Find once all instances run a version that knows brands. From then on, and with
// Data in a request, jobs are of a kind that an earlier version does not perform: it
// would send them without their brand. It tries them again for 15 minutes, as every
// job of a newer version.
type BrandOptions struct {
	_ [0]func()

	// Find returns a brand by its name. It is called for every request and message
	// that has a brand, so it must return at once, and it is called by several
	// goroutines. [BrandList] makes one of a list. A brand that it does not know,
	// or that is not valid, is refused in a request. A message of such a brand is
	// tried again until its job ends, because another instance, or this one after
	// a restart, may know the brand.
	Find func(name string) (Brand, bool)
	// Of returns the name of the brand that an HTTP request is for, or the empty
	// string, for example by its host name. [Service.Handler] and the wires ask
	// it. They never read a brand from a body. If Find does not know the name, the
	// answer is 400. A stranger chooses everything in a request, also its Host. So
	// look the host up in a table of your own, and never build a name from it (A104).
	// Several goroutines call Of at once. Default: the requests of these handlers have
	// no brand.
	Of func(*http.Request) string
}

// BrandList returns a function for [BrandOptions].Find that knows these brands.
// It reports all mistakes at once, as [*OptionError] values: brands that are not
// valid, and names that come twice.
func BrandList(brands ...Brand) (func(name string) (Brand, bool), error) {
	var mistakes OptionErrors
	byName := make(map[string]Brand, len(brands))
	for _, b := range brands {
		if err := b.Validate(); err != nil {
			mistakes.Join(err)
		} else if _, twice := byName[b.Name]; twice {
			mistakes.Add("Brands", "%q comes twice", b.Name)
		}
		byName[b.Name] = b.clone()
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return func(name string) (Brand, bool) {
		b, ok := byName[name]
		return b, ok
	}, nil
}

// clone copies what the caller could change later.
func (b Brand) clone() Brand {
	for _, l := range []*Link{&b.Link, &b.NotMe, &b.Invitation} {
		l.Fixed = slices.Clone(l.Fixed)
	}
	for _, p := range []*LimitPolicy{&b.Limits.EmailBudget, &b.Limits.SMSBudget} {
		p.Limits = slices.Clone(p.Limits)
	}
	return b
}

// Validate returns every mistake in the brand, joined. Each is an [*OptionError].
func (b Brand) Validate() error {
	var mistakes OptionErrors
	add := func(field string, reason any) {
		mistakes.Add("Brands", "%.64q: %s: %v", b.Name, field, reason)
	}
	if !isBrandName(b.Name) {
		add("Name", "must be 1 to 64 characters of printable ASCII without spaces")
	}
	for _, l := range []struct {
		field string
		link  Link
	}{{"Link", b.Link}, {"NotMe", b.NotMe}, {"Invitation", b.Invitation}} {
		if l.link.isZero() {
			continue
		}
		if err := l.link.Validate(); err != nil {
			add(l.field, err)
		} else if l.link.isSplit() {
			add(l.field, "must carry one token: LeadIDParam and SecretParam must be empty, and {LeadId} and {TemporaryPassword} not be in its URL")
		}
	}
	for _, l := range []struct {
		field  string
		policy LimitPolicy
	}{{"Limits.EmailBudget", b.Limits.EmailBudget}, {"Limits.SMSBudget", b.Limits.SMSBudget}} {
		if len(l.policy.Limits) == 0 && l.policy.ThenOneEvery == 0 {
			continue
		}
		if reason := l.policy.check(); reason != "" {
			add(l.field, reason)
		}
	}
	return mistakes.Err()
}

func isBrandName(name string) bool { return ascii.IsName(name, 1, 64) }

// isZero reports whether nothing of the link is set.
func (l Link) isZero() bool {
	return l.URL == "" && l.TokenParam == "" && l.LeadIDParam == "" && l.SecretParam == "" && len(l.Fixed) == 0
}

// or returns the link, or the other one if nothing of it is set.
func (l Link) or(other Link) Link {
	if l.isZero() {
		return other
	}
	return l
}

func (o BrandOptions) check(mistakes *OptionErrors) {
	if o.Of != nil && o.Find == nil {
		mistakes.Add("Brands.Find", "is required with Of: it says which brands there are. BrandList makes one of a list")
	}
}

// Brand returns the name of the brand that an HTTP request is for, as
// [BrandOptions].Of says, or the empty string. It is for authors of pages and
// wires. The name need not be known to Find: the request that carries it is
// refused then.
func (s *Service) Brand(r *http.Request) string {
	if s.opts.Brands.Of == nil {
		return ""
	}
	return s.opts.Brands.Of(r)
}

// These say why there is no brand of a name.
var (
	errUnknownBrand = errors.New("recovery: option Brands.Find does not know the brand")
	errInvalidBrand = errors.New("recovery: the brand that option Brands.Find returned is not valid")
)

// findBrand returns a valid brand. A host that adds a wrong brand while the
// program runs must not have links made of it, so each is checked when it is used.
func (s *Service) findBrand(ctx context.Context, name string) (b Brand, err error) {
	find := s.opts.Brands.Find
	if find == nil || !isBrandName(name) {
		return Brand{}, errUnknownBrand
	}
	ok := false
	err = s.guard(ctx, "Brands.Find", func() error {
		b, ok = find(name)
		return nil
	})
	if err != nil {
		return Brand{}, err
	}
	if !ok {
		return Brand{}, errUnknownBrand
	}
	if b.Name == name && s.brands.has(b) {
		return b, nil
	}
	if b.Name != name {
		err = fmt.Errorf("it has the name %.64q", b.Name)
	} else {
		err = s.checkBrand(b)
	}
	if err != nil {
		s.outages.Failed(ctx, s.log, slog.LevelError, "invalid brand", "recovery: a brand of option Brands.Find is not valid, so nothing is sent for it. Correct the brand: its messages are tried again until their links would have expired", "brand", name, "error", err)
		return Brand{}, errInvalidBrand
	}
	s.brands.add(b)
	return b, nil
}

// validBrands are brands that were found valid, so that an unchanged one is not
// checked for every request.
type validBrands struct {
	mu     sync.RWMutex
	byName map[string]Brand
}

// maxValidBrands is how many are kept. A host's Find may know any number of names,
// such as those of all subdomains.
const maxValidBrands = 10_000

func (v *validBrands) has(b Brand) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	known, ok := v.byName[b.Name]
	return ok && known.equal(b)
}

func (v *validBrands) add(b Brand) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.byName == nil || len(v.byName) >= maxValidBrands {
		v.byName = map[string]Brand{}
	}
	v.byName[b.Name] = b.clone()
}

func (b Brand) equal(other Brand) bool {
	equal := func(p, q LimitPolicy) bool {
		return p.ThenOneEvery == q.ThenOneEvery && slices.Equal(p.Limits, q.Limits)
	}
	return b.Link.equal(other.Link) && b.NotMe.equal(other.NotMe) && b.Invitation.equal(other.Invitation) &&
		equal(b.Limits.EmailBudget, other.Limits.EmailBudget) && equal(b.Limits.SMSBudget, other.Limits.SMSBudget)
}

// checkBrand checks a brand by itself, and by the options that bind every link.
func (s *Service) checkBrand(b Brand) error {
	if err := b.Validate(); err != nil {
		return err
	}
	for _, l := range []Link{b.Link, b.NotMe, b.Invitation} {
		if l.isZero() {
			continue
		}
		if err := l.leavesRoom(s.opts.ReturnTo); err != nil {
			return err
		}
		if u, err := url.Parse(l.URL); err != nil || (s.opts.Development || isForDevelopment(s.notifier)) && !isDevelopmentHost(u.Hostname()) {
			return errors.New("with option Development or DevNotifier, its links must lead to localhost, *.localhost, *.test, or a loopback or private address")
		}
	}
	return nil
}

// setBrand puts the brand and the data of a request into its job. usualLink says
// that the request names no link.
func (s *Service) setBrand(ctx context.Context, p *payload, brand string, data map[string]string, usualLink bool) (err error) {
	if p.Data, err = copyData(data); err != nil {
		return err
	}
	p.Brand, p.UsualLink = brand, usualLink && s.opts.Brands.Find != nil
	return s.requestBrand(ctx, brand)
}

// isBranded reports whether an instance of a version that knows neither brands nor
// data would perform the job wrongly. Such an instance ignores fields that it does
// not know: the mail would go out under another name, with a link to another host.
func (p *payload) isBranded() bool { return p.Brand != "" || p.Data != nil || p.UsualLink }

// requestBrand checks the brand that a request names.
func (s *Service) requestBrand(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	if _, err := s.findBrand(ctx, name); err != nil {
		return invalid("brand", "is not known here")
	}
	return nil
}

// originOfBrand returns the origin that paths of a brand's requests are at.
func (s *Service) originOfBrand(ctx context.Context, name string) string {
	link := s.opts.Link
	if name != "" {
		if b, err := s.findBrand(ctx, name); err == nil {
			link = b.Link.or(link)
		}
	}
	return originOf(link.URL)
}

// applyBrand decides which brand a delivery has, once its lead is known, and which
// link it sends. The lead's brand comes before that of the request, which a stranger
// may have chosen (A104).
//
// A link that the request names belongs to the brand of the request. So a lead of
// another brand gets the link of its own brand, and no place to return to.
func (s *Service) applyBrand(ctx context.Context, d *delivery) error {
	name := cmp.Or(d.lead.Brand, d.p.Brand)
	d.event.Brand, d.brand = eventBrand(name), Brand{}
	if name == "" {
		return nil
	}
	b, err := s.findBrand(ctx, name)
	if errors.Is(err, errUnknownBrand) {
		s.outages.Failed(ctx, s.log, slog.LevelError, "unknown brand", "recovery: nothing is sent for a brand that option Brands.Find does not know. Add it, or correct Lead.Brand: its messages are tried again until their links would have expired", "brand", eventBrand(name))
	}
	if err != nil {
		return unavailable("brand", err)
	}
	d.brand = b
	other := d.p.Brand != "" && d.p.Brand != name
	if d.p.UsualLink || other {
		if d.token == kindInvitation {
			d.link = s.invitationLink(d)
		} else {
			d.link = b.Link.or(s.opts.Link)
		}
	}
	if other {
		d.p.ReturnTo = ""
	}
	if d.token != kindMailed && d.link.isSplit() {
		// Options.Link may be, and such a link would be refused: see hostPayload.
		return fmt.Errorf("%w: the brand has no link that carries one token", ErrPermanent)
	}
	return nil
}

// presented checks the brand and the data of a request with a proof, and returns the
// context and a copy of the data.
func (s *Service) presented(ctx context.Context, brand string, data map[string]string) (context.Context, map[string]string, error) {
	data, err := copyData(data)
	if err == nil {
		err = s.requestBrand(ctx, brand)
	}
	return withBrand(ctx, brand), data, err
}

// eventBrand returns the name of a brand as events have it. A store may return any
// text.
func eventBrand(name string) string {
	if !isBrandName(name) {
		return ""
	}
	return name
}

// invitationLink returns the page where the lead of a delivery chooses its first
// password.
func (s *Service) invitationLink(d *delivery) Link {
	return d.brand.Invitation.or(s.opts.Invitations.Link)
}

// brandBudgetOf returns the budget of the brand that a delivery counts against.
func (s *Service) brandBudgetOf(d *delivery) []scopedRequest {
	policy := d.brand.Limits.EmailBudget
	if d.to.channel == ChannelSMS {
		policy = d.brand.Limits.SMSBudget
	}
	if len(policy.Limits) == 0 {
		return nil
	}
	return []scopedRequest{s.budget("brand "+string(d.to.channel)+" "+d.brand.Name, policy, d.job.ID)}
}

// inStages returns the limits of a message in the order in which they are asked:
// those of the person, then the budget of the brand, then those of all messages.
// Each is asked only if those before it allow the message. Otherwise what a person's
// limits refuse would use up the budgets of everybody (A57), and what one brand's
// budget refuses those of the other brands.
func (d *delivery) inStages(person, budgets []scopedRequest) (stages [][]scopedRequest) {
	for _, requests := range [][]scopedRequest{person, d.brandBudget, budgets} {
		if len(requests) > 0 {
			stages = append(stages, requests)
		}
	}
	return stages
}

// ofBrand leaves out of a shared message the leads of other brands than one: that of
// the request, if one of the leads has it, or else that of the first. Nobody is told
// at one brand of an account at another. Without the brand of the request, leads with
// different addresses all stay: then it is not certain who is meant, and share sends
// nothing.
func (d *delivery) ofBrand(able []account) []account {
	brand := func(a account) string { return cmp.Or(a.lead.Brand, d.p.Brand) }
	if len(able) == 0 {
		return nil
	}
	chosen := brand(able[0])
	switch {
	case slices.ContainsFunc(able, func(a account) bool { return brand(a) == d.p.Brand }):
		chosen = d.p.Brand
	case slices.ContainsFunc(able, func(a account) bool { return a.to.canonical != able[0].to.canonical }):
		return able
	}
	var kept []account
	for _, a := range able {
		if brand(a) == chosen {
			kept = append(kept, a)
		} else {
			d.leave(a.lead, ReasonOtherBrand, "")
		}
	}
	return kept
}

type brandKey struct{}

// withBrand returns a context that says which brand a request is for.
func withBrand(ctx context.Context, name string) context.Context {
	if name == "" {
		return ctx
	}
	return context.WithValue(ctx, brandKey{}, name)
}

// BrandOf returns the brand of the request that a [Service] serves, from the
// context that a [LeadStore] or another part of the host is called with. A store
// whose leads have the same identifiers in several brands, such as one address in
// two shops, looks among those of this brand. In a search by [LeadIDField] it is
// not needed: an ID belongs to one lead. It is empty if the request has no brand.
// Once the lead is known, [Lead].Brand decides.
func BrandOf(ctx context.Context) string {
	name, _ := ctx.Value(brandKey{}).(string)
	return name
}
