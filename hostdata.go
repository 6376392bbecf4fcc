package recovery

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of the host's data. The data of a request and of a lead together
// travel in one job, which has 16 KiB in all.
const (
	maxData      = 16
	maxDataName  = 32
	maxDataValue = 512
	maxDataBytes = 2048 // of all names and values
)

// checkData returns what is wrong with data, or the empty text. Values come into
// subjects, texts and HTML, so they have no character that ends a line or changes
// the direction of what stands behind them (A105).
func checkData(data map[string]string) (reason string) {
	if len(data) > maxData {
		return "are more than 16 entries"
	}
	bytes := 0
	for name, value := range data {
		bytes += len(name) + len(value)
		if name == "" || len(name) > maxDataName || strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
		}) {
			return "have a name that is not 1 to 32 of a-z, 0-9, '_', '-' and '.'"
		}
		if len(value) > maxDataValue || !utf8.ValidString(value) || strings.ContainsFunc(value, disturbs) {
			return "have a value that is not up to 512 bytes of UTF-8 on one line, without characters that control or that change the direction of the text"
		}
	}
	if bytes > maxDataBytes {
		return "have more than 2,048 bytes in all"
	}
	return ""
}

// disturbs reports whether a character ends a line, controls something, or opens or
// closes a direction. Marks of direction (U+200E, U+200F, U+061C) do neither.
func disturbs(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) ||
		r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// copyData checks data, and returns a copy, because the caller may change the map
// while the job waits.
func copyData(data map[string]string) (map[string]string, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if reason := checkData(data); reason != "" {
		return nil, invalid("data", reason)
	}
	return maps.Clone(data), nil
}

// mergeData returns the data of a message: those of the request and of the lead.
// The lead's come first, because it is the lead that gets the message.
func mergeData(request, lead map[string]string) map[string]string {
	switch {
	case len(lead) == 0:
		return request
	case len(request) == 0:
		return lead
	}
	all := maps.Clone(request)
	maps.Copy(all, lead)
	return all
}

// checkLeadData leaves out [Lead].Data that break the bounds: a mistake in them must
// not keep anybody from a reset.
func (s *Service) checkLeadData(ctx context.Context, lead Lead) Lead {
	if reason := checkData(lead.Data); reason != "" {
		s.outages.Failed(ctx, s.log, slog.LevelWarn, "lead data", "recovery: messages go out without Lead.Data, because they "+reason, "lead", lead.ID)
		lead.Data = nil
	}
	lead.Data = maps.Clone(lead.Data)
	return lead
}
