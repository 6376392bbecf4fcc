package safedial

import "net/netip"

// Public reports whether a is an address on the public Internet, as far as the
// address itself tells. It returns true also for a company's own hosts with
// public addresses, and for private IPv4 addresses behind a translator that
// uses a prefix of its own (RFC 6052, section 2.2).
//
// Public IPv4 addresses are all but those of the special-purpose registry
// (RFC 6890) and multicast. Public IPv6 addresses are those that IANA has
// allocated as global unicast, 2000::/3, except for special purposes.
//
// Some IPv6 addresses contain an IPv4 address. If the Internet still translates
// them (IPv4-mapped, and NAT64 under 64:ff9b::/96, on which hosts without IPv4
// depend), they are as public as that IPv4 address. If the translation is
// obsolete (6to4, Teredo, IPv4-compatible), they are not public. Nor is NAT64
// for local use (64:ff9b:1::/48, RFC 8215): which bits hold the IPv4 address
// depends on the length of the operator's prefix, which the address does not
// tell, so a private address could look like a public one.
func Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if !a.Is4() && nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !a.Is4() && !global6.Contains(a) {
		return false
	}
	for _, p := range specialPrefixes {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

var (
	nat64   = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x00, 0x64, 0xff, 0x9b}), 96) // RFC 6052, section 2.1
	global6 = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20}), 3)                    // RFC 4291, section 2.4
)

// specialPrefixes are the blocks that IANA has reserved for special purposes.
// Parts of some blocks can be reached nevertheless (the anycast addresses in
// 192.0.0.0/24 and 2001::/23), but nobody runs a webhook there.
//
// Clouds answer their own machines at some addresses, with credentials. One of
// these looks public and has an entry of its own. The others are in the blocks
// for special purposes or outside of 2000::/3. TestMetadata lists them.
var specialPrefixes = [...]netip.Prefix{
	// The WireServer of Azure. Microsoft owns the address, and only the host of
	// a virtual machine answers there:
	// learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
	v4(168, 63, 129, 16, 32),

	v4(0, 0, 0, 0, 8),       // this network, RFC 791
	v4(10, 0, 0, 0, 8),      // private, RFC 1918
	v4(100, 64, 0, 0, 10),   // carrier-grade NAT, RFC 6598
	v4(127, 0, 0, 0, 8),     // loopback, RFC 1122
	v4(169, 254, 0, 0, 16),  // link-local, RFC 3927; 169.254.169.254 is the clouds' metadata
	v4(172, 16, 0, 0, 12),   // private
	v4(192, 0, 0, 0, 24),    // IETF protocol assignments, RFC 6890
	v4(192, 0, 2, 0, 24),    // documentation, RFC 5737
	v4(192, 31, 196, 0, 24), // AS112, RFC 7535
	v4(192, 52, 193, 0, 24), // AMT, RFC 7450
	v4(192, 88, 99, 0, 24),  // 6to4 relays, RFC 7526
	v4(192, 168, 0, 0, 16),  // private
	v4(192, 175, 48, 0, 24), // AS112, RFC 7534
	v4(198, 18, 0, 0, 15),   // benchmarks, RFC 2544
	v4(198, 51, 100, 0, 24), // documentation
	v4(203, 0, 113, 0, 24),  // documentation
	v4(224, 0, 0, 0, 4),     // multicast, RFC 5771
	v4(240, 0, 0, 0, 4),     // reserved, RFC 1112; the broadcast address

	v6(0x2001, 0, 0, 23),         // IETF protocol assignments, RFC 2928: Teredo, benchmarks, ORCHID
	v6(0x2001, 0x0db8, 0, 32),    // documentation, RFC 3849
	v6(0x2002, 0, 0, 16),         // 6to4, RFC 3056: an IPv4 address follows
	v6(0x2620, 0x4f, 0x8000, 48), // AS112, RFC 7534
	v6(0x3fff, 0, 0, 20),         // documentation, RFC 9637
}

func v4(a, b, c, d byte, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b, c, d}), bits)
}

func v6(a, b, c uint16, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{
		byte(a >> 8), byte(a), byte(b >> 8), byte(b), byte(c >> 8), byte(c),
	}), bits)
}
