package recovery

import (
	"net/http"
	"net/netip"
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
	// AcceptLanguage is the request's Accept-Language field. A value of more
	// than 128 bytes is ignored.
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
	s.tellOfProxies(r)
	return Requester{Client: s.clients.Addr(r), AcceptLanguage: r.Header.Get("Accept-Language"), Device: s.deviceOf(r)}
}

// check limits the lengths, because a job carries these values.
func (r *Requester) check() error {
	if len(r.Caller) > 128 {
		return invalid("caller", "is too long")
	}
	if len(r.AcceptLanguage) > 128 {
		r.AcceptLanguage = ""
	}
	if len(r.Device) > maxDeviceText {
		r.Device = ""
	}
	return nil
}
