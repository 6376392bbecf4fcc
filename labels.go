package recovery

import (
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LabelNoWebhook is a label of a request. It asks package webhook, and similar
// event sinks, to send nothing about the events of this request. The value of
// the label has no meaning.
const LabelNoWebhook = "no_webhook"

// LabelBulk is the label whose value is the name of a [BulkRequest], in the events
// of its messages.
const LabelBulk = "bulk"

const (
	maxLabels     = 8
	maxLabelName  = 32
	maxLabelValue = 128
)

// copyLabels checks labels and returns a copy, because the caller may change
// the map while the job waits.
func copyLabels(labels map[string]string) (map[string]string, error) {
	if len(labels) == 0 {
		return nil, nil
	}
	if len(labels) > maxLabels {
		return nil, invalid("labels", "are more than 8")
	}
	for name, value := range labels {
		if name == "" || len(name) > maxLabelName || strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
		}) {
			return nil, invalid("labels", "have a name that is not 1 to 32 of a-z, 0-9, '_', '-' and '.'")
		}
		if len(value) > maxLabelValue || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, invalid("labels", "have a value that is not up to 128 bytes of UTF-8 without control characters")
		}
	}
	return maps.Clone(labels), nil
}
