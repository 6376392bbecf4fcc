// Package strictjson reads one JSON object and refuses everything that two
// parsers could understand differently.
//
// encoding/json uses the last of two equal keys. It matches names without
// regard to case, and then treats U+017F as an s and U+212A as a k. A
// json.Decoder stops reading at the end of the first value. Both silently turn
// invalid UTF-8 and unpaired surrogates into U+FFFD. Each of these lets a
// request mean one thing to a gateway and another thing here.
//
// The grammar is still that of the standard library. This package adds its
// refusals to [json.Valid], then walks through the text that json.Valid has
// found to be well-formed, and uses [json.Unmarshal] for strings with escapes.
// Reading the tokens of a [json.Decoder] gives the same result with ten times
// the allocations.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// defaultMaxDepth is more than any wire of this module needs: the deepest body
// has two levels.
const defaultMaxDepth = 8

// indexFrom is the number of members from which on an object has a map to
// search it by name. Real bodies have fewer members. Without the map, the check
// for duplicates would take quadratic time for a hostile body with thousands of
// keys.
const indexFrom = 16

// Options say what a wire accepts besides exact JSON. The zero value is the
// strictest.
type Options struct {
	// FoldNames matches names without ASCII case. Then two keys of one object
	// that differ only in case are an error, also inside members that nobody
	// reads.
	FoldNames bool

	// NullIsAbsent makes a member whose value is null count as not given.
	NullIsAbsent bool

	// MaxDepth is how many objects and arrays may be open at once, the
	// outermost object included. Default 8.
	MaxDepth int
}

// An Error says what is wrong with a body. It never carries a value, and the
// names in it are safe to show to the client that sent them.
type Error struct {
	// Field is the dotted path of the member, or empty for the body as a
	// whole. Names that are not plain words are quoted, and long ones are
	// shortened.
	Field string

	// Reason completes the sentence that begins with Field.
	Reason string
}

// Error returns Field and Reason as one sentence.
func (e *Error) Error() string {
	if e.Field == "" {
		return "body " + e.Reason
	}
	return e.Field + " " + e.Reason
}

// Parse reads data as one JSON object (RFC 8259) with nothing but white space
// around it. The caller must limit the size of data. The time that Parse takes
// grows linearly with that size. Every error is an [*Error].
//
// Members that nobody reads may hold any value. The same rules apply to them as
// to the others: they must be well-formed, without duplicate names, and not
// deeper than Options.MaxDepth.
func Parse(data []byte, opts Options) (*Object, error) {
	if opts.MaxDepth <= 0 {
		opts.MaxDepth = defaultMaxDepth
	}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return nil, &Error{Reason: "must not begin with a byte order mark"}
	}
	// encoding/json replaces invalid UTF-8 and unpaired surrogates and allows
	// 10,000 levels. So all three are checked before it reads the body.
	if !utf8.Valid(data) {
		return nil, &Error{Reason: "must be valid UTF-8"}
	}
	if err := scan(data, opts.MaxDepth); err != nil {
		return nil, err
	}
	switch rest := bytes.TrimLeft(data, space); {
	case len(rest) == 0:
		return nil, &Error{Reason: "must not be empty"}
	case rest[0] != '{':
		return nil, &Error{Reason: "must be one JSON object"}
	case !json.Valid(data):
		return nil, whyInvalid(data)
	}
	// Names and values without escapes are substrings of this one copy.
	p := parser{rest: string(data), opts: opts}
	root := p.newObject(nil, "")
	if err := p.object(root); err != nil {
		return nil, err
	}
	return root, nil
}

