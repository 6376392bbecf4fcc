package recovery

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/seed-51359b35/recovery/internal/clientaddr"
)

// A Requester says who sends a request. Its zero value is a client whose
// address is not known, without an API key.
type Requester struct {
	// Caller names the API key that the request presented, if any: up to 128
	// bytes. If Client is valid, the limit is per pair of Caller and Client,
	// because everybody can read the keys that browsers send (A82).
	Caller string
	// Client is the address of the person's device. The zero Addr stands for
	// every client whose address is not known: all of them share one limit.
	Client netip.Addr
	// Server is the address of the server that sent the request for the person
	// and passed on Client. It is the zero Addr if nobody did who is believed:
	// see [ClientAddressOptions].ServerCallers. Limits do not count it, but
	// [Service.AllowSecret] does.
	Server netip.Addr
	// passedOn says that Client was passed on by Server, also where Server has
	// no address.
	passedOn bool
	// AcceptLanguage is the request's Accept-Language field. Of a longer value,
	// the ranges that end within the first 128 bytes count.
	AcceptLanguage string
	// Device is what the client presents as a known device: the cookie of
	// [Service.RememberDevice], or what [Service.NewDevice] returned. Anything
	// else, and a value of more than 2,048 bytes, counts as none. Only
	// [Service.ForgotPassword] looks at it.
	Device string
}

// Requester returns the address of the client that sent r, as
// [Options].ClientAddress says, the client's languages, and its cookie of
// [Service.RememberDevice]. Caller is empty: set it after the API key was
// checked.
func (s *Service) Requester(r *http.Request) Requester {
	from := s.requester(r, false)
	if !from.passedOn && clientaddr.PassesOn(r) {
		s.tellOfServer(from.Client)
	}
	return from
}

// ServerRequester is Requester for a request whose sender is a server that proved
// a secret of the host's: what it says in X-Origin-IP is believed, wherever it
// calls from. [Service.AllowSecret] takes the result also before the secret was
// checked, because it counts the server.
func (s *Service) ServerRequester(r *http.Request) Requester { return s.requester(r, true) }

func (s *Service) requester(r *http.Request, proven bool) Requester {
	s.tellOfProxies(r)
	from := Requester{Client: s.clients.Addr(r), AcceptLanguage: r.Header.Get("Accept-Language"), Device: s.deviceOf(r)}
	if person, ok := s.clients.PassedOn(r, from.Client, proven); ok {
		from.Client, from.Server, from.passedOn = person, from.Client, true
	}
	return from
}

// check limits the lengths, because a job carries these values.
func (r *Requester) check() error {
	if len(r.Caller) > 128 {
		return invalid("caller", "is too long")
	}
	if len(r.AcceptLanguage) > 128 {
		end := strings.LastIndexByte(r.AcceptLanguage[:129], ',')
		r.AcceptLanguage = r.AcceptLanguage[:max(0, end)]
	}
	if len(r.Device) > maxDeviceText {
		r.Device = ""
	}
	return nil
}
