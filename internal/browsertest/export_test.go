package browsertest

// Unpack is for the tests of this package.
func (p Package) Unpack(archive []byte) error {
	_, err := p.unpack(archive)
	return err
}
