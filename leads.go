package recovery

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery/internal/ascii"
	"github.com/seed-51359b35/recovery/internal/canonical"
)

// canonical returns the one spelling of a value under which leads are looked
// up, compared and counted.
func (f Field) canonical(value string) (string, error) {
	switch f.Type {
	case FieldEmail:
		return canonical.Email(value)
	case FieldPhone:
		return canonical.Phone(value)
	}
	value, err := canonical.Text(value)
	if err == nil && f.IgnoreCase {
		value = canonical.FoldASCII(value)
	}
	return value, err
}

// canonicalKey refuses what may not be searched, and what does not parse. All
// that follows sees only the canonical form (A11).
func (s *Service) canonicalKey(key LeadKey) (LeadKey, Field, error) {
	f, ok := s.fields[key.Field]
	if !ok || !f.Search {
		return LeadKey{}, Field{}, invalid("identifier", "the field cannot be searched")
	}
	value, err := f.canonical(key.Value)
	if err != nil {
		return LeadKey{}, Field{}, invalid(f.Name, "is not formatted correctly")
	}
	return LeadKey{f.Name, value}, f, nil
}

// recipientField refuses fields that may not receive (A81).
func (s *Service) recipientField(name string) (string, error) {
	if name == "" {
		name = s.mailTo
	}
	if f, ok := s.fields[name]; !ok || !f.Receive {
		return "", invalid("recipientField", "the field cannot receive")
	}
	return name, nil
}

func validLeadID(id string) bool {
	return ascii.IsName(id, 1, 256)
}

// errBadLead is a lead that breaks the contract of LeadStore. It is not
// ErrUnavailable: trying again will not help.
var errBadLead = errors.New("recovery: the LeadStore returned a lead without a valid ID or without a Version")

// findLead looks a lead up by a canonical key and does not trust the answer:
// a store that folds more than the library does must not send mail for one
// address to the owner of another (A10).
func (s *Service) findLead(ctx context.Context, key LeadKey, f Field) (Lead, error) {
	var lead Lead
	err := s.call(ctx, "LeadStore.FindLead", func(ctx context.Context) (err error) {
		lead, err = s.leads.FindLead(ctx, key)
		return err
	})
	if errors.Is(err, ErrLeadNotFound) {
		return Lead{}, ErrLeadNotFound
	}
	if err != nil {
		return Lead{}, unavailable("lead store", scrub(err, key.Value))
	}
	if !validLeadID(lead.ID) || lead.Version == "" {
		return Lead{}, errBadLead
	}
	stored := lead.ID
	if key.Field != LeadIDField {
		if stored, err = f.canonical(lead.Fields[f.Name].Value); err != nil {
			stored = ""
		}
	}
	if stored != key.Value {
		s.emit(ctx, Event{Kind: EventWrongRecord, LeadID: lead.ID})
		return Lead{}, ErrLeadNotFound
	}
	// Names and locales travel in jobs, which have a size.
	lead.Name, lead.Locale = shorten(lead.Name, 256), shorten(lead.Locale, 64)
	return lead, nil
}

// cut shortens s to at most n bytes, at a character's edge.
func shorten(s string, n int) string {
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

func (s *Service) leadByID(ctx context.Context, id string) (Lead, error) {
	return s.findLead(ctx, LeadKey{LeadIDField, id}, Field{})
}

// An address is where a message may go.
type address struct {
	channel Channel
	// to is what the notifier gets, canonical what limits count.
	to, canonical string
}

// recipient returns the lead's address in a field that may receive, if it is
// verified and well formed. Nothing else on the lead, and nothing in a
// request, is ever written to.
func (s *Service) recipient(lead Lead, field string) (address, bool) {
	f, ok := s.fields[field]
	v := lead.Fields[field]
	if !ok || !f.Receive || !v.Verified {
		return address{}, false
	}
	spelling, err := f.canonical(v.Value)
	if err != nil {
		return address{}, false
	}
	if f.Type == FieldPhone {
		return address{ChannelSMS, spelling, spelling}, true
	}
	to := strings.Trim(v.Value, " \t")
	if canonical.FoldASCII(to) != spelling {
		// An internationalised domain: the mail system gets its ASCII form.
		to = spelling
	}
	return address{ChannelEmail, to, spelling}, true
}

// recipients returns every address of the lead that may be written to, each
// once.
func (s *Service) recipients(lead Lead) []address {
	var all []address
	seen := map[address]bool{}
	for _, f := range s.opts.Fields {
		a, ok := s.recipient(lead, f.Name)
		key := address{a.channel, "", a.canonical}
		if ok && !seen[key] {
			seen[key] = true
			all = append(all, a)
		}
	}
	return all
}

// identifiers are what a password must not be.
func identifiers(lead Lead) []string {
	all := []string{lead.Name}
	for _, v := range lead.Fields {
		all = append(all, v.Value)
	}
	return all
}
