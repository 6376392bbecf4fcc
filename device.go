package recovery

import (
	"context"
	"net/http"
	"strings"
	"time"
)

const (
	// deviceTTL is how long a device is known.
	deviceTTL = 90 * 24 * time.Hour
	// maxDevices is for how many leads one browser is known. People share
	// browsers.
	maxDevices = 4
	// maxDeviceText is the longest value of [Requester].Device, in bytes.
	maxDeviceText = 2048
	// deviceSeparator stands between the entries for several leads. A sealed
	// string does not have it, and a cookie may.
	deviceSeparator = "."
)

// RememberDevice makes the browser that sent r a known device of the lead, for
// 90 days, by setting a cookie on w. Call it when the lead has signed in, before
// the answer's body is written. If the sign-in replaces the password hash (see
// Rehash in password.Result), call it after that, because the cookie ends with
// the lead's Version. The hosted pages call it after a reset.
//
// Strangers who ask for links and codes in somebody's name use up that person's
// limits. A known device has limits of its own, which no stranger can use up:
// [Limits].Device and [Limits].LeadDevices (A58). When these are used up, its
// requests count as those of any other client. The codes that it asks for stand
// apart from those of others, with a count of wrong guesses of their own (A100). It
// gets nothing else: the limits of the client's network address and the budgets
// hold for it too. It proves nothing, signs nobody in, and no answer shows
// whether a device is known. Whoever steals the cookie can have up to 60 more
// messages a day sent to the person, and use up what is kept for known devices, and
// no more.
//
// The cookie names the lead and the state of its account. It ends with a change
// of the password, of an address or of the status, so a thief's device is not
// known any more after the owner's reset. It does not end with a session: on a
// shared computer it stays when the person signs out. The cookie is sealed:
// nobody can read it, or make one up. One browser is known for up to 4 leads, the
// latest that signed in, in a cookie of up to 2,048 bytes, which it sends with
// every request to the host.
//
// By default the cookie is called "__Host-recovery-device", where "recovery" is
// [Options].Prefix: two Services on one host need different prefixes. It is
// HttpOnly and SameSite=Lax, and reaches only the host that set it: the sign-in
// and the forgot request must be on the same one. A script on a page of another
// origin cannot send it to this module's APIs, because none of them allows
// credentials in its CORS answers. If [Options].Link is http, which only loopback
// addresses can have, the cookie is not Secure, and its name has no "__Host-".
//
// The error wraps [ErrLeadNotFound], also for a lead that may not reset its password, or
// [ErrUnavailable]. No cookie is set then. The sign-in need not fail: the device
// only remains unknown.
func (s *Service) RememberDevice(w http.ResponseWriter, r *http.Request, leadID string) error {
	device, err := s.NewDevice(r.Context(), leadID, s.deviceOf(r))
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.deviceCookie(), Value: device, Path: "/", MaxAge: int(deviceTTL / time.Second),
		Secure: s.secureCookies(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// NewDevice is [Service.RememberDevice] for clients without cookies, such as
// apps: call it at the same time. The client keeps the string, and sends it along
// when it asks for a link or code. The host then sets [Requester].Device to it.
// The string has up to 2,048 characters, all of which a cookie may have, and is
// good for 90 days. known is the string that the client already has, or empty. It
// lets the device keep its limits, and the other leads that it is known for.
//
// The errors are those of RememberDevice.
func (s *Service) NewDevice(ctx context.Context, leadID, known string) (string, error) {
	if err := s.begin(); err != nil {
		return "", err
	}
	defer s.inFlight.Done()
	lead, err := s.leadByID(ctx, leadID)
	if err != nil {
		return "", err
	}
	if s.whyNoToken(kindMailed, lead.Status) != "" {
		return "", ErrLeadNotFound
	}
	id := newID()
	var others []string
	for sealed, d := range s.openDevices(known) {
		if d.leadID == lead.ID {
			id = d.id
		} else {
			others = append(others, sealed)
		}
	}
	sealed, err := s.keys.devices.Seal([]byte(id + " " + s.keys.generations[0].stateOf(lead) + " " + lead.ID))
	if err != nil {
		return "", err
	}
	text := sealed
	for _, other := range others[:min(len(others), maxDevices-1)] {
		if len(text)+len(deviceSeparator)+len(other) <= maxDeviceText {
			text += deviceSeparator + other
		}
	}
	return text, nil
}

// A device is one of the entries of a [Requester].Device.
type device struct {
	id, state, leadID string
}

// openDevices yields the entries of a [Requester].Device that this Service has
// sealed. It does not check whether they still hold.
func (s *Service) openDevices(text string) func(yield func(sealed string, d device) bool) {
	return func(yield func(string, device) bool) {
		if len(text) > maxDeviceText {
			return
		}
		entries := strings.SplitN(text, deviceSeparator, maxDevices+1)
		for _, sealed := range entries[:min(len(entries), maxDevices)] {
			b, _, err := s.keys.devices.Open(sealed)
			if err != nil {
				continue
			}
			parts := strings.Split(string(b), " ")
			if len(parts) == 3 && !yield(sealed, device{parts[0], parts[1], parts[2]}) {
				return
			}
		}
	}
}

// knownDevice returns the ID of the known device that made a request for the
// lead, or the empty string. A forged, foreign or old entry counts as none.
func (s *Service) knownDevice(text string, lead Lead) string {
	for _, d := range s.openDevices(text) {
		if d.leadID == lead.ID && s.keys.stateMatches(d.state, lead) {
			return d.id
		}
	}
	return ""
}

// deviceOf returns what the browser that sent r presents as a known device.
func (s *Service) deviceOf(r *http.Request) string {
	// If there are two cookies of that name, nothing shows which one is ours.
	if all := r.CookiesNamed(s.deviceCookie()); len(all) == 1 {
		return all[0].Value
	}
	return ""
}

func (s *Service) deviceCookie() string {
	name := s.opts.Prefix + "-device"
	if s.secureCookies() {
		return "__Host-" + name
	}
	return name
}

func (s *Service) secureCookies() bool { return strings.HasPrefix(s.opts.Link.URL, "https://") }
