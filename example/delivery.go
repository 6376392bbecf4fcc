package main

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// product is what the messages call this portal.
const product = "Recovery Demo"

// The templates that LoginRadius requests may name. They change a line each of
// what package messages says by itself.
//
//go:embed templates
var templates embed.FS

// A delivery is the way of a message: into words, by mail if there is a server
// for it, and into the outbox.
type delivery struct {
	words  *messages.Renderer
	mailer *smtpnotifier.Notifier // nil: mails go no further than the outbox
	outbox *outbox
}

var _ recovery.Notifier = (*delivery)(nil)

func newDelivery(c config, log *slog.Logger) (*delivery, error) {
	named, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, err
	}
	words, err := messages.New(messages.Options{
		Product: product, Host: host(c.baseURL), Templates: named, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	d := &delivery{words: words, outbox: &outbox{}}
	if c.smtp == nil {
		return d, nil
	}
	d.mailer, err = smtpnotifier.New(words, smtpnotifier.Options{
		Server: *c.smtp,
		From:   mail.Address{Name: product, Address: c.from},
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// host is the site that codes by SMS are bound to. A phone binds them to no
// address, so the demo's own is called by its name.
func host(baseURL string) string {
	u, err := url.Parse(baseURL)
	if err != nil {
		return ""
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return "localhost"
	}
	return strings.ToLower(u.Hostname())
}

// Notify implements [recovery.Notifier]. The outbox shows a mail only once its
// server has it. Text messages go nowhere else: a provider wants an account.
func (d *delivery) Notify(ctx context.Context, m recovery.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	show := delivered{ID: m.ID, Kind: strings.ReplaceAll(string(m.Kind), "_", "-"), Channel: string(m.Channel), To: m.To,
		URL: m.URL.Reveal(), Code: m.Code.Reveal(), NotMe: m.NotMe.Reveal(), expires: m.Expires}
	switch m.Channel {
	case recovery.ChannelEmail:
		mail, err := d.words.Mail(m)
		if err != nil {
			return err
		}
		if d.mailer != nil {
			if err := d.mailer.Notify(ctx, m); err != nil {
				return err
			}
		}
		show.Subject, show.Text, show.HTML, show.Language = mail.Subject, mail.Text, mail.HTML, mail.Language.String()
	case recovery.ChannelSMS:
		sms, err := d.words.SMS(m)
		if err != nil {
			return err
		}
		show.Text, show.Language = sms.Text, sms.Language.String()
	default:
		return errors.Join(recovery.ErrPermanent, errors.New("an unknown channel"))
	}
	d.outbox.add(show)
	return nil
}

// close ends the connections to the mail server.
func (d *delivery) close(ctx context.Context) error {
	if d.mailer == nil {
		return nil
	}
	return d.mailer.Shutdown(ctx)
}
