package messages

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// hindi addresses the reader as आप. It uses the loan words that interfaces in
// Hindi use: पासवर्ड, लिंक, कोड, रीसेट.
func hindi() []i18n.Entry {
	return []i18n.Entry{
		// These have the form that stands before में.
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d मिनट",
			plural.Other, "%[1]d मिनट",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d घंटे",
			plural.Other, "%[1]d घंटे",
		}},
		{Key: "days", Forms: []any{
			plural.One, "%[1]d दिन",
			plural.Other, "%[1]d दिन",
		}},

		{Key: "hello", Text: "नमस्ते %[1]s,"},
		{Key: "hello.anonymous", Text: "नमस्ते,"},
		{Key: "requested", Text: "अनुरोध का समय"},
		{Key: "changed", Text: "बदलने का समय"},
		{Key: "expires", Text: "कब तक मान्य"},
		{Key: "location", Text: "स्थान (लगभग)"},
		{Key: "network", Text: "नेटवर्क"},
		{Key: "detail", Text: "%[1]s: %[2]s"},
		{Key: "button.fallback", Text: "अगर बटन काम न करे, तो यह लिंक अपने ब्राउज़र में खोलें:"},
		{Key: "ignore", Text: "अगर यह अनुरोध आपने नहीं किया था, तो इस संदेश को अनदेखा करें।"},
		{Key: "notme.ignore", Text: "अगर यह अनुरोध आपने नहीं किया था, तो इस संदेश को अनदेखा करें। आपका पासवर्ड नहीं बदला है।"},
		{Key: "notme.tell", Text: "अगर यह अनुरोध आपने नहीं किया था, तो भी आपका पासवर्ड नहीं बदला है। कृपया हमें बताएँ:"},
		{Key: "notme.link", Text: "यह मैंने नहीं किया"},
		{Key: "footer", Text: "यह %[1]s की ओर से भेजा गया स्वचालित संदेश है।"},
		{Key: "support", Text: "कोई सवाल है?"},

		{Key: "reset-link.subject", Text: "अपना %[1]s पासवर्ड रीसेट करें"},
		{Key: "reset-link.heading", Text: "अपना पासवर्ड रीसेट करें"},
		{Key: "reset-link.intro", Text: "हमें आपके %[1]s खाते का पासवर्ड रीसेट करने का अनुरोध मिला है।"},
		{Key: "reset-link.intro.account", Text: "हमें आपके %[1]s खाते “%[2]s” का पासवर्ड रीसेट करने का अनुरोध मिला है।"},
		{Key: "reset-link.button", Text: "नया पासवर्ड चुनें"},
		{Key: "reset-link.open", Text: "नया पासवर्ड चुनने के लिए यह लिंक खोलें:"},
		{Key: "reset-link.expiry", Text: "यह लिंक केवल एक बार काम करेगा और %[1]s में समाप्त हो जाएगा।"},
		{Key: "reset-link.keep", Text: "इस संदेश को किसी और को न भेजें: जिसके पास यह लिंक होगा, वह आपका पासवर्ड बदल सकता है।"},

		{Key: "reset-links.intro", Text: "हमें आपके %[1]s खाते का पासवर्ड रीसेट करने का अनुरोध मिला है। इस पते से कई खाते जुड़े हैं, इसलिए हर खाते का अपना लिंक है। जिस खाते में आपको साइन इन करना है, उसी का लिंक इस्तेमाल करें।"},
		{Key: "reset-links.account", Text: "खाता %[1]d"},
		{Key: "reset-links.expiry", Text: "हर लिंक केवल एक बार काम करेगा और %[1]s में समाप्त हो जाएगा।"},
		{Key: "reset-links.keep", Text: "इस संदेश को किसी और को न भेजें: जिसके पास इनमें से कोई लिंक होगा, वह उस खाते का पासवर्ड बदल सकता है।"},

		{Key: "reset-code.subject", Text: "आपका %[1]s पासवर्ड रीसेट करने का कोड"},
		{Key: "reset-code.heading", Text: "आपका कोड"},
		{Key: "reset-code.intro", Text: "अपने %[1]s खाते का पासवर्ड रीसेट करने के लिए यह कोड डालें:"},
		{Key: "reset-code.intro.account", Text: "अपने %[1]s खाते “%[2]s” का पासवर्ड रीसेट करने के लिए यह कोड डालें:"},
		{Key: "reset-code.expiry", Text: "यह कोड केवल एक बार काम करेगा और %[1]s में समाप्त हो जाएगा।"},
		{Key: "reset-code.keep", Text: "यह कोड किसी को न बताएँ। हम आपसे यह कभी नहीं माँगेंगे।"},

		{Key: "password-changed.subject", Text: "आपका %[1]s पासवर्ड बदल दिया गया है"},
		{Key: "password-changed.heading", Text: "आपका पासवर्ड बदल दिया गया है"},
		{Key: "password-changed.intro", Text: "आपके %[1]s खाते का पासवर्ड बदल दिया गया है।"},
		{Key: "password-changed.intro.account", Text: "आपके %[1]s खाते “%[2]s” का पासवर्ड बदल दिया गया है।"},
		{Key: "password-changed.helped", Text: "यह %[1]s की मदद से किया गया।"},
		{Key: "password-changed.helped.anonymous", Text: "यह हमारी सहायता टीम की मदद से किया गया।"},
		{Key: "password-changed.ok", Text: "अगर यह आपने किया था, तो आपको और कुछ नहीं करना है।"},
		{Key: "password-changed.act", Text: "अगर यह आपने नहीं किया था, तो हमें तुरंत बताएँ, ताकि हम आपके खाते को सुरक्षित कर सकें:"},
		{Key: "password-changed.help", Text: "अगर यह आपने नहीं किया था, तो तुरंत अपना पासवर्ड रीसेट करें और हमारी सहायता टीम से संपर्क करें।"},

		{Key: "invitation.subject", Text: "अपने %[1]s खाते के लिए पासवर्ड चुनें"},
		{Key: "invitation.heading", Text: "अपना पासवर्ड चुनें"},
		{Key: "invitation.intro", Text: "आपका %[1]s खाता तैयार है। इसके लिए एक पासवर्ड चुनें।"},
		{Key: "invitation.button", Text: "पासवर्ड चुनें"},
		{Key: "invitation.open", Text: "अपना पासवर्ड चुनने के लिए यह लिंक खोलें:"},
		{Key: "invitation.keep", Text: "इस संदेश को किसी और को न भेजें: जिसके पास यह लिंक होगा, वह आपके खाते का इस्तेमाल कर सकता है।"},
		{Key: "invitation.ignore", Text: "अगर आपको इस खाते की जानकारी नहीं है, तो इस संदेश को अनदेखा करें।"},

		{Key: "reset-required.subject", Text: "%[1]s के लिए नया पासवर्ड चुनना ज़रूरी है"},
		{Key: "reset-required.heading", Text: "नया पासवर्ड चुनें"},
		{Key: "reset-required.intro", Text: "आपका %[1]s पासवर्ड बदलना ज़रूरी है। नया पासवर्ड चुनने के बाद फिर से साइन इन किया जा सकेगा।"},
		{Key: "reset-required.hint", Text: "अगर लिंक समाप्त हो गया है, तो साइन इन करते समय “पासवर्ड याद नहीं है?” चुनें।"},

		{Key: "no-password.subject", Text: "%[1]s में साइन इन कैसे करें"},
		{Key: "no-password.heading", Text: "आपके खाते का कोई पासवर्ड नहीं है"},
		{Key: "no-password.intro", Text: "हमें आपके %[1]s खाते का पासवर्ड रीसेट करने का अनुरोध मिला है। इस खाते का कोई पासवर्ड नहीं है।"},
		{Key: "no-password.with", Text: "उस सेवा से साइन इन करें, जिसे आपने पंजीकरण के समय चुना था:"},
		{Key: "no-password.other", Text: "उस सेवा से साइन इन करें, जिसे आपने पंजीकरण के समय चुना था।"},

		{Key: "unknown-address.subject", Text: "इस पते से कोई %[1]s खाता नहीं है"},
		{Key: "unknown-address.heading", Text: "इस पते से कोई खाता नहीं है"},
		{Key: "unknown-address.intro", Text: "हमें इस ईमेल पते वाले %[1]s खाते का पासवर्ड रीसेट करने का अनुरोध मिला है। ऐसा कोई खाता नहीं है।"},
		{Key: "unknown-address.hint", Text: "हो सकता है कि आपने किसी दूसरे पते से पंजीकरण किया हो। कृपया उस पते से कोशिश करें।"},

		{Key: "sms.link", Text: "%[1]s: पासवर्ड रीसेट करने के लिए यह लिंक खोलें। यह %[2]s में समाप्त हो जाएगा।"},
		{Key: "sms.link.undated", Text: "%[1]s: पासवर्ड रीसेट करने के लिए यह लिंक खोलें।"},
		{Key: "sms.invitation", Text: "%[1]s: अपना पासवर्ड चुनने के लिए यह लिंक खोलें। यह %[2]s में समाप्त हो जाएगा।"},
		{Key: "sms.invitation.undated", Text: "%[1]s: अपना पासवर्ड चुनने के लिए यह लिंक खोलें।"},
		{Key: "sms.required", Text: "%[1]s: आपका पासवर्ड बदलना ज़रूरी है। नया चुनने के लिए यह लिंक खोलें। यह %[2]s में समाप्त हो जाएगा।"},
		{Key: "sms.required.undated", Text: "%[1]s: आपका पासवर्ड बदलना ज़रूरी है। नया चुनने के लिए यह लिंक खोलें।"},
		{Key: "sms.code", Text: "%[1]s पासवर्ड रीसेट कोड: %[2]s, %[3]s तक मान्य। किसी को न बताएँ।"},
		{Key: "sms.code.short", Text: "%[1]s कोड: %[2]s। किसी को न बताएँ।"},
		{Key: "sms.code.least", Text: "%[1]s: %[2]s"},
		{Key: "sms.changed", Text: "%[1]s: आपका पासवर्ड बदल दिया गया है%[2]s। यह आपने नहीं किया? तुरंत पासवर्ड रीसेट करें और हमसे संपर्क करें।"},
		{Key: "sms.changed.notme", Text: "%[1]s: आपका पासवर्ड बदल दिया गया है%[2]s। यह आपने नहीं किया? हमें तुरंत बताएँ:"},
		{Key: "sms.helped", Text: "(%[1]s की मदद से)"},
		{Key: "sms.helped.anonymous", Text: "(हमारी सहायता टीम की मदद से)"},
		{Key: "sms.no-password.with", Text: "आपके %[1]s खाते का कोई पासवर्ड नहीं है। इससे साइन इन करें: %[2]s"},
		{Key: "sms.no-password.other", Text: "आपके %[1]s खाते का कोई पासवर्ड नहीं है। उसी सेवा से साइन इन करें, जिससे आपने पंजीकरण किया था।"},
	}
}
