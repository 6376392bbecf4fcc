package leadsquared

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// Options configure a [Handler]. There is no useful zero value: a handler
// without portals would serve nobody. What a [Portal] leaves out is off.
// [New] copies what it needs.
type Options struct {
	_ [0]func()

	// Portals are the portals to serve, at least one. Every request is compared
	// with the keys of all, which takes about a microsecond for each.
	Portals []Portal
	// Logger receives what goes wrong: failures of the host's stores, panics,
	// refused key pairs. Never a credential, a body or a URL. Default: the
	// logger of the first portal's Service.
	Logger *slog.Logger
}

// A Portal is one portal of the host application: who may call, and on whose
// leads.
type Portal struct {
	_ [0]func()

	// ID is the portal's GUID, 32 hexadecimal digits in five groups. Case does
	// not matter. Required.
	ID string
	// Service holds the portal's leads and tokens. Required, and no other
	// portal's: that is what keeps the portals of one handler apart (A36).
	// Services on one token store need different Prefixes as well.
	Service *recovery.Service

	// PublicAuthKeys are the accepted values of the Authorization header, one
	// or, during a rotation, two of 12 to 512 characters. The first is the one
	// that the PublicToken endpoint hands out. Portals may share a key if all
	// of them are v2 only. Required.
	PublicAuthKeys []string
	// RegisterTokens are the accepted values of the x-lsq-registertoken
	// header, on the same terms; portals may share one. Required.
	RegisterTokens []string
	// AccessKeys are the key pairs that may read the two values above, none,
	// one, or two during a rotation. Default none: the Access endpoints then
	// answer 401. Portals that belong to one account and share its keys list
	// its pair in one of them.
	AccessKeys []AccessKey

	// AllowV1 serves the generation of endpoints that is called with nothing
	// but the Authorization header. Default false: v2 only.
	AllowV1 bool

	// ResetURL is the absolute https URL of the page that mailed links open;
	// see [recovery.Link] for what is accepted. It may have a query. Required:
	// no request ever decides where a link leads (A01).
	ResetURL string
	// LeadIDParam and TemporaryPasswordParam are the query parameters of the
	// link. Default "LeadId" and "TemporaryPassword". The vendor's own portals
	// read "leadId" and "tmpPassword".
	LeadIDParam, TemporaryPasswordParam string

	// Origins are the browser origins whose pages may call the Forgot and Reset
	// endpoints, each exactly as browsers send it: "https://portal.example.com".
	// Default none: pages of other origins cannot.
	Origins []string
}

// An AccessKey is a pair that proves a server of the host's.
type AccessKey struct {
	// Key names the pair: 12 to 512 characters, unlike that of any other pair.
	Key string
	// Secret has 12 to 512 characters. It must be drawn at random and have at
	// least 128 bits, as a vendor's key has: the lower bound catches accidents,
	// and the limit on guesses only slows guessing down.
	Secret recovery.Secret
}

const (
	maxLive   = 2   // keys of one kind in one portal
	maxKey    = 512 // bytes, of what is configured and of what is presented
	minKey    = 12
	minSecret = 12
)

// portal is a Portal that was found valid.
type portal struct {
	id             string // lower case
	caller         string
	service        *recovery.Service
	settings       recovery.Settings
	publicAuthKeys []string
	registerTokens []string
	accessKeys     []AccessKey
	v1             bool
	link           recovery.Link
	cors           *httpapi.CORS
}

// build validates everything before anything is made of it, and reports every
// mistake.
func (o Options) build() ([]*portal, *httpapi.CORS, error) {
	v := &validation{
		ids: map[string]int{}, services: map[*recovery.Service]int{}, authKeys: map[string][]int{},
		accessKeys: map[string]string{}, secrets: map[string]string{},
	}
	if len(o.Portals) == 0 {
		v.bad("Portals", "needs at least one")
	}
	for i, p := range o.Portals {
		v.portal(i, p)
	}
	v.acrossPortals(o.Portals)
	if err := errors.Join(v.errs...); err != nil {
		return nil, nil, err
	}
	portals := make([]*portal, 0, len(o.Portals))
	var origins []string
	for _, p := range o.Portals {
		cors, err := httpapi.NewCORS(p.Origins)
		if err != nil {
			return nil, nil, err
		}
		origins = append(origins, p.Origins...)
		id := canonical.FoldASCII(p.ID)
		portals = append(portals, &portal{
			id: id, caller: "leadsquared:" + id, service: p.Service, settings: p.Service.Settings(),
			publicAuthKeys: slices.Clone(p.PublicAuthKeys),
			registerTokens: slices.Clone(p.RegisterTokens),
			accessKeys:     slices.Clone(p.AccessKeys),
			v1:             p.AllowV1, link: p.link(), cors: cors,
		})
	}
	anyPortal, err := httpapi.NewCORS(origins)
	return portals, anyPortal, err
}

