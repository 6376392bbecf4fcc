package recovery

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"time"
)

// appendJSON appends the payload to b, byte for byte as encoding/json writes it
// without escaping HTML. It uses no reflection, which took a sixth of a
// request, and reading took a fifth of the work after it.
func (p *payload) appendJSON(b []byte) ([]byte, error) {
	t := jobText{b: b}
	p.fields(&t)
	return t.b, t.err
}

// readJSON reads a payload as encoding/json reads it.
func (p *payload) readJSON(b []byte) error {
	if p.readUsual(b) {
		return nil
	}
	*p = payload{}
	return json.Unmarshal(b, p)
}

// readUsual reads what appendJSON has written, if it has no labels and all
// strings are plain. It returns false for any other text, such as one with a
// field of a newer version, and then p may hold anything.
func (p *payload) readUsual(b []byte) bool {
	t := jobText{b: bytes.TrimSuffix(b, []byte("\n")), reading: true}
	p.fields(&t)
	return t.err == nil && len(t.b) == 0
}

// fields reads or writes all fields, in the order of the struct.
func (p *payload) fields(t *jobText) {
	t.begin("{")
	t.text("Op", (*string)(&p.Op), always)
	t.text("ID", &p.ID, always)
	t.instant("NotAfter", &p.NotAfter)
	if t.name("Key", always) {
		t.begin("{")
		t.text("Field", &p.Key.Field, always)
		t.text("Value", &p.Key.Value, always)
		t.end("}")
	}
	t.text("Recipient", &p.Recipient, unlessEmpty)
	t.text("To", &p.To, unlessEmpty)
	t.text("Channel", (*string)(&p.Channel), unlessEmpty)
	t.text("Name", &p.Name, unlessEmpty)
	t.text("Locale", &p.Locale, unlessEmpty)
	t.flag("Code", &p.Code)
	t.text("Secret", &p.Secret, unlessEmpty)
	t.text("Sealed", &p.Sealed, unlessEmpty)
	t.link("Link", &p.Link)
	t.text("Template", &p.Template, unlessEmpty)
	if t.name("Labels", p.Labels != nil) {
		t.other(p.Labels)
	}
	t.flag("PreventWebhook", &p.PreventWebhook)
	t.text("Caller", &p.Caller, unlessEmpty)
	t.address("Client", &p.Client)
	t.text("Languages", &p.Languages, unlessEmpty)
	t.text("Device", &p.Device, unlessEmpty)
	t.text("Slot", &p.Slot, unlessEmpty)
	t.instant("RequestedAt", &p.RequestedAt)
	t.text("Notice", (*string)(&p.Notice), unlessEmpty)
	t.flag("Ended", &p.Ended)
	t.text("Reset", &p.Reset, unlessEmpty)
	t.text("Account", &p.Account, unlessEmpty)
	t.text("ReturnTo", &p.ReturnTo, unlessEmpty)
	t.text("Purpose", (*string)(&p.Purpose), unlessEmpty)
	if t.name("TTL", p.TTL != 0) {
		t.other(p.TTL)
	}
	t.text("Bulk", &p.Bulk, unlessEmpty)
	t.text("Operator", &p.Operator, unlessEmpty)
	t.text("Asker", (*string)(&p.Asker), unlessEmpty)
	t.text("Brand", &p.Brand, unlessEmpty)
	if t.name("Data", p.Data != nil) {
		t.other(p.Data)
	}
	t.flag("UsualLink", &p.UsualLink)
	t.text("Task", (*string)(&p.Task), unlessEmpty)
	t.end("}")
}

// Whether a field that holds nothing is written.
const (
	always      = true
	unlessEmpty = false
)

// A jobText is the text of a payload: what was written so far or, for whoever
// reads, what is left to read. Nothing is read after an error.
type jobText struct {
	b       []byte
	reading bool
	comma   bool // a value precedes in the same object or array
	err     error
}

var errUnexpected = errors.New("recovery: not written by appendJSON")

// next reads s if it comes next.
func (t *jobText) next(s string) bool {
	if t.err != nil || len(t.b) < len(s) || string(t.b[:len(s)]) != s {
		return false
	}
	t.b = t.b[len(s):]
	return true
}

// must reads or writes s.
func (t *jobText) must(s string) {
	switch {
	case !t.reading:
		t.b = append(t.b, s...)
	case !t.next(s):
		t.check(errUnexpected)
	}
}

