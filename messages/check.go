package messages

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/seed-51359b35/recovery/internal/brand"
)

// maxSubject is the longest subject, in characters. Lists of mails show about
// fifty.
const maxSubject = 150

// check returns an error if a rendered part lacks something, or has something
// that it must not have. Every message is checked, and not the samples alone: a
// template may do something else with another message.
func check(p part, text string, d *Data) error {
	switch p {
	case partSubject:
		return checkSubject(text, d)
	case partHTML:
		return checkHTML(text, d)
	}
	return checkText(text, d)
}

// checkSubject refuses a subject that ends its header field (A13), and one with
// a secret that a locked screen would show to bystanders.
func checkSubject(text string, d *Data) error {
	switch {
	case text == "":
		return errors.New("the subject is empty")
	case utf8.RuneCountInString(text) > maxSubject:
		return fmt.Errorf("the subject is longer than %d characters", maxSubject)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, breaksLine):
		return errors.New("the subject is more than one line of text")
	}
	for _, secret := range append(d.urls(), d.Code, d.NotMe) {
		if secret != "" && strings.Contains(text, secret) {
			return errors.New("the subject carries a link or code, and locked screens show subjects")
		}
	}
	return nil
}

// breaksLine reports whether a character ends a line or changes the direction
// of the rest of the line.
func breaksLine(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || r >= '\u202a' && r <= '\u202e'
}

func checkText(text string, d *Data) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("the text is empty")
	}
	for _, url := range d.urls() {
		if !slices.ContainsFunc(strings.Fields(text), func(w string) bool {
			return strings.TrimSuffix(strings.TrimPrefix(w, "<"), ">") == url
		}) {
			return fmt.Errorf("the text does not have %s between spaces or line ends", d.urlName())
		}
	}
	for _, a := range d.Accounts {
		if !strings.Contains(text, a.Label) {
			return errors.New("the text does not have the .Label of each of .Accounts")
		}
	}
	if d.Code != "" && !strings.Contains(text, d.Code) {
		return errors.New("the text does not have .Code")
	}
	return nil
}

func checkHTML(text string, d *Data) error {
	hrefs, visible := readHTML(text)
	if strings.TrimSpace(visible) == "" {
		return errors.New("the HTML is empty")
	}
	for _, url := range d.urls() {
		if !slices.Contains(hrefs, normalized(url)) {
			return fmt.Errorf("the HTML has no link to %s", d.urlName())
		}
	}
	for _, a := range d.Accounts {
		if !strings.Contains(visible, a.Label) {
			return errors.New("the HTML does not show the .Label of each of .Accounts")
		}
	}
	if d.Code != "" && !strings.Contains(visible, d.Code) {
		return errors.New("the HTML does not show .Code")
	}
	return nil
}

// urlName is how a template names the links of a message.
func (d *Data) urlName() string {
	if len(d.Accounts) > 0 {
		return "the .URL of each of .Accounts"
	}
	return ".URL"
}

// readHTML returns the targets of the links and the text of a document.
func readHTML(text string) (hrefs []string, visible string) {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(text))
	skip := ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			return hrefs, b.String()
		case html.TextToken:
			if skip == "" {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			switch name, more := z.TagName(); string(name) {
			case "style", "title", "script":
				skip = string(name)
			case "a":
				for more {
					var key, value []byte
					if key, value, more = z.TagAttr(); string(key) == "href" {
						hrefs = append(hrefs, string(value))
					}
				}
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == skip {
				skip = ""
			}
		}
	}
}

// normalized spells a URL as html/template does in an attribute, where
// characters that could end the attribute are percent-encoded. For every reader
// the two URLs are the same link.
func normalized(url string) string {
	var b strings.Builder
	for i := range len(url) {
		c := url[i]
		switch {
		case brand.IsLowerDigit(rune(c)), c >= 'A' && c <= 'Z', strings.IndexByte("-._~!#$&*+,/:;=?@[]", c) >= 0,
			c == '%' && i+2 < len(url) && isHex(url[i+1]) && isHex(url[i+2]):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
