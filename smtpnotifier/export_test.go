package smtpnotifier

// CheckWire is checkWire, for a test of its own: nothing that a Renderer
// returns reaches a check that it would fail.
func CheckWire(data []byte, fields map[string]bool, to string) string {
	return checkWire(data, fields, mailbox(to))
}
