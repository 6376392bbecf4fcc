package smtpnotifier

import (
	"cmp"
	"errors"

	"github.com/seed-51359b35/recovery"
)

// senderOf returns who sends a message, with its defaults. The host's function is
// asked while the program runs, so what it returns is checked each time as [New]
// checks options: it comes into header fields and commands (A13).
func (n *Notifier) senderOf(m recovery.Message) (Sender, error) {
	from := n.usual
	if n.opts.SenderOf != nil {
		if own := n.opts.SenderOf(m); own.From.Address != "" {
			from = own
			from.EnvelopeSender = cmp.Or(own.EnvelopeSender, n.usual.EnvelopeSender)
		} else if own != (Sender{}) {
			return Sender{}, unusableSender("SenderOf returned a sender without an address in From")
		}
	}
	from.EnvelopeSender = cmp.Or(from.EnvelopeSender, from.From.Address)
	mistakes := recovery.OptionErrors{Package: "smtpnotifier"}
	Options{
		From: from.From, ReplyTo: from.ReplyTo, EnvelopeSender: from.EnvelopeSender, HelloName: domainOf(from.From.Address),
	}.checkAddresses(&mistakes)
	if mistakes.Err() != nil {
		return Sender{}, unusableSender("SenderOf returned a sender that is not valid")
	}
	return from, nil
}

// unusableSender is temporary: the host can mend its sender while the job waits.
func unusableSender(reason string) error {
	return &Error{Stage: StageMessage, cause: errors.New(reason)}
}
