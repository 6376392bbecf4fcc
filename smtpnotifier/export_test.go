package smtpnotifier

// CheckWire is checkWire: nothing that a Renderer returns gets so far that it
// refuses it.
func CheckWire(data []byte, fields map[string]bool) string { return checkWire(data, fields) }
