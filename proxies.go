package recovery

import (
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/seed-51359b35/recovery/internal/clientaddr"
)

func (o ClientAddressOptions) resolver() clientaddr.Options {
	return clientaddr.Options{
		Trusted: o.TrustedProxies, Servers: o.ServerCallers, UnixSockets: o.TrustUnixSockets, Forwarded: o.Forwarded, IPv6Prefix: o.IPv6Prefix,
	}
}

// toldProxies says what was logged already. Anybody can send the header fields of
// proxies, so each line is logged once. A peer with a public address is told
// apart: a client that makes the field up must not use up the line about the
// host's own proxy.
type toldProxies struct{ private, public, trusted, privateServer, publicServer atomic.Bool }

// tellOfProxies logs that a proxy stands in front whose fields are not read.
// Without the right options, all clients behind it count as one, and together
// they soon reach the limit of a client.
func (s *Service) tellOfProxies(r *http.Request) {
	told := &s.proxies
	if told.private.Load() && told.public.Load() && told.trusted.Load() {
		return
	}
	header, trusted := s.clients.Ignored(r)
	if header == "" {
		return
	}
	if trusted {
		if !told.trusted.Swap(true) {
			s.log.Warn("recovery: a trusted proxy does not send the header field that is read, so all clients behind it count as one. Have it set X-Forwarded-For or, with option ClientAddress.Forwarded, Forwarded",
				"peer", r.RemoteAddr, "sends", header)
		}
		return
	}
	once := &told.private
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && isPublic(peer.Addr()) {
		once = &told.public
	}
	if once.Swap(true) {
		return
	}
	s.log.Warn("recovery: a peer that is not a trusted proxy sends a header field of proxies. If it is your proxy, all clients behind it count as one: add its address to option ClientAddress.TrustedProxies or, for a Unix domain socket, set ClientAddress.TrustUnixSockets. If it is a client that made the field up, there is nothing to do",
		"peer", r.RemoteAddr, "sends", header)
}

// tellOfServer logs that somebody who is not believed passes on the address of a
// person, once for private addresses and once for all others.
func (s *Service) tellOfServer(sender netip.Addr) {
	once := &s.proxies.privateServer
	if sender.IsValid() && isPublic(sender) {
		once = &s.proxies.publicServer
	}
	if once.Swap(true) {
		return
	}
	s.log.Warn("recovery: a sender that is not believed passes on the address of a person in X-Origin-IP. If it is your server, all people whom it calls for count as one: add its address to option ClientAddress.ServerCallers, and its proxy, if there is one, to ClientAddress.TrustedProxies. If it is a client that made the field up, there is nothing to do",
		"sender", sender.String())
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast()
}
