// Package clientaddr finds the network address under which a request is
// counted.
//
// The address decides whose quota is used up, so a client must not be able to
// choose it. The peer of the connection is the client, unless the host
// application has named trusted proxies. Only then is X-Forwarded-For read, or
// Forwarded (RFC 7239) if the host chose that, and only those of its elements
// that trusted proxies have added. No other header of proxies (X-Real-IP,
// True-Client-IP, CF-Connecting-IP) is ever read, and never two: a proxy that sets
// one of them passes on whatever the client wrote into the others.
//
// A server that calls for people says in X-Origin-IP whose request it is. That is
// read if the address that was found so far is one of the host's servers, or if
// the sender has proved a secret, and in no other case.
package clientaddr

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const (
	// maxHops limits how many elements of X-Forwarded-For are read. Together
	// with maxHop it limits the bytes. No real chain of proxies is nearly as
	// long.
	maxHops = 32
	// maxHop is the length of the longest element in bytes, with the white
	// space around it. It is much more than "[", 45 bytes of IPv6, a zone and
	// "]:65535" need.
	maxHop = 128

	defaultV6Bits = 64
	minV6Bits     = 48
)

// A Resolver finds the addresses of clients and knows the trusted proxies. It
// is immutable and safe for concurrent use. The zero Resolver is not valid; use
// [New].
type Resolver struct {
	trusted   []netip.Prefix
	servers   []netip.Prefix
	sockets   bool
	forwarded bool
	v6bits    int
}

// Options say whom a Resolver believes. If Trusted is empty and UnixSockets
// false, that is nobody.
type Options struct {
	// Trusted are the addresses of proxies. A prefix of zero bits is a mistake:
	// if everybody is a trusted proxy, everybody can choose their own address.
	Trusted []netip.Prefix
	// Servers are the addresses of servers that pass on, in X-Origin-IP, the
	// address of the person for whom they call. A prefix of zero bits is a mistake
	// here too.
	Servers []netip.Prefix
	// UnixSockets trusts the peers of Unix domain sockets. Whoever may open the
	// socket is a proxy of the host.
	UnixSockets bool
	// Forwarded reads Forwarded (RFC 7239) instead of X-Forwarded-For.
	Forwarded bool
	// IPv6Prefix is how many leading bits the IPv6 clients of one bucket share:
	// 48 to 64. Zero means 64, because a provider gives each customer at least a
	// /64. A customer who has more (a /56 or a /48) has as many buckets as /64
	// networks.
	IPv6Prefix int
}

// New returns a Resolver. It reports all mistakes at once.
func New(opts Options) (*Resolver, error) {
	trusted, v6bits := opts.Trusted, opts.IPv6Prefix
	var errs []error
	switch {
	case v6bits == 0:
		v6bits = defaultV6Bits
	case v6bits < minV6Bits || v6bits > 64:
		errs = append(errs, fmt.Errorf("IPv6 prefix length %d is not between %d and 64", v6bits, minV6Bits))
	}
	r := &Resolver{
		trusted: make([]netip.Prefix, 0, len(trusted)), sockets: opts.UnixSockets, forwarded: opts.Forwarded, v6bits: v6bits,
	}
	for i, p := range trusted {
		q, err := canonicalPrefix(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("trusted proxy %d: %w", i, err))
			continue
		}
		r.trusted = append(r.trusted, q)
	}
	for i, p := range opts.Servers {
		q, err := canonicalPrefix(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("server caller %d: %w", i, err))
			continue
		}
		r.servers = append(r.servers, q)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

