package recovery_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// browserHost returns the scheme and the host that a browser reads in a URL, by
// the URL Standard of WHATWG and without its help by net/url: white space around
// it, tabs and line ends are dropped, '\' is '/', and the number of slashes behind
// a special scheme does not matter.
func browserHost(s string) (scheme, host string) {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(s)
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		return "", ""
	}
	rest = strings.TrimLeft(rest, "/")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return strings.ToLower(scheme), strings.ToLower(rest[strings.LastIndexByte(rest, '@')+1:])
}

// FuzzReturnTo holds every place that is accepted to this: net/url and a browser
// read the same host in it, that host and the beginning of the path are those of
// an entry, also when the path is decoded and cleaned, and it is safe to print.
func FuzzReturnTo(f *testing.F) {
	for _, s := range spellings() {
		f.Add(s.place, "https://app.example.com")
		f.Add(s.place, "https://www.example.com/shop")
	}
	f.Add("http://[::1]:80/a", "http://[::1]:8080/a")
	f.Add("https://a.b/c;..;/%3b", "https://a.b/c")
	f.Fuzz(func(t *testing.T, place, entry string) {
		if recovery.CheckAllowedPlace(entry) != nil {
			return
		}
		got, err := recovery.CheckReturnTo("https://app.example.com/reset", place, entry)
		if err != nil {
			if got != "" {
				t.Fatalf("%q: %q and %v", place, got, err)
			}
			return
		}
		if got != place && got != "https://app.example.com"+place {
			t.Fatalf("%q became %q", place, got)
		}
		u, err := url.Parse(got)
		if err != nil || u.String() != got && u.RawQuery == "" && !u.ForceQuery {
			t.Fatalf("%q is %v, %v", got, u, err)
		}
		allowed, err := url.Parse(entry)
		if err != nil {
			t.Fatalf("the entry %q: %v", entry, err)
		}
		scheme, host := browserHost(got)
		if u.Scheme != allowed.Scheme || u.Host != allowed.Host || scheme != u.Scheme || host != u.Host || u.User != nil || u.Opaque != "" || u.Fragment != "" {
			t.Fatalf("%q leads to %s://%s, in a browser to %s://%s, and the entry is %q", got, u.Scheme, u.Host, scheme, host, entry)
		}
		// What a server may make of the path: decoded once or twice, without
		// parameters, and clean.
		for decoded := u.EscapedPath(); ; {
			segments := strings.Split(strings.ReplaceAll(decoded, `\`, "/"), "/")
			for i, segment := range segments {
				segments[i], _, _ = strings.Cut(segment, ";")
				if segments[i] = strings.TrimRight(segments[i], " "); segments[i] == "..." {
					segments[i] = ".."
				}
			}
			below := path.Clean("/" + strings.Join(segments, "/"))
			if allowed.Path != "" && below != allowed.Path && !strings.HasPrefix(below, allowed.Path+"/") && !strings.Contains(allowed.Path, ";") {
				t.Fatalf("%q leads to %q, which is not below %q", got, below, entry)
			}
			again, err := url.PathUnescape(decoded)
			if err != nil || again == decoded {
				break
			}
			decoded = again
		}
		if len(got) > 512 || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\#`", r) }) {
			t.Fatalf("%q is not safe to print", got)
		}
	})
}
