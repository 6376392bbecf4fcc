package strictjson

// Bool returns the boolean that name holds. Any other value is an error, and a null
// is treated as in [Object.String].
func (o *Object) Bool(name string) (value, present bool, err error) {
	m, err := o.lookup(name, kindBool, "must be true or false")
	if m == nil || err != nil {
		return false, false, err
	}
	return m.text == "true", true, nil
}
