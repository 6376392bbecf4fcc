package recovery

import (
	"net/http"
	"net/netip"
)

// An Origin says where a request comes from.
type Requester struct {
	// Caller names the API key that was presented, if any: up to 128 bytes.
	// With a valid Client, the pair of both is limited, because keys in
	// browsers are public (A82).
	Caller string
	// Client is the address of the person's device. The zero Addr is one
	// client, shared by everybody whose address is not known.
	Client netip.Addr
	// AcceptLanguage is the request's field of that name. More than 128 bytes
	// are as good as none.
	AcceptLanguage string
}

// Origin reads the client's address, by [Options.ClientAddress=ClientAddressOptions.TrustedProxies], and its
// languages off a request.
func (s *Service) Requester(r *http.Request) Requester {
	return Requester{Client: s.clients.Addr(r), AcceptLanguage: r.Header.Get("Accept-Language")}
}

// check bounds what a job carries.
func (o *Requester) check() error {
	if len(o.Caller) > 128 {
		return invalid("caller", "is too long")
	}
	if len(o.AcceptLanguage) > 128 {
		o.AcceptLanguage = ""
	}
	return nil
}
