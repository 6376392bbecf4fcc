package recovery

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery/internal/ascii"
	"github.com/seed-51359b35/recovery/internal/canonical"
)

// canonical returns the one spelling of a value that is used to look leads up,
// to compare and to count.
func (f Field) canonical(value string) (string, error) {
	switch f.Type {
	case FieldTypeEmail:
		return canonical.Email(value)
	case FieldTypePhone:
		return canonical.Phone(value)
	}
	value, err := canonical.Text(value)
	if err == nil && f.IgnoreCase {
		value = canonical.FoldASCII(value)
	}
	return value, err
}

// canonicalKey returns the canonical form of a key. It refuses a field that may
// not be searched, and a value that does not parse. All further code uses the
// canonical form only (A11).
func (s *Service) canonicalKey(key LeadKey) (LeadKey, Field, error) {
	f, ok := s.fields[key.Field]
	if !ok || !f.Search {
		return LeadKey{}, Field{}, invalid(errKeyField, "must name a field that can be searched: "+s.searchable())
	}
	value, err := f.canonical(key.Value)
	if err != nil {
		return LeadKey{}, Field{}, invalid(f.Name, "is not formatted correctly")
	}
	return LeadKey{f.Name, value}, f, nil
}

// errKeyField is the name of the member that names the field of a lead key.
const errKeyField = "identifier.field"

