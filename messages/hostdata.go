package messages

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-51359b35/recovery"
)

const (
	maxSentence        = 500 // bytes
	maxSubjectSentence = 80  // characters, so that a subject has room for the product
)

// checkSentence returns an error for a brand's text that does not fit where the
// sentence of this package stands.
func checkSentence(key, text string) error {
	switch {
	case strings.TrimSpace(text) != text || text == "":
		return errors.New("must not be empty, and not start or end with a space")
	case len(text) > maxSentence:
		return fmt.Errorf("is longer than %d bytes", maxSentence)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, breaksLine):
		return errors.New("must be one line of UTF-8, without controls of direction")
	case strings.HasSuffix(key, ".subject") && utf8.RuneCountInString(text) > maxSubjectSentence:
		return fmt.Errorf("is longer than %d characters", maxSubjectSentence)
	}
	return nil
}

// shownData returns the host's data as templates may show them (A105). It leaves
// values out that mail programs make a link of. The Service has checked the rest. It
// is checked again, because a host may make its own message.
func (s *Renderer) shownData(m recovery.Message) map[string]string {
	shown := make(map[string]string, len(m.Data))
	for name, value := range m.Data {
		if utf8.ValidString(value) && len(value) <= maxNameBytes && !strings.ContainsFunc(value, breaksLine) && !hasLink(value) {
			shown[name] = value
			continue
		}
		s.opts.Logger.Debug("recovery: a value of the host's data looks like a link or breaks the line, so the message is written without it", "name", name, "kind", string(m.Kind))
	}
	return shown
}

// hasLink reports whether mail programs may make a link of a part of the text: of a
// URL, of a domain, of a network address or of a mail address.
func hasLink(text string) bool {
	// Names of hosts are read without the characters that show nothing. So a program
	// may take a domain with one of them for the domain.
	text = strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, norm.NFKC.String(text)) // full stops have wide forms
	if strings.Contains(text, "://") {
		return true
	}
	// Some programs take an ideographic full stop for a dot. Between letters of Latin
	// that is what it stands for. Elsewhere it ends a sentence.
	latin := strings.Map(func(r rune) rune {
		switch {
		case r == '。':
			return '.'
		case r >= utf8.RuneSelf:
			return ' '
		}
		return r
	}, text)
	return hasLinkedWord(text) || hasLinkedWord(latin)
}

func hasLinkedWord(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) && r != '.' && r != '-' && r != '_'
	}) {
		word = strings.Trim(word, ".-_")
		if strings.Trim(word, ".0123456789") == "" && strings.Count(word, ".") != 3 {
			continue // 19.99, or the number of a version
		}
		if isLinked(word) {
			return true
		}
	}
	return false
}
