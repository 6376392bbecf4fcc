package recovery

import (
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/seed-51359b35/recovery/internal/clientaddr"
)

func (o ClientAddressOptions) resolver() clientaddr.Options {
	return clientaddr.Options{
		Trusted: o.TrustedProxies, UnixSockets: o.TrustUnixSockets, Forwarded: o.Forwarded, IPv6Prefix: o.IPv6Prefix,
	}
}

// toldProxies says what was logged already. Anybody can send the header fields of
// proxies, so each line is logged once. A peer with a public address is told
// apart: a client that makes the field up must not use up the line about the
// host's own proxy.
type toldProxies struct{ private, public, trusted atomic.Bool }

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
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	once := &told.private
	if addr := peer.Addr().Unmap(); err == nil && !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() {
		once = &told.public
	}
	if once.Swap(true) {
		return
	}
	s.log.Warn("recovery: a peer that is not a trusted proxy sends a header field of proxies. If it is your proxy, all clients behind it count as one: add its address to option ClientAddress.TrustedProxies or, for a Unix domain socket, set ClientAddress.TrustUnixSockets. If it is a client that made the field up, there is nothing to do",
		"peer", r.RemoteAddr, "sends", header)
}
