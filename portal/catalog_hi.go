package portal

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// hindi addresses the reader as आप. It avoids verbs that treat the reader as a
// man or as a woman. It uses the loan words that interfaces in Hindi use:
// पासवर्ड, लिंक, कोड. Examples in Latin letters do not stand at the end of a
// sentence, next to its danda.
func hindi() []i18n.Entry {
	return []i18n.Entry{
		// These have the form that stands before में and बाद.
		{Key: "seconds", Forms: []any{
			plural.One, "%[1]d सेकंड",
			plural.Other, "%[1]d सेकंड",
		}},
		{Key: "minutes", Forms: []any{
			plural.One, "%[1]d मिनट",
			plural.Other, "%[1]d मिनट",
		}},
		{Key: "hours", Forms: []any{
			plural.One, "%[1]d घंटे",
			plural.Other, "%[1]d घंटे",
		}},

		{Key: "title.error", Text: "गड़बड़ी: %[1]s"},
		{Key: "language", Text: "भाषा"},
		{Key: "support", Text: "सहायता"},
		{Key: "signin", Text: "साइन इन करें"},
		{Key: "signin.back", Text: "साइन इन पर वापस जाएँ"},
		{Key: "continue", Text: "जारी रखें"},
		{Key: "new.link", Text: "नया लिंक माँगें"},
		{Key: "new.code", Text: "नया कोड माँगें"},

		{Key: "forgot.heading", Text: "पासवर्ड याद नहीं है?"},
		{Key: "forgot.text", Text: "अपना ईमेल पता डालें। हम आपको नया पासवर्ड चुनने के लिए लिंक भेजेंगे।"},
		{Key: "forgot.text.phone", Text: "अपना ईमेल पता डालें, और हम आपको नया पासवर्ड चुनने के लिए लिंक भेजेंगे; या अपना फ़ोन नंबर डालें, और हम आपको कोड भेजेंगे।"},
		{Key: "forgot.text.name", Text: "अपना ईमेल पता या यूज़रनेम डालें। हम आपको नया पासवर्ड चुनने के लिए ईमेल से लिंक भेजेंगे।"},
		{Key: "forgot.text.all", Text: "अपना ईमेल पता या यूज़रनेम डालें, और हम आपको नया पासवर्ड चुनने के लिए ईमेल से लिंक भेजेंगे; या अपना फ़ोन नंबर डालें, और हम आपको कोड भेजेंगे।"},
		{Key: "forgot.text.user", Text: "अपना यूज़रनेम डालें। हम आपको नया पासवर्ड चुनने के लिए ईमेल से लिंक भेजेंगे।"},
		{Key: "forgot.text.choice", Text: "हम आपको नया पासवर्ड चुनने के लिए लिंक या कोड भेजेंगे।"},
		{Key: "forgot.text.code", Text: "हम आपको नया पासवर्ड चुनने के लिए कोड भेजेंगे।"},
		{Key: "forgot.label", Text: "ईमेल पता"},
		{Key: "forgot.label.phone", Text: "ईमेल पता या फ़ोन नंबर"},
		{Key: "forgot.label.name", Text: "ईमेल पता या यूज़रनेम"},
		{Key: "forgot.label.all", Text: "ईमेल पता, यूज़रनेम या फ़ोन नंबर"},
		{Key: "forgot.label.user", Text: "यूज़रनेम"},
		{Key: "forgot.invalid", Text: "name@example.com जैसा ईमेल पता डालें।"},
		{Key: "forgot.invalid.phone", Text: "name@example.com जैसा ईमेल पता डालें, या देश के कोड के साथ +49 30 123456 जैसा फ़ोन नंबर डालें।"},
		{Key: "forgot.invalid.name", Text: "name@example.com जैसा ईमेल पता या अपना यूज़रनेम डालें।"},
		{Key: "forgot.invalid.all", Text: "name@example.com जैसा ईमेल पता, अपना यूज़रनेम, या देश के कोड के साथ +49 30 123456 जैसा फ़ोन नंबर डालें।"},
		{Key: "forgot.invalid.user", Text: "अपना यूज़रनेम डालें।"},
		{Key: "forgot.send", Text: "ईमेल में क्या भेजें?"},
		{Key: "forgot.send.link", Text: "खोलने के लिए लिंक"},
		{Key: "forgot.send.code", Text: "अगले पेज पर डालने के लिए कोड"},
		{Key: "forgot.captcha", Text: "कृपया पुष्टि करें कि आप इंसान हैं, और आगे बढ़ें। इसके लिए JavaScript चाहिए।"},

		{Key: "sent.heading", Text: "अपना इनबॉक्स देखें"},
		{Key: "sent.text", Text: "अगर %[1]s से कोई खाता जुड़ा है, तो आपको जल्द ही एक लिंक वाला संदेश मिलेगा।"},
		{Key: "sent.text.anonymous", Text: "अगर आपके डाले हुए पते से कोई खाता जुड़ा है, तो आपको जल्द ही एक लिंक वाला संदेश मिलेगा।"},
		{Key: "sent.text.anonymous.name", Text: "अगर आपकी डाली हुई जानकारी से कोई खाता जुड़ा है, तो आपको जल्द ही एक लिंक वाला संदेश मिलेगा।"},
		{Key: "sent.expiry", Text: "यह लिंक केवल एक बार काम करेगा और %[1]s में समाप्त हो जाएगा।"},
		{Key: "sent.spam", Text: "कुछ मिनट बाद भी संदेश नहीं मिला? अपना स्पैम फ़ोल्डर देखें और जाँच लें कि पता सही है।"},
		{Key: "sent.spam.name", Text: "कुछ मिनट बाद भी संदेश नहीं मिला? अपना स्पैम फ़ोल्डर देखें और जाँच लें कि डाली हुई जानकारी सही है।"},
		{Key: "sent.again", Text: "फिर से कोशिश करें या दूसरा पता डालें"},
		{Key: "sent.again.name", Text: "फिर से कोशिश करें या कुछ और डालें"},

		{Key: "code.heading", Text: "अपना कोड डालें"},
		{Key: "code.text", Text: "अगर %[1]s से कोई खाता जुड़ा है, तो आपको जल्द ही एक कोड वाला SMS मिलेगा।"},
		{Key: "code.text.anonymous", Text: "अपना फ़ोन नंबर और हमारा भेजा हुआ कोड डालें।"},
		{Key: "code.text.mail", Text: "अगर %[1]s से कोई खाता जुड़ा है, तो आपको जल्द ही एक कोड वाला ईमेल मिलेगा।"},
		{Key: "code.text.anonymous.mail", Text: "हमारा भेजा हुआ कोड और वह खाता डालें जिसके लिए वह है।"},
		{Key: "code.browser", Text: "यह कोड केवल उसी ब्राउज़र में काम करेगा जिसमें आपने इसे माँगा था।"},
		{Key: "code.expiry", Text: "यह कोड केवल एक बार काम करेगा और %[1]s में समाप्त हो जाएगा।"},
		{Key: "code.phone", Text: "फ़ोन नंबर"},
		{Key: "code.label", Text: "कोड"},
		{Key: "code.hint", Text: "%[1]d अंक"},
		{Key: "code.malformed", Text: "हमारा भेजा हुआ %[1]d अंकों का कोड डालें।"},
		{Key: "code.invalid", Text: "यह कोड गलत है या समाप्त हो गया है। इसे जाँच लें या नया कोड माँगें।"},
		{Key: "code.phone.invalid", Text: "अपना फ़ोन नंबर देश के कोड के साथ डालें, जैसे +49 30 123456।"},

		{Key: "reset.heading", Text: "नया पासवर्ड चुनें"},
		{Key: "reset.account", Text: "खाता"},
		{Key: "reset.label", Text: "नया पासवर्ड"},
		{Key: "reset.again", Text: "नया पासवर्ड फिर से डालें"},
		{Key: "reset.button", Text: "नया पासवर्ड सेव करें"},
		{Key: "reset.wait", Text: "सर्वर अभी व्यस्त है। यह पेज रुककर आपका नया पासवर्ड अपने आप सेव कर देगा। कृपया इसे खुला रखें।"},
		{Key: "reset.sessions", Text: "आपको सभी डिवाइस से साइन आउट कर दिया जाएगा।"},
		{Key: "reset.show", Text: "पासवर्ड दिखाएँ"},
		{Key: "reset.hide", Text: "पासवर्ड छिपाएँ"},
		{Key: "rules", Text: "अच्छा पासवर्ड कैसा हो"},
		{Key: "rules.length", Text: "कम से कम %[1]d अक्षर हों। कई शब्द जोड़कर बना पासवर्ड याद रखना आसान होता है।"},
		{Key: "rules.repeat", Text: "abcabcabc जैसा दोहराव न हो।"},
		{Key: "rules.run", Text: "abcdefgh या 12345678 जैसा सीधा क्रम न हो।"},
		{Key: "rules.address", Text: "केवल आपका अपना पता न हो।"},
		{Key: "rules.common", Text: "ऐसा न हो जिसे बहुत लोग रखते हों। सेव करते समय हम इसे जाँचेंगे।"},
		{Key: "rules.met", Text: "शर्त पूरी हुई"},
		{Key: "rules.unmet", Text: "शर्त अभी पूरी नहीं हुई"},

		{Key: "refused.empty", Text: "नया पासवर्ड डालें।"},
		{Key: "refused.differ", Text: "दोनों पासवर्ड एक जैसे नहीं हैं। दोनों फिर से डालें।"},
		{Key: "refused.too_short", Text: "यह पासवर्ड बहुत छोटा है। कम से कम %[1]d अक्षर रखें।"},
		{Key: "refused.too_long", Text: "यह पासवर्ड बहुत लंबा है। ज़्यादा से ज़्यादा %[1]d अक्षर रखें।"},
		// In Hindi, a password is too large because of letters of more than two
		// bytes.
		{Key: "refused.too_large", Text: "यह पासवर्ड बहुत लंबा है। अक्षर कम करें, या हिंदी के अक्षर और विशेष चिह्न कम रखें।"},
		{Key: "refused.encoding", Text: "इस पासवर्ड में ऐसा चिह्न है जो यहाँ नहीं चलता। पासवर्ड फिर से डालें।"},
		{Key: "refused.common", Text: "इस पासवर्ड का अंदाज़ा लगाना आसान है: इसे बहुत लोग रखते हैं या इसका पैटर्न सीधा-सा है। कोई दूसरा चुनें।"},
		{Key: "refused.context", Text: "यह पासवर्ड लगभग इस सेवा का नाम ही है। कोई दूसरा चुनें।"},
		{Key: "refused.identifier", Text: "यह पासवर्ड लगभग आपका अपना नाम, पता या नंबर ही है। कोई दूसरा चुनें।"},
		{Key: "refused.breached", Text: "यह पासवर्ड किसी दूसरी सेवा के डेटा लीक में सामने आ चुका है। ऐसा पासवर्ड चुनें, जो आपने कहीं और न रखा हो।"},
		{Key: "refused.reused", Text: "आपने यह पासवर्ड पहले भी रखा है। कोई नया चुनें।"},
		{Key: "refused.other", Text: "यह पासवर्ड मान्य नहीं है। कोई दूसरा चुनें।"},

		{Key: "factor.label", Text: "आपके ऑथेंटिकेटर ऐप का कोड"},
		{Key: "factor.hint", Text: "आपका खाता दूसरे चरण की पुष्टि से सुरक्षित है।"},
		{Key: "factor.empty", Text: "अपने ऑथेंटिकेटर ऐप का कोड डालें।"},
		{Key: "factor.wrong", Text: "यह कोड गलत है या पहले इस्तेमाल हो चुका है। अगला कोड डालें।"},
		{Key: "factor.again", Text: "अपना नया पासवर्ड फिर से डालें।"},

		{Key: "reset.other", Text: "कुछ नहीं बदला है: इस ब्राउज़र में दूसरा लिंक खोला गया था। यह पेज अब %[1]s के लिए है।"},
		{Key: "reset.other.anonymous", Text: "कुछ नहीं बदला है: इस ब्राउज़र में दूसरा लिंक खोला गया था। यह पेज अब उसी लिंक के लिए है।"},

		{Key: "done.heading", Text: "आपका पासवर्ड बदल दिया गया है"},
		{Key: "done.text", Text: "आपको सभी डिवाइस से साइन आउट कर दिया गया है। अब अपने नए पासवर्ड से साइन इन करें।"},
		{Key: "done.text.kept", Text: "अब अपने नए पासवर्ड से साइन इन करें।"},
		{Key: "done.return", Text: "%[1]s पर जाएँ"},

		{Key: "invalid-link.heading", Text: "यह लिंक काम नहीं करता"},
		{Key: "invalid-link.text", Text: "यह समाप्त हो गया है या पहले ही इस्तेमाल हो चुका है।"},
		{Key: "invalid-link.damaged", Text: "यह अधूरा है या रास्ते में बदल गया है। इसे संदेश से फिर से खोलें या पूरा लिंक कॉपी करें।"},
		{Key: "invalid-link.missing", Text: "इस पेज को कोई लिंक नहीं मिला। संदेश में दिया गया लिंक फिर से खोलें या पूरा लिंक कॉपी करें।"},
		{Key: "invalid-link.address", Text: "यह पेज जिस पते पर खोला गया है, वहाँ यह काम नहीं करता। संदेश के लिंक से इसे %[1]s पर खोलें।"},
		{Key: "invalid-link.used", Text: "अगर आपने अभी-अभी इसी लिंक से अपना पासवर्ड बदला है, तो नए पासवर्ड से साइन इन करें।"},
		{Key: "invalid-link.new", Text: "नहीं तो नया लिंक माँगें। इसमें बस एक मिनट लगता है।"},
		{Key: "invalid-link.again", Text: "आप संदेश में दिया गया लिंक फिर से भी खोल सकते हैं।"},
		{Key: "invalid-link.cookies", Text: "अगर आपने अभी-अभी कोई लिंक खोला है, तो हो सकता है कि आपका ब्राउज़र कुकी रोक रहा हो, जो इस पेज के लिए ज़रूरी हैं।"},

		{Key: "invitation.heading", Text: "अपना पासवर्ड चुनें"},
		{Key: "invitation.button", Text: "पासवर्ड सेव करें"},
		{Key: "invitation.done", Text: "आपका पासवर्ड सेव हो गया है"},
		{Key: "invitation.done.text", Text: "अब अपने पासवर्ड से साइन इन करें।"},
		{Key: "invitation.invalid", Text: "जिन्होंने आपको आमंत्रित किया था, उनसे नया लिंक माँगें।"},

		{Key: "many.heading", Text: "बहुत ज़्यादा कोशिशें"},
		{Key: "many.text", Text: "कुछ नहीं बदला है। कृपया %[1]s बाद फिर से कोशिश करें।"},
		{Key: "busy.heading", Text: "कृपया थोड़ी देर में फिर से कोशिश करें"},
		{Key: "busy.text", Text: "यह अभी काम नहीं कर रहा है। कुछ नहीं बदला है। कृपया थोड़ी देर में फिर से कोशिश करें।"},
		{Key: "unknown.heading", Text: "पक्का नहीं है कि आपका पासवर्ड बदला या नहीं"},
		{Key: "unknown.text", Text: "नए पासवर्ड से साइन इन करके देखें। अगर काम न करे, तो नया लिंक माँगें।"},
		{Key: "step_up.heading", Text: "एक कदम और"},
		{Key: "step_up.text", Text: "इस खाते का पासवर्ड बदलने से पहले एक और पुष्टि ज़रूरी है। कुछ नहीं बदला है।"},
		{Key: "invalid.heading", Text: "यह नहीं हो पाया"},
		{Key: "invalid.text", Text: "आपके ब्राउज़र ने कुछ ऐसा भेजा, जिसे हम पढ़ नहीं पाए। कुछ नहीं बदला है। कृपया फिर से शुरू करें।"},
		{Key: "foreign.heading", Text: "कृपया यहाँ से शुरू करें"},
		{Key: "foreign.text", Text: "यह किसी दूसरी साइट के पेज से भेजा गया था। आपकी सुरक्षा के लिए कुछ नहीं बदला गया है।"},
		{Key: "missing.heading", Text: "ऐसा कोई पेज नहीं है"},
		{Key: "missing.text", Text: "हो सकता है कि पता गलत लिखा गया हो या पुराना हो।"},
		{Key: "failed.heading", Text: "कुछ गड़बड़ हो गई"},
		{Key: "failed.text", Text: "गलती हमारी है, आपकी नहीं। कृपया बाद में फिर से कोशिश करें।"},
		{Key: "start", Text: "फिर से शुरू करें"},
		{Key: "again", Text: "फिर से कोशिश करें"},

		{Key: "not-me.heading", Text: "यह आपने नहीं किया?"},
		{Key: "not-me.links", Text: "तो हम आपको भेजे गए सभी लिंक और कोड रद्द कर देंगे। बाकी कुछ नहीं बदलेगा, और साइन इन पहले की तरह ही होगा।"},
		{Key: "not-me.links.button", Text: "लिंक और कोड रद्द करें"},
		{Key: "not-me.password", Text: "तो हम सभी को आपके खाते से साइन आउट कर देंगे और आपको नया पासवर्ड चुनने के लिए लिंक भेजेंगे।"},
		{Key: "not-me.password.kept", Text: "तो हम आपको नया पासवर्ड चुनने के लिए लिंक भेजेंगे।"},
		{Key: "not-me.password.button", Text: "मेरा खाता सुरक्षित करें"},
		{Key: "not-me-done.heading", Text: "हमें बताने के लिए धन्यवाद"},
		{Key: "not-me-done.links", Text: "हमारे भेजे हुए लिंक और कोड अब काम नहीं करेंगे। आपका पासवर्ड नहीं बदला है।"},
		{Key: "not-me-done.password", Text: "सभी को आपके खाते से साइन आउट किया जा रहा है। नया पासवर्ड चुनने के लिए लिंक आपको जल्द ही मिलेगा।"},
		{Key: "not-me-done.password.kept", Text: "नया पासवर्ड चुनने के लिए लिंक आपको जल्द ही मिलेगा।"},
		{Key: "not-me-done.mailbox", Text: "जिसने यह किया, शायद वह आपके ईमेल भी पढ़ सकता है। अपने ईमेल खाते का पासवर्ड भी बदल लें।"},
	}
}
