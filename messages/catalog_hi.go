package messages

import "golang.org/x/text/feature/plural"

// hindi addresses the reader as आप, and keeps the loan words that interfaces in
// Hindi have: पासवर्ड, लिंक, कोड, रीसेट.
func hindi() []entry {
	return []entry{
		// Before में.
		{key: "minutes", forms: []any{
			plural.One, "%[1]d मिनट",
			plural.Other, "%[1]d मिनट",
		}},
		{key: "hours", forms: []any{
			plural.One, "%[1]d घंटे",
			plural.Other, "%[1]d घंटे",
		}},

		{key: "hello", text: "नमस्ते %[1]s,"},
		{key: "hello.anonymous", text: "नमस्ते,"},
		{key: "requested", text: "अनुरोध का समय"},
		{key: "changed", text: "बदलने का समय"},
		{key: "expires", text: "कब तक मान्य"},
		{key: "location", text: "स्थान (लगभग)"},
		{key: "network", text: "नेटवर्क"},
		{key: "detail", text: "%[1]s: %[2]s"},
		{key: "button.fallback", text: "अगर बटन काम न करे, तो यह लिंक अपने ब्राउज़र में खोलें:"},
		{key: "ignore", text: "अगर यह अनुरोध आपने नहीं किया था, तो इस संदेश को अनदेखा करें।"},
		{key: "notme.ignore", text: "अगर यह अनुरोध आपने नहीं किया था, तो इस संदेश को अनदेखा करें। आपका पासवर्ड नहीं बदला है।"},
		{key: "notme.tell", text: "अगर यह अनुरोध आपने नहीं किया था, तो भी आपका पासवर्ड नहीं बदला है। कृपया हमें बताएँ:"},
		{key: "notme.link", text: "यह मैंने नहीं किया"},
		{key: "footer", text: "यह %[1]s की ओर से भेजा गया स्वचालित संदेश है।"},
		{key: "support", text: "कोई सवाल है?"},

		{key: "reset-link.subject", text: "अपना %[1]s पासवर्ड रीसेट करें"},
		{key: "reset-link.heading", text: "अपना पासवर्ड रीसेट करें"},
		{key: "reset-link.intro", text: "हमें आपके %[1]s खाते का पासवर्ड रीसेट करने का अनुरोध मिला है।"},
		{key: "reset-link.button", text: "नया पासवर्ड चुनें"},
		{key: "reset-link.open", text: "नया पासवर्ड चुनने के लिए यह लिंक खोलें:"},
		{key: "reset-link.expiry", text: "यह लिंक केवल एक बार काम करेगा और %[1]s में समाप्त हो जाएगा।"},
		{key: "reset-link.keep", text: "इस संदेश को किसी और को न भेजें: जिसके पास यह लिंक होगा, वह आपका पासवर्ड बदल सकता है।"},

		{key: "reset-code.subject", text: "आपका %[1]s पासवर्ड रीसेट करने का कोड"},
		{key: "reset-code.heading", text: "आपका कोड"},
		{key: "reset-code.intro", text: "अपने %[1]s खाते का पासवर्ड रीसेट करने के लिए यह कोड डालें:"},
		{key: "reset-code.expiry", text: "यह कोड केवल एक बार काम करेगा और %[1]s में समाप्त हो जाएगा।"},
		{key: "reset-code.keep", text: "यह कोड किसी को न बताएँ। हम आपसे यह कभी नहीं माँगेंगे।"},

		{key: "password-changed.subject", text: "आपका %[1]s पासवर्ड बदल दिया गया है"},
		{key: "password-changed.heading", text: "आपका पासवर्ड बदल दिया गया है"},
		{key: "password-changed.intro", text: "आपके %[1]s खाते का पासवर्ड बदल दिया गया है।"},
		{key: "password-changed.ok", text: "अगर यह आपने किया था, तो आपको और कुछ नहीं करना है।"},
		{key: "password-changed.act", text: "अगर यह आपने नहीं किया था, तो हमें तुरंत बताएँ, ताकि हम आपके खाते को सुरक्षित कर सकें:"},
		{key: "password-changed.help", text: "अगर यह आपने नहीं किया था, तो तुरंत अपना पासवर्ड रीसेट करें और हमारी सहायता टीम से संपर्क करें।"},

		{key: "no-password.subject", text: "%[1]s में साइन इन कैसे करें"},
		{key: "no-password.heading", text: "आपके खाते का कोई पासवर्ड नहीं है"},
		{key: "no-password.intro", text: "हमें आपके %[1]s खाते का पासवर्ड रीसेट करने का अनुरोध मिला है। इस खाते का कोई पासवर्ड नहीं है।"},
		{key: "no-password.with", text: "उस सेवा से साइन इन करें, जिसे आपने पंजीकरण के समय चुना था:"},
		{key: "no-password.other", text: "उस सेवा से साइन इन करें, जिसे आपने पंजीकरण के समय चुना था।"},

		{key: "unknown-address.subject", text: "इस पते से कोई %[1]s खाता नहीं है"},
		{key: "unknown-address.heading", text: "इस पते से कोई खाता नहीं है"},
		{key: "unknown-address.intro", text: "हमें इस ईमेल पते वाले %[1]s खाते का पासवर्ड रीसेट करने का अनुरोध मिला है। ऐसा कोई खाता नहीं है।"},
		{key: "unknown-address.hint", text: "हो सकता है कि आपने किसी दूसरे पते से पंजीकरण किया हो। कृपया उस पते से कोशिश करें।"},

		{key: "sms.link", text: "%[1]s: पासवर्ड रीसेट करने के लिए यह लिंक खोलें। यह %[2]s में समाप्त हो जाएगा।"},
		{key: "sms.link.undated", text: "%[1]s: पासवर्ड रीसेट करने के लिए यह लिंक खोलें।"},
		{key: "sms.code", text: "%[1]s पासवर्ड रीसेट कोड: %[2]s, %[3]s तक मान्य। किसी को न बताएँ।"},
		{key: "sms.code.short", text: "%[1]s कोड: %[2]s। किसी को न बताएँ।"},
		{key: "sms.code.least", text: "%[1]s: %[2]s"},
		{key: "sms.changed", text: "%[1]s: आपका पासवर्ड बदल दिया गया है%[2]s। यह आपने नहीं किया? तुरंत पासवर्ड रीसेट करें और हमसे संपर्क करें।"},
		{key: "sms.changed.notme", text: "%[1]s: आपका पासवर्ड बदल दिया गया है%[2]s। यह आपने नहीं किया? हमें तुरंत बताएँ:"},
		{key: "sms.no-password.with", text: "आपके %[1]s खाते का कोई पासवर्ड नहीं है। इससे साइन इन करें: %[2]s"},
		{key: "sms.no-password.other", text: "आपके %[1]s खाते का कोई पासवर्ड नहीं है। उसी सेवा से साइन इन करें, जिससे आपने पंजीकरण किया था।"},
	}
}
