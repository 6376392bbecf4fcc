package recovery

// RenderLink is what a mailed URL is made with.
func RenderLink(l Link, name, value string) (string, error) {
	return l.carry(linkPart{tokenPlace, name, value})
}