// canonicalPrefix returns p in the form in which it matches canonical
// addresses. An unchanged IPv4-mapped prefix would match no address, and nobody
// would notice.
func canonicalPrefix(p netip.Prefix) (netip.Prefix, error) {
	if !p.IsValid() {
		return p, errors.New("invalid prefix")
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return p, fmt.Errorf("%v is wider than all of IPv4", p)
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	if p.Bits() == 0 {
		return p, fmt.Errorf("%v trusts every client", p)
	}
	return p.Masked(), nil
}

// Addr returns the address of the client that sent req. That is the peer of the
// connection. If the peer is a trusted proxy, it is the last hop in the header
// that is not a trusted proxy. If all hops are trusted proxies, it is the first
// hop. The address is never IPv4-mapped and has no zone.
//
// Addr reads the header from its end. It returns the zero Addr in four cases:
// the peer has no IP address (a Unix domain socket) and forwards for nobody, a
// hop is not an address ("unknown"), there are more than 32 hops to read, or
// Forwarded is malformed. All such clients share one bucket: clients that cannot
// be told apart are counted together, and not left uncounted.
func (r *Resolver) Addr(req *http.Request) netip.Addr {
	addr, _ := r.find(req)
	return addr
}

// find is Addr. forwards says that elements of the header before that of the
// address were not read: whoever has it forwards for somebody, or makes that up.
func (r *Resolver) find(req *http.Request) (addr netip.Addr, forwards bool) {
	addr = parseHop(req.RemoteAddr)
	switch {
	case !r.isTrustedPeer(req, addr):
		return addr, false
	case r.forwarded:
		return r.lastForwarded(req.Header["Forwarded"], addr)
	}
	// The header may be given on several lines, which form one list
	// (RFC 9110, 5.3). Each proxy appends the peer that it saw. So a client
	// cannot change the right end of the list, but it can change the rest.
	hops := 0
	for i, line := range slices.Backward(req.Header["X-Forwarded-For"]) {
		for more := true; more; {
			if hops++; hops > maxHops {
				return netip.Addr{}, true
			}
			var hop string
			var ok bool
			if line, hop, more, ok = splitLast(line); !ok {
				return netip.Addr{}, true
			}
			if hop == "" { // an empty element does not count (RFC 9110, 5.6.1)
				continue
			}
			if addr = parseHop(hop); !r.isTrusted(addr) {
				return addr, more || i > 0 // also the zero Addr, which is never trusted
			}
		}
	}
	return addr, false
}

// splitLast splits a list before its last element. It reads no more than maxHop
// bytes, however long the list is; ok is false if the last element is longer.
func splitLast(list string) (rest, last string, more, ok bool) {
	start := max(0, len(list)-maxHop-1)
	i := strings.LastIndexByte(list[start:], ',')
	if i >= 0 {
		i += start
		return list[:i], strings.Trim(list[i+1:], " \t"), true, true
	}
	if len(list) > maxHop {
		return "", "", false, false
	}
	return "", strings.Trim(list, " \t"), false, true
}

// parseHop parses an address that may have a port, and an IPv6 address that may
// have brackets. It returns the zero Addr for anything else.
func parseHop(s string) netip.Addr {
	if len(s) > maxHop {
		return netip.Addr{}
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return canonical(ap.Addr())
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(inner, ":") {
			return netip.Addr{}
		}
		s = inner
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return canonical(a)
}

// canonical returns the same address for all spellings that name the same host.
func canonical(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func (r *Resolver) isTrusted(a netip.Addr) bool { return contains(r.trusted, a) }

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// isTrustedPeer reports whether the peer of the connection is a trusted proxy.
func (r *Resolver) isTrustedPeer(req *http.Request, addr netip.Addr) bool {
	if addr.IsValid() || !r.sockets {
		return r.isTrusted(addr)
	}
	local, ok := req.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && local.Network() == "unix"
}

// forwardingHeaders are the fields in which proxies name clients, as
// [http.Header] spells them.
var forwardingHeaders = []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip"}

// Ignored returns a field of the request that says for whom a proxy forwards it,
// and that Addr does not read. trusted says that the peer is a trusted proxy,
// which has not sent the field that Addr reads.
func (r *Resolver) Ignored(req *http.Request) (header string, trusted bool) {
	trusted = r.isTrustedPeer(req, parseHop(req.RemoteAddr))
	read := "X-Forwarded-For"
	if r.forwarded {
		read = "Forwarded"
	}
	if trusted && req.Header[read] != nil {
		return "", true
	}
	for _, name := range forwardingHeaders {
		if req.Header[name] != nil {
			return name, trusted
		}
	}
	return "", trusted
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052, section 2.1
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215
	sixToFour  = netip.MustParsePrefix("2002::/16")      // RFC 3056, section 2
	teredo     = netip.MustParsePrefix("2001::/32")      // RFC 4380, section 4
)

// innerIPv4 returns the IPv4 address that an IPv6 address stands for, or the
// address itself. All clients of a NAT64 have one /64, and so have all of a
// Teredo server: counted by /64, one of them would use up the limit of all.
// With 6to4 it is the other way round: one IPv4 address has 65,536 of them.
func innerIPv4(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	case teredo.Contains(a):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
	}
	return a
}

// Bucket returns the name under which a client is counted. For IPv4 it is the
// address itself ("192.0.2.1/32"), for IPv6 the client's network
// ("2001:db8::/64"), and for the zero Addr it is "unknown". An IPv6 address that
// stands for an IPv4 address counts as that.
func (r *Resolver) Bucket(a netip.Addr) string {
	if !a.IsValid() {
		return "unknown"
	}
	a = innerIPv4(canonical(a))
	bits := r.v6bits
	switch {
	case a.Is4():
		bits = 32
	case localNAT64.Contains(a):
		// Which bits hold the IPv4 address depends on the length of the
		// operator's prefix, which the address does not tell. Each address
		// stands for one client in any case.
		bits = 128
	}
	var buf [64]byte
	return string(netip.PrefixFrom(a, bits).Masked().AppendTo(buf[:0]))
}
