package messages

import "math"

// contrastWithWhite is the contrast ratio of a colour 0xRRGGBB and white, as
// WCAG 2.2 defines it.
func contrastWithWhite(rgb uint32) float64 {
	return 1.05 / (luminance(rgb) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(rgb uint32) float64 {
	linear := func(c uint32) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(rgb>>16) + 0.7152*linear(rgb>>8) + 0.0722*linear(rgb)
}
