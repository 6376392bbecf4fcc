package leadsquared

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/ascii"
	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// Options configure a [Handler]. The zero value is not valid, because it has no
// portal. Everything optional in a [Portal] is off by default. [New] copies
// what it needs.
type Options struct {
	_ [0]func()

	// Portals are the portals to serve, at least one. Every request is compared
	// with the keys of all portals, which takes about a microsecond for each
	// portal.
	Portals []Portal
	// Path is where the handler is mounted, as clients see it, such as "/crm":
	// then /crm/api/Authentication/v2/ResetPassword is an endpoint. With or
	// without [http.StripPrefix], and behind a proxy that takes the path or the
	// first part of it off, the endpoints are found all the same. A request that
	// comes below another path is answered with 404 and told in the log.
	// Default: the root, at which the vendor's clients call.
	Path string
	// Next serves all other paths, such as those of sign-in and sign-up, during
	// a migration: the host's own handler, or a proxy to the vendor. It gets the
	// request as the client sent it, with its body and its credentials, which
	// nobody has read. It never gets a path of [Paths], with any method, nor a
	// path that another server could take for one of them: with a format behind
	// it (".json"), an empty segment, a segment that ends in a dot, a backslash,
	// '%', ';', '?' or '#' behind an escape, or anything else than printable
	// ASCII. These are answered with 404. Default: 404 for all other paths.
	Next http.Handler
	// Logger receives failures of the host's stores, panics and refused key
	// pairs. It never receives a credential, a body or a URL. Default: the
	// logger of the first portal's Service.
	Logger *slog.Logger
}

// A Portal is one portal of the host application: its credentials, and the
// Service with its leads.
type Portal struct {
	_ [0]func()

	// ID is the portal's GUID, 32 hexadecimal digits in five groups. Case does
	// not matter. Required.
	ID string
	// Service holds the portal's leads and tokens. Required. Two portals must
	// not have the same Service: separate Services keep the portals of one
	// handler apart (A36). Services on one token store also need different
	// Prefixes.
	Service *recovery.Service

	// PublicAuthKeys are the accepted values of the Authorization header: one
	// value or, during a rotation, two, of 12 to 512 characters each. The
	// PublicToken endpoint returns the first one. Portals may share a key if
	// none of them sets AllowV1. Required.
	PublicAuthKeys []string
	// RegisterTokens are the accepted values of the x-lsq-registertoken
	// header: one value or, during a rotation, two, of 12 to 512 characters
	// each. The GetRegisterToken endpoint returns the first one. Portals may
	// share a token. Required.
	RegisterTokens []string
	// AccessKeys are the key pairs that may read the two values above: none,
	// one, or two during a rotation. Default: none, so that the Access
	// endpoints answer 401. If several portals belong to one account and share
	// its key pair, list the pair in one of them.
	AccessKeys []AccessKey

	// AllowV1 also serves the first generation of endpoints, whose clients send
	// no credential but the Authorization header. Default false: v2 only.
	AllowV1 bool
	// DangerouslyAllowAccessKeys is for the oldest portals, whose pages have a
	// key pair of AccessKeys in their JavaScript. With it, pages of Origins may
	// call the Access endpoints. With AllowV1 too, a v1 request that has no
	// Authorization header may carry the pair in its place, in the headers
	// x-LSQ-AccessKey and x-LSQ-SecretKey or in the query. Such a pair is no
	// secret any more: every visitor has it, and from the query it reaches
	// access logs. List it here alone, and use it for nothing else. Default
	// false: such a request is a 401 that names the header that is missing.
	DangerouslyAllowAccessKeys bool

	// ResetURL is the absolute https URL of the page that mailed links open. It
	// may have a query, or the placeholders {LeadId} and {TemporaryPassword} as
	// segments of its path, such as
	// "https://portal.example.com/reset/{LeadId}/{TemporaryPassword}";
	// [recovery.Link] says which URLs are accepted. A URL of pages of package
	// portal that could not read the links is refused
	// ([recovery.Service.AddLink]). Required, because no request ever decides
	// where a link leads (A01).
	ResetURL string
	// LeadIDParam and TemporaryPasswordParam are the query parameters of the
	// link. Default "LeadId" and "TemporaryPassword", or none if ResetURL has
	// placeholders. The vendor's own portals read "leadId" and "tmpPassword".
	LeadIDParam, TemporaryPasswordParam string

	// Origins are the browser origins whose pages may call the Forgot and Reset
	// endpoints, each exactly as browsers send it, for example
	// "https://portal.example.com". Default: none.
	Origins []string
}

