package browsertest

// What tests of the package look at.
var UnpackAxe = unpackAxe
