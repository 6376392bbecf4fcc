package messages

import (
	"fmt"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// The values of a sample are unusual, so that the checks find them again in the
// rendered text.
const (
	sampleURL   = "https://sample.example.com/reset?lang=xx&token=c2FtcGxlIQ"
	sampleNotMe = "https://sample.example.com/not-me?lang=xx&token=bm90LW1l"
	sampleCode  = "24681357"
	sampleName  = "Quintus Samplename"
	sampleLogin = "quintus.samplelogin"

	sampleOperator = "Ada (Support)"
)

// samples returns messages of one kind. Name, place and the link for "this was
// not me" may be missing in a message, so there is a sample for every
// combination. The account is missing in half of them: it is there with and
// without each of the others.
func samples(kind recovery.MessageKind, now time.Time) []recovery.Message {
	var all []recovery.Message
	for i := range 8 {
		m := recovery.Message{ID: "sample", Kind: kind, To: "sample@example.com", RequestedAt: now}
		switch kind {
		case recovery.MessageInvitation, recovery.MessageResetRequired:
			m.URL, m.Expires = recovery.NewSecret(sampleURL), now.Add(7*24*time.Hour)
		case recovery.MessageResetLink:
			m.URL, m.Expires = recovery.NewSecret(sampleURL), now.Add(time.Hour)
		case recovery.MessageResetLinks:
			m.Expires = now.Add(time.Hour)
			m.Accounts = []recovery.MessageAccount{
				{LeadID: "1", Account: sampleLogin, Name: sampleName, URL: recovery.NewSecret(sampleURL + "1")},
				{LeadID: "2", Name: sampleName, URL: recovery.NewSecret(sampleURL + "2")},
				{LeadID: "3", URL: recovery.NewSecret(sampleURL + "3")},
			}
		case recovery.MessagePasswordChanged:
			if i&1 == 0 {
				m.Operator = sampleOperator
			}
		case recovery.MessageResetCode:
			m.Code, m.Expires = recovery.NewSecret(sampleCode), now.Add(10*time.Minute)
		}
		if i&1 == 0 {
			m.Name = sampleName
			m.IdentityProviders = []string{"google", "apple"}
		}
		if i&2 == 0 {
			m.Client = netip.MustParseAddr("203.0.113.7")
		} else {
			m.RequestedAt, m.Expires = time.Time{}, time.Time{}
		}
		if bits.OnesCount(uint(i))%2 == 0 {
			m.Account = sampleLogin
		}
		if i&4 == 0 {
			m.NotMe = recovery.NewSecret(sampleNotMe)
		}
		all = append(all, m)
	}
	return all
}

// renderSamples renders every template with every sample, in every language
// that the template serves. It adds each mistake once. With hostOnly it leaves
// the built-in templates out.
func (s *Renderer) renderSamples(mistakes *recovery.OptionErrors, slots map[slot]*template, hostOnly bool) error {
	// A template may stand in many slots of the same kind, part and language.
	type use struct {
		t        *template
		language int
		kind     recovery.MessageKind
		part     part
	}
	done := map[use]bool{}
	data := sampleData{renderer: s, now: time.Now(), all: map[sampleKey][]*Data{}}
	reasons := map[string]bool{}
	for at, t := range slots {
		if t == nil || hostOnly && !t.host { // a nil template does not parse, which is reported already
			continue
		}
		u := use{t, at.language, at.kind, at.part}
		if done[u] {
			continue
		}
		done[u] = true
		all, err := data.get(sampleKey{at.kind, at.language})
		if err != nil {
			return err
		}
		if !t.host {
			// One sample, with nothing missing, is enough for a built-in
			// template: it shows that the host's options go with every
			// language. The package's tests cover the other samples.
			all = all[:1]
		}
		for _, d := range all {
			if err := renderSample(t, at.part, *d); err != nil {
				reasons[t.reason(err)] = true
			}
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		mistakes.Add("Templates", "%s", reason)
	}
	return nil
}

type sampleKey struct {
	kind     recovery.MessageKind
	language int
}

// sampleData makes the data of samples, once for each kind and language.
type sampleData struct {
	renderer *Renderer
	now      time.Time
	all      map[sampleKey][]*Data
}

func (s *sampleData) get(key sampleKey) ([]*Data, error) {
	if all, ok := s.all[key]; ok {
		return all, nil
	}
	var all []*Data
	for _, m := range samples(key.kind, s.now) {
		d, err := s.renderer.newData(m, s.renderer.translators[key.language])
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	s.all[key] = all
	return all, nil
}

// renderSample renders one part of a sample and checks the result.
func renderSample(t *template, p part, d Data) error {
	if p == partSMS {
		d = *d.forSMS()
	}
	if p == partHTML {
		d.Subject = "Subject"
	}
	text, err := t.execute(p, &d)
	if err != nil {
		return err
	}
	if err := check(p, text, &d); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if p == partSubject && strings.Contains(text, sampleName) {
		return fmt.Errorf("%s: the subject carries .Name, and whoever signed up chose that name", t.name)
	}
	if p == partSubject && strings.Contains(text, sampleLogin) {
		return fmt.Errorf("%s: the subject carries .Account, and locked screens show subjects", t.name)
	}
	return nil
}