func (t *jobText) begin(bracket string) {
	t.must(bracket)
	t.comma = false
}

func (t *jobText) end(bracket string) {
	t.must(bracket)
	t.comma = true
}

// name reads or writes the name of a field, and reports whether its value comes
// next. Whoever writes says whether.
func (t *jobText) name(name string, write bool) bool {
	if t.reading {
		b, comma := t.b, t.comma
		if (!comma || t.next(",")) && t.next(`"`) && t.next(name) && t.next(`":`) {
			t.comma = true
			return true
		}
		t.b, t.comma = b, comma
		return false
	}
	if write {
		if t.comma {
			t.b = append(t.b, ',')
		}
		t.b = append(append(append(t.b, '"'), name...), `":`...)
		t.comma = true
	}
	return write
}

func (t *jobText) text(name string, v *string, empty bool) {
	switch {
	case !t.name(name, *v != "" || empty):
	case t.reading:
		*v = string(t.plain())
	case isPlain(*v):
		t.b = append(append(append(t.b, '"'), *v...), '"')
	default:
		t.other(*v)
	}
}

func (t *jobText) flag(name string, v *bool) {
	if t.name(name, *v) {
		t.must("true")
		*v = true
	}
}

func (t *jobText) instant(name string, v *time.Time) {
	if !t.name(name, always) {
		return
	}
	if t.reading {
		t.check(v.UnmarshalText(t.plain()))
		return
	}
	b, err := v.AppendText(append(t.b, '"'))
	t.b = append(b, '"')
	t.check(err)
}

func (t *jobText) address(name string, v *netip.Addr) {
	switch {
	case !t.name(name, always):
	case t.reading:
		t.check(v.UnmarshalText(t.plain()))
	case v.Zone() != "":
		t.other(*v) // a zone can be any text
	default:
		b, _ := v.AppendText(append(t.b, '"')) // nothing for the zero address
		t.b = append(b, '"')
	}
}

func (t *jobText) link(name string, v *Link) {
	if !t.name(name, v.URL != "" || v.TokenParam != "" || v.LeadIDParam != "" || v.SecretParam != "" || v.Fixed != nil) {
		return
	}
	t.begin("{")
	t.text("URL", &v.URL, always)
	t.text("TokenParam", &v.TokenParam, always)
	t.text("LeadIDParam", &v.LeadIDParam, always)
	t.text("SecretParam", &v.SecretParam, always)
	t.name("Fixed", always)
	t.params(&v.Fixed)
	t.end("}")
}

func (t *jobText) params(v *[]LinkParam) {
	switch {
	case t.reading && t.next("null"):
		return
	case t.reading:
		*v = []LinkParam{}
	case *v == nil:
		t.must("null")
		return
	}
	t.begin("[")
	for i := 0; t.element(i < len(*v)); i++ {
		if t.reading {
			*v = append(*v, LinkParam{})
		}
		t.begin("{")
		t.text("Name", &(*v)[i].Name, always)
		t.text("Value", &(*v)[i].Value, always)
		t.end("}")
	}
	t.end("]")
}

// element reports whether another element of an array comes. Whoever writes
// says whether.
func (t *jobText) element(write bool) bool {
	if t.reading {
		return t.err == nil && !bytes.HasPrefix(t.b, []byte("]")) && (!t.comma || t.next(","))
	}
	if write && t.comma {
		t.b = append(t.b, ',')
	}
	return write
}

// other writes what is rare with encoding/json. Whoever reads leaves all to it.
func (t *jobText) other(v any) {
	if t.reading {
		t.check(errUnexpected)
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it would turn every '&' in a link into six bytes
	t.check(enc.Encode(v))
	t.b = append(t.b, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// plain reads a string without escapes.
func (t *jobText) plain() []byte {
	if t.next(`"`) {
		if end := bytes.IndexByte(t.b, '"'); end >= 0 && isPlain(t.b[:end]) {
			s := t.b[:end]
			t.b = t.b[end+1:]
			return s
		}
	}
	t.check(errUnexpected)
	return nil
}

// isPlain reports whether a string stands in JSON as it is.
func isPlain[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			return false
		}
	}
	return true
}

// check keeps the first error.
func (t *jobText) check(err error) {
	if t.err == nil {
		t.err = err
	}
}