func (p Portal) link() recovery.Link {
	l := recovery.Link{URL: p.ResetURL, LeadIDParam: p.LeadIDParam, SecretParam: p.TemporaryPasswordParam}
	if l.LeadIDParam == "" {
		l.LeadIDParam = "LeadId"
	}
	if l.SecretParam == "" {
		l.SecretParam = "TemporaryPassword"
	}
	return l
}

// validation collects mistakes, and what may occur only once over all portals.
// The values are indices of portals or names of options.
type validation struct {
	errs       []error
	ids        map[string]int
	services   map[*recovery.Service]int
	authKeys   map[string][]int
	accessKeys map[string]string
	secrets    map[string]string
}

func (v *validation) bad(option, format string, args ...any) {
	v.errs = append(v.errs, &recovery.OptionError{Option: option, Reason: fmt.Sprintf(format, args...)})
}

func (v *validation) portal(i int, p Portal) {
	at := fmt.Sprintf("Portals[%d].", i)
	if id := canonical.FoldASCII(p.ID); !isGUID(id) {
		v.bad(at+"ID", "%q must be a GUID", p.ID)
	} else if j, ok := v.ids[id]; ok {
		v.bad(at+"ID", "is that of Portals[%d] too", j)
	} else {
		v.ids[id] = i
	}
	if p.Service == nil {
		v.bad(at+"Service", "is required")
	} else if j, ok := v.services[p.Service]; ok {
		v.bad(at+"Service", "is that of Portals[%d] too; a portal needs its own, or its links work in the other", j)
	} else {
		v.services[p.Service] = i
	}
	v.keys(at+"PublicAuthKeys", p.PublicAuthKeys)
	v.keys(at+"RegisterTokens", p.RegisterTokens)
	for _, k := range p.PublicAuthKeys {
		if checkKey(k, minKey) == "" && !slices.Contains(v.authKeys[k], i) {
			v.authKeys[k] = append(v.authKeys[k], i)
		}
	}
	if len(p.AccessKeys) > maxLive {
		v.bad(at+"AccessKeys", "has %d pairs, at most %d", len(p.AccessKeys), maxLive)
	}
	for j, k := range p.AccessKeys {
		at := fmt.Sprintf("%sAccessKeys[%d].", at, j)
		if reason := checkKey(k.Key, minKey); reason != "" {
			v.bad(at+"Key", "%s", reason)
		} else if other, ok := v.accessKeys[k.Key]; ok {
			v.bad(at+"Key", "is that of %s too", other)
		} else {
			v.accessKeys[k.Key] = at + "Key"
		}
		if reason := checkKey(k.Secret.Reveal(), minSecret); reason != "" {
			v.bad(at+"Secret", "%s", reason)
		} else {
			v.secrets[k.Secret.Reveal()] = at + "Secret"
		}
	}
	if err := p.link().Validate(); err != nil {
		v.bad(at+"ResetURL or the names of its parameters", "%v", err)
	}
	for j, origin := range p.Origins {
		if _, err := httpapi.NewCORS([]string{origin}); err != nil {
			v.bad(fmt.Sprintf("%sOrigins[%d]", at, j), "%v", err)
		}
	}
}

// keys checks the values of one header. The values are not quoted, lest a
// secret that got into the wrong place is printed.
func (v *validation) keys(option string, keys []string) {
	if len(keys) == 0 || len(keys) > maxLive {
		v.bad(option, "has %d, needs one, or two during a rotation", len(keys))
	}
	for i, k := range keys {
		if reason := checkKey(k, minKey); reason != "" {
			v.bad(fmt.Sprintf("%s[%d]", option, i), "%s", reason)
		} else if slices.Contains(keys[:i], k) {
			v.bad(fmt.Sprintf("%s[%d]", option, i), "is given twice")
		}
	}
}

// acrossPortals finds what is wrong only in view of other portals.
func (v *validation) acrossPortals(portals []Portal) {
	for i, p := range portals {
		for j, k := range p.PublicAuthKeys {
			at := fmt.Sprintf("Portals[%d].PublicAuthKeys[%d]", i, j)
			// The v1 endpoints have nothing else to choose a portal by.
			for _, other := range v.authKeys[k] {
				if other < i && (p.AllowV1 || portals[other].AllowV1) {
					v.bad(at, "is a key of Portals[%d] too, and v1 could not tell them apart", other)
				}
			}
			if secret, ok := v.secrets[k]; ok {
				v.bad(at, "is public and must not be %s", secret)
			}
		}
		for j, k := range p.RegisterTokens {
			if secret, ok := v.secrets[k]; ok {
				v.bad(fmt.Sprintf("Portals[%d].RegisterTokens[%d]", i, j), "is public and must not be %s", secret)
			}
		}
	}
}

// checkKey returns what is wrong with a value that travels in a header.
func checkKey(key string, least int) string {
	if len(key) < least || len(key) > maxKey {
		return fmt.Sprintf("has %d bytes, must have %d to %d", len(key), least, maxKey)
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "must be printable ASCII without spaces"
	}
	return ""
}

// isGUID reports whether s is a GUID in lower case.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
				return false
			}
		}
	}
	return true
}