// searchable returns the names of the fields that a request may name.
func (s *Service) searchable() string {
	var names []string
	for _, f := range s.opts.Fields {
		if f.Search {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// recipientField returns the field that gets the message. It refuses fields
// that may not receive (A81).
func (s *Service) recipientField(name string) (string, error) {
	if name == "" {
		name = s.mailTo
	}
	if f, ok := s.fields[name]; !ok || !f.Receive {
		return "", invalid("recipientField", "the field cannot receive")
	}
	return name, nil
}

// linksGoTo returns the field that links are sent to if a request names none,
// or the empty string.
func linksGoTo(fields []Field) string {
	for _, f := range fields {
		if f.Receive && f.Type == FieldTypeEmail {
			return f.Name
		}
	}
	return ""
}

const maxLeadID = 256 // bytes

func validLeadID(id string) bool {
	return ascii.IsName(id, 1, maxLeadID)
}

// errBadLead means that a lead breaks the contract of LeadStore. It does not
// match ErrUnavailable, because another try cannot help.
var errBadLead = errors.New("recovery: the LeadStore returned a lead without a valid ID or without a Version")

// findLead looks a lead up by a canonical key, and checks the answer. A store
// may treat more values as equal than this library does. It must not cause mail
// about one address to be sent to the owner of another (A10).
func (s *Service) findLead(ctx context.Context, key LeadKey, f Field) (Lead, error) {
	var lead Lead
	err := s.call(ctx, "LeadStore.FindLead", func(ctx context.Context) (err error) {
		lead, err = s.leads.FindLead(ctx, key)
		return notFoundOr(err, key.Value)
	}, key.Value)
	if errors.Is(err, ErrLeadNotFound) {
		return Lead{}, err
	}
	if err != nil {
		return Lead{}, unavailable("lead store", err)
	}
	return s.checkLead(ctx, lead, key, f)
}

// notFoundOr returns the error of a search, without the value that was searched
// for. Scrubbing takes time, which would tell that nobody has the identifier, or
// more than one lead (A20).
func notFoundOr(err error, value string) error {
	switch {
	case errors.Is(err, ErrLeadAmbiguous):
		return ErrLeadAmbiguous
	case errors.Is(err, ErrLeadNotFound):
		return ErrLeadNotFound
	}
	return scrub(err, value)
}

// checkLead checks a lead that a search found. It returns ErrLeadNotFound if the
// lead does not have the value that was asked for.
func (s *Service) checkLead(ctx context.Context, lead Lead, key LeadKey, f Field) (Lead, error) {
	if !validLeadID(lead.ID) || lead.Version == "" {
		s.tellInvalidLead(ctx, lead, key.Field)
		return Lead{}, errBadLead
	}
	stored := lead.ID
	if key.Field != LeadIDField {
		var err error
		if stored, err = f.canonical(lead.Fields[f.Name].Value); err != nil {
			stored = ""
		}
	}
	if stored != key.Value {
		s.tellWrongRecord(ctx, lead, key.Field)
		return Lead{}, ErrLeadNotFound
	}
	// Name and Locale travel in jobs, whose size is limited.
	lead.Name, lead.Locale = shorten(lead.Name, 256), shorten(lead.Locale, 64)
	return s.checkLeadData(ctx, lead), nil
}

// tellInvalidLead tells which rule a lead breaks: once for many, because any
// stranger can ask for that lead again. It does not show the ID, which may be a
// name or an address.
func (s *Service) tellInvalidLead(ctx context.Context, lead Lead, asked string) {
	broken := "a Lead.Version that is empty. Return what changes with password, address and status, such as a counter of the row"
	if !validLeadID(lead.ID) {
		broken = "a Lead.ID that has a space or a character outside printable ASCII in it"
		switch {
		case lead.ID == "":
			broken = "a Lead.ID that is empty"
		case len(lead.ID) > maxLeadID:
			broken = "a Lead.ID that is longer than 256 bytes"
		}
		broken += ". Return 1 to 256 characters of printable ASCII without spaces, such as the primary key of the row"
	}
	s.outages.Failed(ctx, s.log, slog.LevelError, "invalid lead",
		"recovery: LeadStore.FindLead returned "+broken+". Until then nothing is done for such leads", "asked_for", asked)
}

// tellWrongRecord tells that a search found a lead without the value that was
// asked for. The log says which fields came: most often the field has another name.
// Any stranger can ask again, so it says so once for many.
func (s *Service) tellWrongRecord(ctx context.Context, lead Lead, asked string) {
	came := shorten(strings.Join(slices.Sorted(maps.Keys(lead.Fields)), " "), maxCause)
	s.outages.Failed(ctx, s.log, slog.LevelError, "wrong record",
		"recovery: LeadStore.FindLead or FindLeads returned a lead that has another value than the one that was asked for, so nothing is done. Lead.Fields must have the field under exactly the name in asked_for, with the value that was searched",
		"asked_for", asked, "fields", came, "lead", lead.ID)
	s.emit(ctx, Event{Kind: EventWrongRecord, LeadID: lead.ID})
}

// shorten returns the beginning of s: at most n bytes, and whole characters.
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

// An address is where a message may be sent.
type address struct {
	channel Channel
	// to is the spelling for the notifier, canonical the one for limits.
	to, canonical string
}

// recipient returns the address in a field that may receive, if it is verified
// and well formed. Those of an invited lead need not be verified. Messages go to no other value of the lead, and to no value
// of a request.
func (s *Service) recipient(lead Lead, field string) (address, bool) {
	f, ok := s.fields[field]
	v := lead.Fields[field]
	if !ok || !f.Receive || !f.mayReceive(lead) {
		return address{}, false
	}
	spelling, err := f.canonical(v.Value)
	if err != nil {
		return address{}, false
	}
	if f.Type == FieldTypePhone {
		return address{ChannelSMS, spelling, spelling}, true
	}
	to := strings.Trim(v.Value, " \t")
	if canonical.FoldASCII(to) != spelling {
		// The domain is internationalised: the mail system gets its ASCII form.
		to = spelling
	}
	return address{ChannelEmail, to, spelling}, true
}

// mayReceive reports whether messages may go to the lead's value of the field.
func (f Field) mayReceive(lead Lead) bool {
	return lead.Fields[f.Name].Verified || f.Trusted || lead.Status == StatusInvited
}

// whyNoRecipient returns why recipient found no address: there is none that is
// verified, or nothing can be sent to it. In the second case somebody has to mend
// the lead, so the log tells of it: once for many, because any stranger can ask
// for that lead again. Each event names its lead.
func (s *Service) whyNoRecipient(ctx context.Context, lead Lead, field string) EventReason {
	v := lead.Fields[field]
	if f := s.fields[field]; !f.Receive || !f.mayReceive(lead) || strings.TrimSpace(v.Value) == "" {
		return ReasonNoRecipient
	}
	s.outages.Failed(ctx, s.log, slog.LevelWarn, "address",
		"recovery: a lead's verified address cannot be written to, so nothing is sent. It must be one plain address, such as ada@example.com, without a name, quotes or white space, with no dot at its beginning, with letters outside ASCII only as Unicode's form NFC writes them, and with a domain of the internet; or one phone number with its country code",
		"lead", lead.ID, "field", field)
	return ReasonUndeliverableAddress
}

// recipients returns every address of the lead that messages may go to, without
// duplicates.
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

// maxAccount is the longest name of an account, in bytes. It travels in jobs.
const maxAccount = 256

// accountOf returns what the lead signs in with, or the empty string if the host
// names no field for that. A part of a name would name another account, so one that
// is too long counts as none.
func (s *Service) accountOf(lead Lead) string {
	if s.opts.SignInField == "" {
		return ""
	}
	account := strings.TrimSpace(lead.Fields[s.opts.SignInField].Value)
	if len(account) > maxAccount || !utf8.ValidString(account) {
		return ""
	}
	return account
}

// identifiers returns values of the lead that must not be its password.
func identifiers(lead Lead) []string {
	all := []string{lead.Name}
	for _, v := range lead.Fields {
		all = append(all, v.Value)
	}
	return all
}
