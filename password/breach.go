package password

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// BreachChecker checks whether a password is known from a data breach of
// another service (ASVS v5.0.0-6.2.12, NIST SP 800-63B-4 section 3.1.1.2).
// Implementations are safe for concurrent use.
type BreachChecker interface {
	// Breached reports whether password, in the form that Normalize returns,
	// is known. After an error the password is refused. An implementation that
	// wants it accepted returns false and no error. The error must not contain
	// the password or its hash.
	Breached(ctx context.Context, password string) (bool, error)
}

const (
	hibpURL     = "https://api.pwnedpasswords.com"
	hibpTimeout = 2 * time.Second
	hibpAgent   = "recovery-password (+https://github.com/seed-51359b35/recovery)"

	prefixLen = 5               // hexadecimal digits that leave the process
	suffixLen = 2*sha1.Size - 5 // hexadecimal digits that stay in the process

	// maxBody is the most bytes of an answer, after decompression. A range has
	// some 2,000 lines of 40 bytes with its padding.
	maxBody = 512 << 10
	maxLine = 64
)

// HIBPOptions configures [NewHIBP]. The zero value asks the public service, and
// accepts a password when that service cannot be reached.
type HIBPOptions struct {
	_ [0]func()

	// URL is the address of the range API, without "/range/". Default
	// "https://api.pwnedpasswords.com". It must be https, except on the
	// loopback interface, and have no query. Take it from configuration only,
	// because the server connects to it (attack A93).
	URL string

	// Client makes the requests. Default: a client with a transport of its own.
	// NewHIBP copies it, and the copy follows no redirects and keeps no
	// cookies.
	Client *http.Client

	// Timeout is how long one check may take. Default 2 s, at most 30 s.
	Timeout time.Duration

	// Threshold is how often a password must appear in breaches to count as
	// breached. Default 1.
	Threshold int

	// FailClosed makes Breached return the error when a check fails, so that
	// nobody can choose a password while the service does not answer. By
	// default the password passes this check then. All other checks still
	// apply.
	FailClosed bool

	// OnError is called with the error of every failed check, so that an
	// operator can count them. Default none. It is called on the goroutine that
	// called Breached, and must be safe for concurrent use. The error contains
	// nothing derived from the password.
	OnError func(error)
}

// HIBP is a [BreachChecker] that asks the range API of Pwned Passwords
// (https://haveibeenpwned.com/API/v3#PwnedPasswords) or of a mirror. Only the
// first 20 bits of the password's SHA-1 leave the process, and answers are
// padded. So neither the service nor the size of an answer shows which password
// was checked. It is safe for concurrent use.
type HIBP struct {
	base       string
	client     *http.Client
	timeout    time.Duration
	threshold  int
	failClosed bool
	onError    func(error)
}

var _ BreachChecker = (*HIBP)(nil)

// NewHIBP returns a checker. The error joins one error for every mistake in
// opts. It makes no request.
func NewHIBP(opts HIBPOptions) (*HIBP, error) {
	var errs []error
	mistake := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("password: HIBPOptions."+format, args...))
	}
	if why := refuseURL(cmp.Or(opts.URL, hibpURL)); why != "" {
		mistake("URL: %s", why)
	}
	if opts.Timeout < 0 || opts.Timeout > 30*time.Second {
		mistake("Timeout: %v is not 0 to 30s", opts.Timeout)
	}
	if opts.Threshold < 0 {
		mistake("Threshold: %d is negative", opts.Threshold)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}

	client := http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}}
	if opts.Client != nil {
		client = *opts.Client
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	h := &HIBP{
		base:       strings.TrimRight(cmp.Or(opts.URL, hibpURL), "/") + "/range/",
		client:     &client,
		timeout:    cmp.Or(opts.Timeout, hibpTimeout),
		threshold:  cmp.Or(opts.Threshold, 1),
		failClosed: opts.FailClosed,
		onError:    opts.OnError,
	}
	return h, nil
}

// refuseURL returns what is wrong with a base URL, or "". It does not quote the
// URL, which may contain a secret.
func refuseURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "not a URL"
	case u.Hostname() == "":
		return "no host"
	case u.User != nil:
		return "contains credentials"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#"):
		return "contains a query or a fragment"
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return "not https"
	}
	return ""
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Breached implements [BreachChecker]. It normalises password, so that it looks
// up the form that is hashed. When the check fails it returns false, and the
// error only with FailClosed. The end of ctx is not a failure of the check:
// Breached then always returns the error of ctx.
func (h *HIBP) Breached(ctx context.Context, password string) (bool, error) {
	normal, err := Normalize(password)
	if err != nil {
		return false, err
	}
	sum := sha1.Sum([]byte(normal)) // the API needs SHA-1; nothing is stored with it
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	count, err := h.count(ctx, digits[:prefixLen], digits[prefixLen:])
	if err == nil {
		return count >= h.threshold, nil
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	err = fmt.Errorf("password: asking for a range of breached passwords: %w", err)
	if h.onError != nil {
		h.onError(err)
	}
	if h.failClosed {
		return false, err
	}
	return false, nil
}

func (h *HIBP) count(ctx context.Context, prefix, suffix string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.base+prefix, nil)
	if err != nil {
		return 0, withoutURL(err)
	}
	request.Header.Set("Add-Padding", "true")
	request.Header.Set("User-Agent", hibpAgent)
	response, err := h.client.Do(request)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d", response.StatusCode)
	}
	return countIn(response.Body, suffix)
}

// countIn returns the count of suffix in a range, or 0 if suffix is not there.
// Lines of padding have a count of 0. Lines after that of suffix are not read.
func countIn(body io.Reader, suffix string) (int, error) {
	limited := &io.LimitedReader{R: body, N: maxBody + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	for lines.Scan() {
		if limited.N == 0 {
			break
		}
		hash, digits, ok := strings.Cut(strings.TrimSuffix(lines.Text(), "\r"), ":")
		if !ok || !isSuffix(hash) {
			return 0, errors.New("the answer is not a range of hashes")
		}
		count, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return 0, errors.New("the answer has a count that is not a number")
		}
		if strings.EqualFold(hash, suffix) {
			return int(count), nil
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return 0, errors.New("the answer is not a range of hashes")
		}
		return 0, withoutURL(err)
	}
	if limited.N == 0 {
		return 0, fmt.Errorf("the answer is over %d bytes", maxBody)
	}
	return 0, nil
}

func isSuffix(s string) bool {
	return len(s) == suffixLen && strings.Trim(s, "0123456789ABCDEFabcdef") == ""
}

// withoutURL removes the URL that net/http puts into its errors. The last five
// characters of the URL are 20 bits of the password's hash.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	// Errors of timeouts differ in their text only. An operator counts them as
	// one kind.
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return context.DeadlineExceeded
	}
	return err
}
