package portal

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// arabic is Modern Standard Arabic. Buttons and headings are verbal nouns.
// Where unvocalised writing allows it, sentences avoid forms that treat the
// reader as a man or as a woman. Isolates keep examples in Latin letters or
// digits in order. Only the length of a code has a counted noun: that number is
// below eleven, while a number of characters may be any number.
func arabic() []i18n.Entry {
	return []i18n.Entry{
		// These are genitives, because خلال or بعد stands before them.
		{Key: "seconds", Forms: []any{
			plural.Zero, "%[1]d ثانية",
			plural.One, "ثانية واحدة",
			plural.Two, "ثانيتين",
			plural.Few, "%[1]d ثوانٍ",
			plural.Many, "%[1]d ثانية",
			plural.Other, "%[1]d ثانية",
		}},
		{Key: "minutes", Forms: []any{
			plural.Zero, "%[1]d دقيقة",
			plural.One, "دقيقة واحدة",
			plural.Two, "دقيقتين",
			plural.Few, "%[1]d دقائق",
			plural.Many, "%[1]d دقيقة",
			plural.Other, "%[1]d دقيقة",
		}},
		{Key: "hours", Forms: []any{
			plural.Zero, "%[1]d ساعة",
			plural.One, "ساعة واحدة",
			plural.Two, "ساعتين",
			plural.Few, "%[1]d ساعات",
			plural.Many, "%[1]d ساعة",
			plural.Other, "%[1]d ساعة",
		}},

		{Key: "title.error", Text: "خطأ: %[1]s"},
		{Key: "language", Text: "اللغة"},
		{Key: "support", Text: "المساعدة"},
		{Key: "signin", Text: "تسجيل الدخول"},
		{Key: "signin.back", Text: "العودة إلى تسجيل الدخول"},
		{Key: "continue", Text: "متابعة"},
		{Key: "new.link", Text: "طلب رابط جديد"},
		{Key: "new.code", Text: "طلب رمز جديد"},

		{Key: "forgot.heading", Text: "هل نسيت كلمة المرور؟"},
		{Key: "forgot.text", Text: "يُرجى إدخال عنوان بريدك الإلكتروني. سنرسل إليك رابطًا لاختيار كلمة مرور جديدة."},
		{Key: "forgot.text.phone", Text: "يُرجى إدخال عنوان بريدك الإلكتروني لنرسل إليك رابطًا لاختيار كلمة مرور جديدة، أو رقم هاتفك لنرسل إليك رمزًا."},
		{Key: "forgot.text.name", Text: "يُرجى إدخال عنوان بريدك الإلكتروني أو اسم المستخدم. سنرسل إليك بالبريد الإلكتروني رابطًا لاختيار كلمة مرور جديدة."},
		{Key: "forgot.text.all", Text: "يُرجى إدخال عنوان بريدك الإلكتروني أو اسم المستخدم لنرسل إليك بالبريد الإلكتروني رابطًا لاختيار كلمة مرور جديدة، أو رقم هاتفك لنرسل إليك رمزًا."},
		{Key: "forgot.text.user", Text: "يُرجى إدخال اسم المستخدم. سنرسل إليك بالبريد الإلكتروني رابطًا لاختيار كلمة مرور جديدة."},
		{Key: "forgot.label", Text: "عنوان البريد الإلكتروني"},
		{Key: "forgot.label.phone", Text: "عنوان البريد الإلكتروني أو رقم الهاتف"},
		{Key: "forgot.label.name", Text: "عنوان البريد الإلكتروني أو اسم المستخدم"},
		{Key: "forgot.label.all", Text: "عنوان البريد الإلكتروني أو اسم المستخدم أو رقم الهاتف"},
		{Key: "forgot.label.user", Text: "اسم المستخدم"},
		{Key: "forgot.invalid", Text: "يُرجى إدخال عنوان بريد إلكتروني، مثل \u2068name@example.com\u2069."},
		{Key: "forgot.invalid.phone", Text: "يُرجى إدخال عنوان بريد إلكتروني، مثل \u2068name@example.com\u2069، أو رقم هاتف مع رمز البلد، مثل \u2068+49 30 123456\u2069."},
		{Key: "forgot.invalid.name", Text: "يُرجى إدخال عنوان بريد إلكتروني، مثل \u2068name@example.com\u2069، أو اسم مستخدم."},
		{Key: "forgot.invalid.all", Text: "يُرجى إدخال عنوان بريد إلكتروني، مثل \u2068name@example.com\u2069، أو اسم مستخدم، أو رقم هاتف مع رمز البلد، مثل \u2068+49 30 123456\u2069."},
		{Key: "forgot.invalid.user", Text: "يُرجى إدخال اسم المستخدم."},
		{Key: "forgot.captcha", Text: "تُرجى تأكيد أنك إنسان ثم المتابعة. يتطلّب ذلك JavaScript."},

		{Key: "sent.heading", Text: "يُرجى تفقّد بريدك الوارد"},
		{Key: "sent.text", Text: "إذا كان هناك حساب بالعنوان %[1]s، فستصل إليك قريبًا رسالة فيها رابط."},
		{Key: "sent.text.anonymous", Text: "إذا كان هناك حساب بالعنوان الذي أدخلته، فستصل إليك قريبًا رسالة فيها رابط."},
		{Key: "sent.text.anonymous.name", Text: "إذا كان هناك حساب مطابق لما أدخلته، فستصل إليك قريبًا رسالة فيها رابط."},
		{Key: "sent.expiry", Text: "يعمل الرابط مرة واحدة فقط وتنتهي صلاحيته خلال %[1]s."},
		{Key: "sent.spam", Text: "لم يصل شيء بعد بضع دقائق؟ يُرجى البحث في مجلد البريد غير المرغوب فيه والتأكد من صحة العنوان."},
		{Key: "sent.spam.name", Text: "لم يصل شيء بعد بضع دقائق؟ يُرجى البحث في مجلد البريد غير المرغوب فيه والتأكد من صحة ما أدخلته."},
		{Key: "sent.again", Text: "إعادة المحاولة أو استخدام عنوان آخر"},
		{Key: "sent.again.name", Text: "إعادة المحاولة أو إدخال بيانات أخرى"},

		{Key: "code.heading", Text: "إدخال الرمز"},
		{Key: "code.text", Text: "إذا كان هناك حساب بالرقم %[1]s، فستصل إليك قريبًا رسالة نصية فيها رمز."},
		{Key: "code.text.anonymous", Text: "يُرجى إدخال رقم هاتفك والرمز الذي أرسلناه إليك."},
		{Key: "code.expiry", Text: "يعمل الرمز مرة واحدة فقط وتنتهي صلاحيته خلال %[1]s."},
		{Key: "code.phone", Text: "رقم الهاتف"},
		{Key: "code.label", Text: "الرمز"},
		{Key: "code.hint", Text: "%[1]d أرقام"},
		{Key: "code.malformed", Text: "يُرجى إدخال الرمز الذي أرسلناه إليك، والمكوّن من %[1]d أرقام."},
		{Key: "code.invalid", Text: "هذا الرمز غير صحيح أو انتهت صلاحيته. يُرجى التحقق منه أو طلب رمز جديد."},
		{Key: "code.phone.invalid", Text: "يُرجى إدخال رقم هاتفك مع رمز البلد، مثل \u2068+49 30 123456\u2069."},

		{Key: "reset.heading", Text: "اختيار كلمة مرور جديدة"},
		{Key: "reset.account", Text: "الحساب"},
		{Key: "reset.label", Text: "كلمة المرور الجديدة"},
		{Key: "reset.again", Text: "كلمة المرور الجديدة مرة أخرى"},
		{Key: "reset.button", Text: "حفظ كلمة المرور الجديدة"},
		{Key: "reset.wait", Text: "الخادم مشغول الآن. تنتظر هذه الصفحة وتحفظ كلمة المرور الجديدة تلقائيًا. يُرجى إبقاؤها مفتوحة."},
		{Key: "reset.sessions", Text: "سيتم تسجيل خروجك من جميع الأجهزة."},
		{Key: "reset.show", Text: "إظهار كلمة المرور"},
		{Key: "reset.hide", Text: "إخفاء كلمة المرور"},
		{Key: "rules", Text: "ما يميّز كلمة المرور الجيدة"},
		{Key: "rules.length", Text: "عدد الأحرف: %[1]d على الأقل. من السهل تذكّر عدة كلمات متتالية."},
		{Key: "rules.repeat", Text: "من دون تكرار، مثل \u2068abcabcabc\u2069."},
		{Key: "rules.run", Text: "من دون تسلسل، مثل \u2068abcdefgh\u2069 أو \u206812345678\u2069."},
		{Key: "rules.address", Text: "ليست مجرد عنوانك."},
		{Key: "rules.common", Text: "لا يستخدمها كثيرون. نتحقق من ذلك عند الحفظ."},
		{Key: "rules.met", Text: "تحقق الشرط"},
		{Key: "rules.unmet", Text: "لم يتحقق الشرط بعد"},

		{Key: "refused.empty", Text: "يُرجى إدخال كلمة مرور جديدة."},
		{Key: "refused.differ", Text: "كلمتا المرور غير متطابقتين. يُرجى إدخالهما من جديد."},
		{Key: "refused.too_short", Text: "كلمة المرور هذه قصيرة جدًا. يجب ألا يقل عدد أحرفها عن %[1]d."},
		{Key: "refused.too_long", Text: "كلمة المرور هذه طويلة جدًا. يجب ألا يزيد عدد أحرفها على %[1]d."},
		// In Arabic, a password is too large because of letters of more than
		// one byte.
		{Key: "refused.too_large", Text: "كلمة المرور هذه طويلة جدًا. يُرجى استخدام أحرف أقل، أو التقليل من الأحرف غير اللاتينية والرموز الخاصة."},
		{Key: "refused.encoding", Text: "في كلمة المرور هذه حرف لا يمكن استخدامه. يُرجى إدخالها من جديد."},
		{Key: "refused.common", Text: "من السهل تخمين كلمة المرور هذه: يستخدمها كثيرون أو لها نمط بسيط. يُرجى اختيار كلمة مرور أخرى."},
		{Key: "refused.context", Text: "كلمة المرور هذه لا تكاد تختلف عن اسم هذه الخدمة. يُرجى اختيار كلمة مرور أخرى."},
		{Key: "refused.identifier", Text: "كلمة المرور هذه لا تكاد تختلف عن اسمك أو عنوانك أو رقمك. يُرجى اختيار كلمة مرور أخرى."},
		{Key: "refused.breached", Text: "ظهرت كلمة المرور هذه في تسريب بيانات من خدمة أخرى. يُرجى اختيار كلمة مرور غير مستخدمة في أي مكان آخر."},
		{Key: "refused.reused", Text: "سبق لك استخدام كلمة المرور هذه. يُرجى اختيار كلمة مرور جديدة."},
		{Key: "refused.other", Text: "كلمة المرور هذه غير مقبولة. يُرجى اختيار كلمة مرور أخرى."},

		{Key: "factor.label", Text: "الرمز من تطبيق المصادقة"},
		{Key: "factor.hint", Text: "حسابك محمي بعامل تحقّق ثانٍ."},
		{Key: "factor.empty", Text: "يُرجى إدخال الرمز من تطبيق المصادقة."},
		{Key: "factor.wrong", Text: "هذا الرمز غير صحيح أو سبق استخدامه. يُرجى إدخال الرمز التالي."},
		{Key: "factor.again", Text: "يُرجى إدخال كلمة المرور الجديدة مرة أخرى."},

		{Key: "reset.other", Text: "لم يتغيّر شيء: تم فتح رابط آخر في هذا المتصفح. هذه الصفحة الآن للحساب %[1]s."},
		{Key: "reset.other.anonymous", Text: "لم يتغيّر شيء: تم فتح رابط آخر في هذا المتصفح. هذه الصفحة الآن لذلك الرابط."},

		{Key: "done.heading", Text: "تم تغيير كلمة مرورك"},
		{Key: "done.text", Text: "تم تسجيل خروجك من جميع الأجهزة. يمكنك الآن تسجيل الدخول بكلمة مرورك الجديدة."},
		{Key: "done.text.kept", Text: "يمكنك الآن تسجيل الدخول بكلمة مرورك الجديدة."},
		{Key: "done.return", Text: "المتابعة إلى %[1]s"},

		{Key: "invalid-link.heading", Text: "هذا الرابط لا يعمل"},
		{Key: "invalid-link.text", Text: "انتهت صلاحيته أو سبق استخدامه."},
		{Key: "invalid-link.damaged", Text: "الرابط غير مكتمل أو تغيّر في طريقه. يُرجى فتحه من الرسالة مرة أخرى أو نسخه كاملًا."},
		{Key: "invalid-link.missing", Text: "لم يصل أي رابط إلى هذه الصفحة. يُرجى فتح الرابط الوارد في الرسالة مرة أخرى أو نسخه كاملًا."},
		{Key: "invalid-link.address", Text: "لا تعمل هذه الصفحة على العنوان الذي فُتحت عليه. يُرجى فتحها على %[1]s باستخدام الرابط الوارد في الرسالة."},
		{Key: "invalid-link.used", Text: "إذا غيّرت كلمة مرورك للتو بهذا الرابط، فيمكنك تسجيل الدخول بكلمة المرور الجديدة."},
		{Key: "invalid-link.new", Text: "وإلا، يُرجى طلب رابط جديد. لن يستغرق ذلك سوى دقيقة."},
		{Key: "invalid-link.again", Text: "يمكنك أيضًا فتح الرابط الوارد في الرسالة مرة أخرى."},
		{Key: "invalid-link.cookies", Text: "إذا فتحت رابطًا للتو، فقد يكون متصفحك يحظر ملفات تعريف الارتباط التي تحتاج إليها هذه الصفحة."},

		{Key: "invitation.heading", Text: "اختيار كلمة المرور"},
		{Key: "invitation.button", Text: "حفظ كلمة المرور"},
		{Key: "invitation.done", Text: "تم حفظ كلمة مرورك"},
		{Key: "invitation.done.text", Text: "يمكنك الآن تسجيل الدخول بكلمة مرورك."},
		{Key: "invitation.invalid", Text: "يُرجى طلب رابط جديد من الجهة التي أرسلت الدعوة."},

		{Key: "many.heading", Text: "محاولات كثيرة جدًا"},
		{Key: "many.text", Text: "لم يتغيّر شيء. تُرجى المحاولة مجددًا بعد %[1]s."},
		{Key: "busy.heading", Text: "تُرجى المحاولة بعد قليل"},
		{Key: "busy.text", Text: "هذا لا يعمل في الوقت الحالي. لم يتغيّر شيء. تُرجى المحاولة مجددًا بعد قليل."},
		{Key: "unknown.heading", Text: "من غير المؤكد أنه تم تغيير كلمة مرورك"},
		{Key: "unknown.text", Text: "يمكنك محاولة تسجيل الدخول بكلمة المرور الجديدة. إذا لم ينجح ذلك، يُرجى طلب رابط جديد."},
		{Key: "step_up.heading", Text: "خطوة أخرى"},
		{Key: "step_up.text", Text: "يلزم تحقّق إضافي قبل تغيير كلمة مرور هذا الحساب. لم يتغيّر شيء."},
		{Key: "invalid.heading", Text: "لم ينجح ذلك"},
		{Key: "invalid.text", Text: "أرسل متصفحك شيئًا لا يمكننا قراءته. لم يتغيّر شيء. يُرجى البدء من جديد."},
		{Key: "foreign.heading", Text: "يُرجى البدء من هنا"},
		{Key: "foreign.text", Text: "تم إرسال هذا من صفحة في موقع آخر. حفاظًا على أمانك، لم يتغيّر شيء."},
		{Key: "missing.heading", Text: "هذه الصفحة غير موجودة"},
		{Key: "missing.text", Text: "ربما كُتب العنوان بشكل خاطئ أو لم يعد صالحًا."},
		{Key: "failed.heading", Text: "حدث خطأ ما"},
		{Key: "failed.text", Text: "الخطأ منا وليس منك. تُرجى المحاولة مجددًا في وقت لاحق."},
		{Key: "start", Text: "البدء من جديد"},
		{Key: "again", Text: "إعادة المحاولة"},

		{Key: "not-me.heading", Text: "لم يكن ذلك منك؟"},
		{Key: "not-me.links", Text: "في هذه الحالة، سنلغي جميع الروابط والرموز التي أرسلناها إليك. لن يتغيّر أي شيء آخر، ويمكنك تسجيل الدخول كما في السابق."},
		{Key: "not-me.links.button", Text: "إلغاء الروابط والرموز"},
		{Key: "not-me.password", Text: "في هذه الحالة، سنسجّل خروج الجميع من حسابك ونرسل إليك رابطًا لاختيار كلمة مرور جديدة."},
		{Key: "not-me.password.kept", Text: "في هذه الحالة، سنرسل إليك رابطًا لاختيار كلمة مرور جديدة."},
		{Key: "not-me.password.button", Text: "حماية حسابي"},
		{Key: "not-me-done.heading", Text: "شكرًا على إبلاغنا"},
		{Key: "not-me-done.links", Text: "لم تعد الروابط والرموز التي أرسلناها إليك تعمل. لم تتغيّر كلمة مرورك."},
		{Key: "not-me-done.password", Text: "يجري الآن تسجيل خروج الجميع من حسابك. سيصل إليك قريبًا رابط لاختيار كلمة مرور جديدة."},
		{Key: "not-me-done.password.kept", Text: "سيصل إليك قريبًا رابط لاختيار كلمة مرور جديدة."},
		{Key: "not-me-done.mailbox", Text: "ربما يستطيع من فعل هذا قراءة بريدك. يُرجى تغيير كلمة مرور بريدك الإلكتروني أيضًا."},
	}
}