// scan refuses unpaired surrogate escapes and excessive depth. It assumes
// well-formed JSON. If it refuses a malformed body for a wrong reason, that
// does no harm, because json.Valid would refuse the body too.
func scan(data []byte, maxDepth int) error {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			inString = !inString
		case inString && c == '\\':
			n, ok := escape(data[i:])
			if !ok {
				return &Error{Reason: "must not contain an unpaired surrogate escape"}
			}
			i += n - 1
		case inString:
		case c == '{', c == '[':
			if depth++; depth > maxDepth {
				return &Error{Reason: "must not be nested deeper than " + strconv.Itoa(maxDepth) + " levels"}
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return nil
}

// escape returns the length of the escape sequence at the start of data, and
// whether the sequence means a character. It counts both halves of a surrogate
// pair as one sequence.
func escape(data []byte) (n int, ok bool) {
	r, ok := unicodeEscape(data)
	switch {
	case !ok:
		return 2, true
	case 0xD800 <= r && r < 0xDC00:
		low, ok := unicodeEscape(data[6:])
		return 12, ok && 0xDC00 <= low && low <= 0xDFFF
	}
	return 6, !(0xDC00 <= r && r <= 0xDFFF)
}

// unicodeEscape reads a \uXXXX at the start of data.
func unicodeEscape(data []byte) (r rune, ok bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	for _, c := range data[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// whyInvalid returns the reason why json.Valid has refused data. It uses only
// the offset of a json.SyntaxError, because the error's text quotes the input.
func whyInvalid(data []byte) error {
	var first json.RawMessage
	err := json.NewDecoder(bytes.NewReader(data)).Decode(&first)
	if err == nil {
		return &Error{Reason: "must end after the JSON object"}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{Reason: "must not end within the JSON object"}
	}
	reason := "must be valid JSON"
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		reason += ", which it is not at byte " + strconv.FormatInt(e.Offset, 10)
	}
	return &Error{Reason: reason}
}

// A parser takes apart a text that is known to be a well-formed object. So it
// looks only for the bytes at which one part ends and the next begins.
type parser struct {
	rest string
	opts Options
}

// space is the white space of RFC 8259.
const space = " \t\r\n"

// next returns the first byte of the next token.
func (p *parser) next() byte {
	p.rest = strings.TrimLeft(p.rest, space)
	return p.rest[0]
}

// skip moves past the byte that next has returned.
func (p *parser) skip() { p.rest = p.rest[1:] }

func (p *parser) newObject(parent *path, name string) *Object {
	o := &Object{
		path:         path{parent: parent, name: name},
		foldNames:    p.opts.FoldNames,
		nullIsAbsent: p.opts.NullIsAbsent,
	}
	o.members = o.inline[:0]
	return o
}

// object reads o from its opening to its closing brace.
func (p *parser) object(o *Object) error {
	p.next()
	p.skip()
	for {
		switch p.next() {
		case '}':
			p.skip()
			return nil
		case ',':
			p.skip()
			p.next()
		}
		name, err := p.text()
		if err != nil {
			return err
		}
		if o.find(name) >= 0 {
			return &Error{Field: o.path.member(name), Reason: "must not be given more than once"}
		}
		p.next() // the colon
		p.skip()
		m := member{name: name}
		switch p.next() {
		case '"':
			m.kind = kindString
			m.text, err = p.text()
		case '{':
			m.kind, m.object = kindObject, p.newObject(&o.path, name)
			err = p.object(m.object)
		case '[':
			err = p.array(&path{parent: &o.path, name: name})
		default:
			switch literal := p.literal(); literal {
			case "null":
				m.kind = kindNull
			case "true", "false":
				m.kind, m.text = kindBool, literal
			}
		}
		if err != nil {
			return err
		}
		o.add(m)
	}
}

// array reads an array from its opening to its closing bracket and keeps
// nothing of it. No wire needs an array, but the objects in it must not have
// duplicate names.
func (p *parser) array(at *path) error {
	p.skip()
	for {
		var err error
		switch p.next() {
		case ']':
			p.skip()
			return nil
		case ',':
			p.skip()
		case '"':
			_, err = p.text()
		case '{':
			o := p.newObject(at, "")
			o.path.element = true
			err = p.object(o)
		case '[':
			err = p.array(&path{parent: at, element: true})
		default:
			p.literal()
		}
		if err != nil {
			return err
		}
	}
}

// text reads a string.
func (p *parser) text() (string, error) {
	escaped := false
	for i := 1; ; i++ {
		switch p.rest[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			var raw string
			raw, p.rest = p.rest[:i+1], p.rest[i+1:]
			if !escaped {
				return raw[1:i], nil
			}
			var s string
			if err := json.Unmarshal([]byte(raw), &s); err != nil {
				return "", &Error{Reason: "must be valid JSON"}
			}
			return s, nil
		}
	}
}

// literal reads a number, true, false or null.
func (p *parser) literal() string {
	i := strings.IndexAny(p.rest, ",]}"+space)
	var literal string
	literal, p.rest = p.rest[:i], p.rest[i:]
	return literal
}
