package messages

import "golang.org/x/text/feature/plural"

// arabic is Modern Standard Arabic. Buttons and headings are verbal nouns, and
// sentences avoid forms that would take the reader for a man or a woman where
// unvocalised writing allows.
func arabic() []entry {
	return []entry{
		// The genitive, which follows خلال.
		{key: "minutes", forms: []any{
			plural.Zero, "%[1]d دقيقة",
			plural.One, "دقيقة واحدة",
			plural.Two, "دقيقتين",
			plural.Few, "%[1]d دقائق",
			plural.Many, "%[1]d دقيقة",
			plural.Other, "%[1]d دقيقة",
		}},
		{key: "hours", forms: []any{
			plural.Zero, "%[1]d ساعة",
			plural.One, "ساعة واحدة",
			plural.Two, "ساعتين",
			plural.Few, "%[1]d ساعات",
			plural.Many, "%[1]d ساعة",
			plural.Other, "%[1]d ساعة",
		}},

		{key: "hello", text: "مرحبًا %[1]s،"},
		{key: "hello.anonymous", text: "مرحبًا،"},
		{key: "requested", text: "وقت الطلب"},
		{key: "changed", text: "وقت التغيير"},
		{key: "expires", text: "صالح حتى"},
		{key: "location", text: "بالقرب من"},
		{key: "network", text: "الشبكة"},
		{key: "detail", text: "%[1]s: %[2]s"},
		{key: "button.fallback", text: "إذا لم يعمل الزر، يُرجى فتح هذا الرابط في المتصفح:"},
		{key: "ignore", text: "إذا لم يصدر هذا الطلب منك، يُرجى تجاهل هذه الرسالة."},
		{key: "notme.ignore", text: "إذا لم يصدر هذا الطلب منك، يُرجى تجاهل هذه الرسالة. لم تتغيّر كلمة مرورك."},
		{key: "notme.tell", text: "إذا لم يصدر هذا الطلب منك، فإن كلمة مرورك لم تتغيّر. يُرجى إبلاغنا بذلك:"},
		{key: "notme.link", text: "لم يصدر هذا مني"},
		{key: "footer", text: "هذه رسالة تلقائية من %[1]s."},
		{key: "support", text: "هل لديك أسئلة؟"},

		{key: "reset-link.subject", text: "إعادة تعيين كلمة مرورك في %[1]s"},
		{key: "reset-link.heading", text: "إعادة تعيين كلمة المرور"},
		{key: "reset-link.intro", text: "تلقّينا طلبًا لإعادة تعيين كلمة مرور حسابك في %[1]s."},
		{key: "reset-link.button", text: "اختيار كلمة مرور جديدة"},
		{key: "reset-link.open", text: "يُرجى فتح هذا الرابط لاختيار كلمة مرور جديدة:"},
		{key: "reset-link.expiry", text: "يعمل الرابط مرة واحدة فقط وتنتهي صلاحيته خلال %[1]s."},
		{key: "reset-link.keep", text: "يُرجى عدم إعادة توجيه هذه الرسالة: بإمكان أي شخص لديه الرابط تغيير كلمة مرورك."},

		{key: "reset-code.subject", text: "رمز إعادة تعيين كلمة مرورك في %[1]s"},
		{key: "reset-code.heading", text: "الرمز الخاص بك"},
		{key: "reset-code.intro", text: "يُرجى إدخال هذا الرمز لإعادة تعيين كلمة مرور حسابك في %[1]s:"},
		{key: "reset-code.expiry", text: "يعمل الرمز مرة واحدة فقط وتنتهي صلاحيته خلال %[1]s."},
		{key: "reset-code.keep", text: "يُرجى عدم مشاركة هذا الرمز مع أي شخص. لن نطلبه منك أبدًا."},

		{key: "password-changed.subject", text: "تم تغيير كلمة مرورك في %[1]s"},
		{key: "password-changed.heading", text: "تم تغيير كلمة مرورك"},
		{key: "password-changed.intro", text: "تم تغيير كلمة مرور حسابك في %[1]s."},
		{key: "password-changed.ok", text: "إذا كان هذا التغيير منك، فلا حاجة إلى أي إجراء آخر."},
		{key: "password-changed.act", text: "إذا لم يكن هذا التغيير منك، يُرجى إبلاغنا فورًا لنتمكن من حماية حسابك:"},
		{key: "password-changed.help", text: "إذا لم يكن هذا التغيير منك، يُرجى إعادة تعيين كلمة المرور فورًا والتواصل مع فريق الدعم لدينا."},

		{key: "no-password.subject", text: "كيفية تسجيل الدخول إلى %[1]s"},
		{key: "no-password.heading", text: "لا توجد كلمة مرور لحسابك"},
		{key: "no-password.intro", text: "تلقّينا طلبًا لإعادة تعيين كلمة مرور حسابك في %[1]s. لا توجد كلمة مرور لهذا الحساب."},
		{key: "no-password.with", text: "يُرجى تسجيل الدخول باستخدام الخدمة التي تم اختيارها عند التسجيل:"},
		{key: "no-password.other", text: "يُرجى تسجيل الدخول باستخدام الخدمة التي تم اختيارها عند التسجيل."},

		{key: "unknown-address.subject", text: "لا يوجد حساب في %[1]s بهذا العنوان"},
		{key: "unknown-address.heading", text: "لا يوجد حساب بهذا العنوان"},
		{key: "unknown-address.intro", text: "تلقّينا طلبًا لإعادة تعيين كلمة مرور حساب في %[1]s بعنوان البريد الإلكتروني هذا. لا يوجد حساب كهذا."},
		{key: "unknown-address.hint", text: "ربما تم التسجيل بعنوان آخر. تُرجى المحاولة بذلك العنوان."},

		{key: "sms.link", text: "%[1]s: يُرجى فتح هذا الرابط لإعادة تعيين كلمة المرور. تنتهي صلاحيته خلال %[2]s."},
		{key: "sms.link.undated", text: "%[1]s: يُرجى فتح هذا الرابط لإعادة تعيين كلمة المرور."},
		{key: "sms.code", text: "رمز كلمة المرور في %[1]s: %[2]s، ينتهي خلال %[3]s. لا يُشارك مع أحد."},
		{key: "sms.code.short", text: "رمز %[1]s: %[2]s. لا يُشارك مع أحد."},
		{key: "sms.code.least", text: "%[1]s: %[2]s"},
		{key: "sms.changed", text: "%[1]s: تم تغيير كلمة مرورك%[2]s. لم يكن ذلك منك؟ يُرجى إعادة تعيينها فورًا والتواصل مع الدعم."},
		{key: "sms.changed.notme", text: "%[1]s: تم تغيير كلمة مرورك%[2]s. لم يكن ذلك منك؟ يُرجى إبلاغنا فورًا:"},
		{key: "sms.no-password.with", text: "لا توجد كلمة مرور لحسابك في %[1]s. تسجيل الدخول عبر: %[2]s"},
		{key: "sms.no-password.other", text: "لا توجد كلمة مرور لحسابك في %[1]s. يُرجى تسجيل الدخول بالخدمة التي تم اختيارها عند التسجيل."},
	}
}
