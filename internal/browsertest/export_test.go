package browsertest

// The names below are for the tests of this package.
var UnpackAxe = unpackAxe
