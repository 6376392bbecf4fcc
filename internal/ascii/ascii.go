// Package ascii checks names that travel in headers, logs and stores.
package ascii

// IsName reports whether s is printable ASCII without spaces, of least to most
// bytes.
func IsName(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