// An AccessKey is a key pair. A server of the host's proves itself with it.
type AccessKey struct {
	// Key names the pair. It has 12 to 512 characters, and no other pair may
	// have the same.
	Key string
	// Secret has 12 to 512 characters. It must be drawn at random, with at
	// least 128 bits, as the vendor's keys are. The lower bound on its length
	// only catches accidents, and the limit on guesses only slows guessing.
	Secret recovery.Secret
}

const (
	maxLive = 2 // keys of one kind in one portal

	// The length of a key or secret, in bytes.
	minKey = 12
	maxKey = 512
)

// A portal is a Portal that was checked.
type portal struct {
	id             string // lower case
	caller         string
	service        *recovery.Service
	settings       recovery.Settings
	publicAuthKeys []string
	registerTokens []string
	accessKeys     []AccessKey
	v1             bool
	pairs          bool // DangerouslyAllowAccessKeys
	link           recovery.Link
	cors           *httpapi.CORS
}

// build checks all options before it makes anything of them, and reports all
// mistakes.
func (o Options) build() ([]*portal, error) {
	v := &validation{
		mistakes: recovery.OptionErrors{Package: "leadsquared"},
		ids:      map[string]int{}, services: map[*recovery.Service]int{}, authKeys: map[string][]int{},
		accessKeys: map[string]string{}, secrets: map[string]string{},
	}
	if len(o.Portals) == 0 {
		v.mistakes.Add("Portals", "needs at least one")
	}
	if err := httpapi.CheckMount(o.Path); err != nil {
		v.mistakes.Add("Path", "%v", err)
	}
	for i, p := range o.Portals {
		v.portal(i, p)
	}
	v.acrossPortals(o.Portals)
	if err := v.mistakes.Err(); err != nil {
		return nil, err
	}
	portals := make([]*portal, 0, len(o.Portals))
	for i, p := range o.Portals {
		cors, err := httpapi.NewCORS(p.Origins)
		if err != nil {
			return nil, err
		}
		if err := p.Service.AddLink(p.link()); err != nil {
			v.mistakes.Add(fmt.Sprintf("Portals[%d].ResetURL", i), "%v", err)
		}
		id := canonical.FoldASCII(p.ID)
		portals = append(portals, &portal{
			id: id, caller: "leadsquared:" + id, service: p.Service, settings: p.Service.Settings(),
			publicAuthKeys: slices.Clone(p.PublicAuthKeys),
			registerTokens: slices.Clone(p.RegisterTokens),
			accessKeys:     slices.Clone(p.AccessKeys),
			v1:             p.AllowV1, pairs: p.DangerouslyAllowAccessKeys, link: p.link(), cors: cors,
		})
	}
	return portals, v.mistakes.Err()
}

// origins returns the origins of the portals that are meant, together.
func (o Options) origins(meant func(Portal) bool) (*httpapi.CORS, error) {
	var all []string
	for _, p := range o.Portals {
		if meant(p) {
			all = append(all, p.Origins...)
		}
	}
	return httpapi.NewCORS(all)
}

func (p Portal) link() recovery.Link {
	l := recovery.Link{URL: p.ResetURL, LeadIDParam: p.LeadIDParam, SecretParam: p.TemporaryPasswordParam}
	if strings.ContainsAny(p.ResetURL, "{}") {
		return l // the path carries both
	}
	if l.LeadIDParam == "" {
		l.LeadIDParam = "LeadId"
	}
	if l.SecretParam == "" {
		l.SecretParam = "TemporaryPassword"
	}
	return l
}

// pairsInV1 reports whether v1 calls of a portal may carry a key pair in place
// of the Authorization header.
func (p Portal) pairsInV1() bool { return p.AllowV1 && p.DangerouslyAllowAccessKeys }

// A validation collects mistakes, and the values that must not occur twice in
// all portals. The maps lead from such a value to the index of its portal or to
// the name of its option.
type validation struct {
	mistakes   recovery.OptionErrors
	ids        map[string]int
	services   map[*recovery.Service]int
	authKeys   map[string][]int
	accessKeys map[string]string
	secrets    map[string]string
}

