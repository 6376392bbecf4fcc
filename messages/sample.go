package messages

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A sample's values are such that they are found again in what is rendered.
const (
	sampleURL   = "https://sample.example.com/reset?lang=xx&token=c2FtcGxlIQ"
	sampleNotMe = "https://sample.example.com/not-me?lang=xx&token=bm90LW1l"
	sampleCode  = "24681357"
	sampleName  = "Quintus Samplename"
)

// samples returns messages of a kind with and without each of what may be
// missing: name, place, link for "not me".
func samples(kind recovery.MessageKind, now time.Time) []recovery.Message {
	var all []recovery.Message
	for i := range 8 {
		m := recovery.Message{ID: "sample", Kind: kind, To: "sample@example.com", RequestedAt: now}
		switch kind {
		case recovery.MessageResetLink:
			m.URL, m.Expires = recovery.NewSecret(sampleURL), now.Add(time.Hour)
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
		if i&4 == 0 {
			m.NotMe = recovery.NewSecret(sampleNotMe)
		}
		all = append(all, m)
	}
	return all
}

// try renders every template, or only the host's, in every language it serves,
// with every sample, and reports all mistakes, each once.
func (s *Renderer) renderSamples(hostOnly bool) error {
	now := time.Now()
	var errs []error
	reported := map[string]bool{}
	bad := func(t *template, err error) {
		if e := t.mistake(err); !reported[e.Error()] {
			reported[e.Error()] = true
			errs = append(errs, e)
		}
	}
	type use struct {
		t     *template
		voice int
		kind  recovery.MessageKind
		part  part
	}
	done := map[use]bool{}
	data := map[recovery.MessageKind][][]*Data{}
	for _, k := range kinds() {
		data[k] = make([][]*Data, len(s.translators))
	}
	for at, t := range s.library.slots {
		if t == nil || hostOnly && !t.host { // nil does not parse, which is reported already
			continue
		}
		if u := (use{t, at.language, at.kind, at.part}); done[u] {
			continue
		} else {
			done[u] = true
		}
		all := data[at.kind][at.language]
		if all == nil {
			for _, m := range samples(at.kind, now) {
				d, err := s.newData(m, s.translators[at.language])
				if err != nil {
					return err
				}
				all = append(all, d)
			}
			data[at.kind][at.language] = all
		}
		if !t.host {
			// The package's own: with the host's options, in every language,
			// and with everything. What is missing makes no difference there
			// that the package's tests have not seen.
			all = all[:1]
		}
		for _, d := range all {
			if err := trySample(t, at.part, *d); err != nil {
				bad(t, err)
			}
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func trySample(t *template, p part, d Data) error {
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
		return fmt.Errorf("%s: the subject carries .Name, which whoever signed up has chosen", t.name)
	}
	return nil
}
