package recovery

// SealReturnTo seals a place as links carry it, without a check.
func SealReturnTo(s *Service, place string) (string, error) {
	return s.keys.returns.Seal([]byte(place))
}

// CheckAllowedPlace checks an entry of Options.ReturnTo.
func CheckAllowedPlace(entry string) error { return checkAllowedPlace(entry) }

// CheckReturnTo checks a place where the link has this URL and the entries are
// listed.
func CheckReturnTo(link, place string, entries ...string) (string, error) {
	s := &Service{opts: Options{Link: Link{URL: link}, ReturnTo: entries}}
	return s.CheckReturnTo(place)
}

// RenderLink is what a mailed URL is made with.
func RenderLink(l Link, name, value string) (string, error) {
	return l.carry(linkPart{tokenPlace, name, value})
}