func (v *validation) portal(i int, p Portal) {
	at := fmt.Sprintf("Portals[%d].", i)
	if id := canonical.FoldASCII(p.ID); !isGUID(id) {
		v.mistakes.Add(at+"ID", "%q must be a GUID", p.ID)
	} else if j, ok := v.ids[id]; ok {
		v.mistakes.Add(at+"ID", "is also the ID of Portals[%d]", j)
	} else {
		v.ids[id] = i
	}
	if p.Service == nil {
		v.mistakes.Add(at+"Service", "is required")
	} else if j, ok := v.services[p.Service]; ok {
		v.mistakes.Add(at+"Service", "is also the Service of Portals[%d]; each portal needs its own, or the links of one portal work in the other", j)
	} else {
		v.services[p.Service] = i
	}
	v.keys(at+"PublicAuthKeys", p.PublicAuthKeys)
	v.keys(at+"RegisterTokens", p.RegisterTokens)
	for _, k := range p.PublicAuthKeys {
		if checkKey(k) == "" && !slices.Contains(v.authKeys[k], i) {
			v.authKeys[k] = append(v.authKeys[k], i)
		}
	}
	v.pairs(at+"AccessKeys", p.AccessKeys)
	if err := p.link().Validate(); err != nil {
		v.mistakes.Add(at+"ResetURL or the names of its parameters", "%v", err)
	} else if strings.Contains(p.ResetURL, "{token}") {
		v.mistakes.Add(at+"ResetURL", "must have the placeholders {LeadId} and {TemporaryPassword}: clients of this API send both back")
	}
	if p.DangerouslyAllowAccessKeys && len(p.AccessKeys) == 0 {
		v.mistakes.Add(at+"DangerouslyAllowAccessKeys", "needs AccessKeys")
	}
	for j, origin := range p.Origins {
		if _, err := httpapi.NewCORS([]string{origin}); err != nil {
			v.mistakes.Add(fmt.Sprintf("%sOrigins[%d]", at, j), "%v", err)
		}
	}
}

// keys checks the values of one header. It does not quote the values: a secret
// that was put into the wrong option must not be printed.
func (v *validation) keys(option string, keys []string) {
	if len(keys) == 0 || len(keys) > maxLive {
		v.mistakes.Add(option, "has %d, needs one, or two during a rotation", len(keys))
	}
	for i, k := range keys {
		if reason := checkKey(k); reason != "" {
			v.mistakes.Add(fmt.Sprintf("%s[%d]", option, i), "%s", reason)
		} else if slices.Contains(keys[:i], k) {
			v.mistakes.Add(fmt.Sprintf("%s[%d]", option, i), "is given twice")
		}
	}
}

// pairs checks the key pairs of one portal.
func (v *validation) pairs(option string, pairs []AccessKey) {
	if len(pairs) > maxLive {
		v.mistakes.Add(option, "has %d pairs, at most %d", len(pairs), maxLive)
	}
	for i, k := range pairs {
		at := fmt.Sprintf("%s[%d].", option, i)
		if reason := checkKey(k.Key); reason != "" {
			v.mistakes.Add(at+"Key", "%s", reason)
		} else if other, ok := v.accessKeys[k.Key]; ok {
			v.mistakes.Add(at+"Key", "is the same as %s", other)
		} else {
			v.accessKeys[k.Key] = at + "Key"
		}
		if reason := checkKey(k.Secret.Reveal()); reason != "" {
			v.mistakes.Add(at+"Secret", "%s", reason)
		} else {
			v.secrets[k.Secret.Reveal()] = at + "Secret"
		}
	}
}

// acrossPortals finds the mistakes that depend on several portals.
func (v *validation) acrossPortals(portals []Portal) {
	for i, p := range portals {
		for j, k := range p.PublicAuthKeys {
			at := fmt.Sprintf("Portals[%d].PublicAuthKeys[%d]", i, j)
			// In v1 this key alone says which portal is meant.
			for _, other := range v.authKeys[k] {
				if other < i && (p.AllowV1 || portals[other].AllowV1) {
					v.mistakes.Add(at, "is also a key of Portals[%d], and v1 could not tell the two apart", other)
				}
			}
			if secret, ok := v.secrets[k]; ok {
				v.mistakes.Add(at, "is public and must not be %s", secret)
			}
		}
		for j, k := range p.RegisterTokens {
			if secret, ok := v.secrets[k]; ok {
				v.mistakes.Add(fmt.Sprintf("Portals[%d].RegisterTokens[%d]", i, j), "is public and must not be %s", secret)
			}
		}
	}
}

// checkKey returns what is wrong with a key or secret, or "". Both are sent in
// headers.
func checkKey(key string) string {
	if len(key) < minKey || len(key) > maxKey {
		return fmt.Sprintf("has %d bytes, must have %d to %d", len(key), minKey, maxKey)
	}
	if !ascii.IsName(key, minKey, maxKey) {
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
