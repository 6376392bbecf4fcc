package strictjson

import (
	"strconv"
	"strings"
)

// An Object is a JSON object that [Parse] has accepted. It does not change and
// may be used by several goroutines at once.
type Object struct {
	path         path
	foldNames    bool
	nullIsAbsent bool
	members      []member
	inline       [4]member      // the array behind members, in small objects
	index        map[string]int // by folded name; nil below indexFrom members
}

type kind uint8

const (
	kindOther kind = iota // a number or an array
	kindNull
	kindString
	kindObject
	kindBool // text is "true" or "false"
)

type member struct {
	name   string
	text   string
	object *Object
	kind   kind
}

// String returns the string that name holds. Any other value is an error. With
// Options.NullIsAbsent a null counts as absent, otherwise null is an error too.
func (o *Object) String(name string) (value string, present bool, err error) {
	m, err := o.lookup(name, kindString, "must be a string")
	if m == nil || err != nil {
		return "", false, err
	}
	// The text is a substring of the whole body. A caller that keeps 20 bytes
	// must not keep the whole body in memory.
	return strings.Clone(m.text), true, nil
}

// Object returns the object that name holds. Any other value is an error, and a
// null is treated as in [Object.String].
func (o *Object) Object(name string) (obj *Object, present bool, err error) {
	m, err := o.lookup(name, kindObject, "must be an object")
	if m == nil || err != nil {
		return nil, false, err
	}
	return m.object, true, nil
}

// Has reports whether name is given, whatever it holds. With
// Options.NullIsAbsent a name that holds null is not given.
func (o *Object) Has(name string) bool {
	i := o.find(name)
	return i >= 0 && !(o.nullIsAbsent && o.members[i].kind == kindNull)
}

// Unknown returns the first key that is not in known, for wires that refuse
// names they do not know. The result is for an [Error]: it is a dotted path,
// quoted and shortened like [Error.Field].
func (o *Object) Unknown(known ...string) (name string, found bool) {
next:
	for i := range o.members {
		for _, k := range known {
			if o.same(o.members[i].name, k) {
				continue next
			}
		}
		return o.path.member(o.members[i].name), true
	}
	return "", false
}

// lookup returns the member called name, or nil if it is absent.
func (o *Object) lookup(name string, want kind, otherwise string) (*member, error) {
	i := o.find(name)
	if i < 0 {
		return nil, nil
	}
	m := &o.members[i]
	switch {
	case m.kind == want:
		return m, nil
	case m.kind != kindNull:
		return nil, &Error{Field: o.path.member(name), Reason: otherwise}
	case o.nullIsAbsent:
		return nil, nil
	}
	return nil, &Error{Field: o.path.member(name), Reason: "must not be null"}
}

// find returns the index of the member called name, or -1.
func (o *Object) find(name string) int {
	if o.index != nil {
		if i, ok := o.index[o.key(name)]; ok {
			return i
		}
		return -1
	}
	for i := range o.members {
		if o.same(o.members[i].name, name) {
			return i
		}
	}
	return -1
}

func (o *Object) add(m member) {
	o.members = append(o.members, m)
	switch n := len(o.members); {
	case o.index != nil:
		o.index[o.key(m.name)] = n - 1
	case n == indexFrom:
		o.index = make(map[string]int, 4*n)
		for i := range o.members {
			o.index[o.key(o.members[i].name)] = i
		}
	}
}

func (o *Object) key(name string) string {
	if o.foldNames {
		return foldASCII(name)
	}
	return name
}

func (o *Object) same(a, b string) bool {
	if !o.foldNames {
		return a == b
	}
	// Not strings.EqualFold, which equates U+212A with k and U+017F with s.
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func foldASCII(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lower(b[j])
			}
			return string(b)
		}
	}
	return s
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// A path says where in the body a value is. It is a linked list, and becomes a
// string only for an error.
type path struct {
	parent  *path // nil for the outermost object
	name    string
	element bool // of the array that parent names
}

const (
	maxShownName = 32  // runes
	maxShownPath = 160 // bytes
)

// member returns the path of p's member called name.
func (p *path) member(name string) string {
	return (&path{parent: p, name: name}).String()
}

func (p *path) String() string {
	s := p.dotted()
	if len(s) > maxShownPath {
		return s[:maxShownPath] + "..." // all ASCII, see quoteName
	}
	return s
}

func (p *path) dotted() string {
	if p.parent == nil {
		return ""
	}
	before := p.parent.dotted()
	switch {
	case p.element:
		return before + "[]"
	case before == "":
		return quoteName(p.name)
	}
	return before + "." + quoteName(p.name)
}

// quoteName returns name as an error shows it. It returns a plain word as it
// is. It shortens and quotes any other name, and escapes the characters outside
// ASCII and those with a meaning in HTML: some client will put the text into a
// page.
func quoteName(name string) string {
	if isWord(name) {
		return name
	}
	runes, ellipsis := 0, ""
	for i := range name {
		if runes++; runes > maxShownName {
			name, ellipsis = name[:i], "..."
			break
		}
	}
	name = strconv.QuoteToASCII(name)
	return strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`, "`", `\u0060`).Replace(name) + ellipsis
}

func isWord(name string) bool {
	for i := range len(name) {
		c := lower(name[i])
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return 0 < len(name) && len(name) <= maxShownName
}
