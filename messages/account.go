package messages

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// An Account is one of the accounts that a message gives links for.
type Account struct {
	// Label tells the account from the others: what its owner signs in with or, if
	// that is not known or not fit to be shown (A66), the owner's name, or a number.
	Label string
	// Line is Label in plain text, with controls around a label that could disturb
	// the line's direction. HTML has the bdi element for that.
	Line string
	// Name is the owner's name, or empty.
	Name string
	// URL is the link of this account.
	URL string
}

// addAccounts adds the accounts of a message. Labels that are the same get numbers
// too: nobody could tell whose link is whose.
func (d *Data) addAccounts(accounts []recovery.MessageAccount) error {
	if len(accounts) == 0 {
		return permanent("the message has no accounts")
	}
	count := map[string]int{}
	for i, from := range accounts {
		a := Account{Label: cleanAccount(from.Account), Name: cleanName(from.Name), URL: from.URL.Reveal()}
		if !isLink(a.URL) {
			return permanent("an account of the message has no link that can be sent")
		}
		if a.Label == "" {
			a.Label = a.Name
		}
		if a.Label == "" {
			var err error
			if a.Label, err = d.translator.Translate(false, "reset-links.account", i+1); err != nil {
				return err
			}
		}
		d.Accounts = append(d.Accounts, a)
		count[strings.ToLower(a.Label)]++
	}
	for i := range d.Accounts {
		a := &d.Accounts[i]
		if count[strings.ToLower(a.Label)] > 1 {
			a.Label = fmt.Sprintf("%s (%d)", a.Label, i+1)
		}
		a.Line = i18n.Isolate(a.Label, d.translator.RightToLeft)
	}
	return nil
}

// urls returns the links that a message must have.
func (d *Data) urls() []string {
	var urls []string
	if d.URL != "" {
		urls = append(urls, d.URL)
	}
	for _, a := range d.Accounts {
		urls = append(urls, a.URL)
	}
	return urls
}

// maxAccount is the longest account that is shown, in characters.
const maxAccount = 100

// cleanAccount returns what a person signs in with as a message may show it, or ""
// for what the message leaves out (A66). As with a name, whoever signed up chose
// it. It is a name, as cleanName allows it, or one word: letters, marks and digits,
// with periods, hyphens, apostrophes, '_', '+' and at most one '@' between them. So
// user names, customer numbers and addresses are shown, and sentences with a
// telephone number are not. A word that mail programs take for a domain, such as
// evil.com, is left out. They make a link to a mailbox of an address, which leads
// to no page.
func cleanAccount(s string) string {
	if name := cleanName(s); name != "" {
		return name
	}
	if len(s) > maxNameBytes || !utf8.ValidString(s) {
		return ""
	}
	s = norm.NFC.String(strings.TrimSpace(s))
	if s == "" || utf8.RuneCountInString(s) > maxAccount {
		return ""
	}
	marks, before := 0, '.'
	for _, r := range s {
		switch {
		case isInvisible(r):
			return ""
		case unicode.IsMark(r):
			if marks++; isJoint(before) || marks > maxMarks {
				return ""
			}
			continue
		case isJoint(r):
			if isJoint(before) && r != '_' && before != '_' {
				return "" // also one that begins
			}
		case !unicode.IsLetter(r) && !unicode.Is(unicode.Nd, r):
			return ""
		}
		marks, before = 0, r
	}
	local, host, isAddress := strings.Cut(s, "@")
	switch {
	case before == '@' || before == '.':
		return ""
	case isAddress && (local == "" || strings.Contains(host, "@")):
		return ""
	case !isAddress && isLinked(s):
		return ""
	}
	return s
}

// isJoint reports whether r may stand between the letters of an account.
func isJoint(r rune) bool { return strings.ContainsRune("'’-._+@", r) }

// isLinked reports whether mail programs may take a word for a domain or a network
// address, and make a link of it. They know the top-level domains, so ada.lovelace
// stays text.
func isLinked(word string) bool {
	labels := strings.Split(strings.ToLower(word), ".")
	if len(labels) == 1 {
		return false
	}
	if labels[0] == "www" || strings.Trim(word, ".0123456789") == "" {
		return true
	}
	for _, label := range labels[1:] {
		if strings.HasPrefix(label, "xn--") {
			return true // a label of other letters, as it is sent
		}
		if i := strings.IndexFunc(label, isJoint); i >= 0 {
			label = label[:i] // what is behind may not count
		}
		ascii, err := idna.ToASCII(label)
		if err != nil {
			return true
		}
		if _, known := publicsuffix.PublicSuffix(ascii); known {
			return true
		}
	}
	return false
}

// isSameAddress reports whether an account is the address that the message goes to.
func isSameAddress(account, to string) bool {
	for _, canonical := range []func(string) (string, error){canonical.Email, canonical.Phone} {
		a, errA := canonical(account)
		b, errB := canonical(to)
		if errA == nil && errB == nil && a == b {
			return true
		}
	}
	return strings.EqualFold(strings.TrimSpace(account), to)
}
