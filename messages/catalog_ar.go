package messages

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// arabic is Modern Standard Arabic. Buttons and headings are verbal nouns.
// Where unvocalised writing allows it, sentences avoid forms that treat the
// reader as a man or as a woman.
func arabic() []i18n.Entry {
	return []i18n.Entry{
		// These are genitives, because خلال stands before them.
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
		{Key: "days", Forms: []any{
			plural.Zero, "%[1]d يوم",
			plural.One, "يوم واحد",
			plural.Two, "يومين",
			plural.Few, "%[1]d أيام",
			plural.Many, "%[1]d يومًا",
			plural.Other, "%[1]d يوم",
		}},

		{Key: "hello", Text: "مرحبًا %[1]s،"},
		{Key: "hello.anonymous", Text: "مرحبًا،"},
		{Key: "requested", Text: "وقت الطلب"},
		{Key: "changed", Text: "وقت التغيير"},
		{Key: "expires", Text: "صالح حتى"},
		{Key: "location", Text: "بالقرب من"},
		{Key: "network", Text: "الشبكة"},
		{Key: "detail", Text: "%[1]s: %[2]s"},
		{Key: "button.fallback", Text: "إذا لم يعمل الزر، يُرجى فتح هذا الرابط في المتصفح:"},
		{Key: "ignore", Text: "إذا لم يصدر هذا الطلب منك، يُرجى تجاهل هذه الرسالة."},
		{Key: "notme.ignore", Text: "إذا لم يصدر هذا الطلب منك، يُرجى تجاهل هذه الرسالة. لم تتغيّر كلمة مرورك."},
		{Key: "notme.tell", Text: "إذا لم يصدر هذا الطلب منك، فإن كلمة مرورك لم تتغيّر. يُرجى إبلاغنا بذلك:"},
		{Key: "notme.link", Text: "لم يصدر هذا مني"},
		{Key: "footer", Text: "هذه رسالة تلقائية من %[1]s."},
		{Key: "support", Text: "هل لديك أسئلة؟"},

		{Key: "reset-link.subject", Text: "إعادة تعيين كلمة مرورك في %[1]s"},
		{Key: "reset-link.heading", Text: "إعادة تعيين كلمة المرور"},
		{Key: "reset-link.intro", Text: "تلقّينا طلبًا لإعادة تعيين كلمة مرور حسابك في %[1]s."},
		{Key: "reset-link.intro.account", Text: "تلقّينا طلبًا لإعادة تعيين كلمة مرور حسابك «%[2]s» في %[1]s."},
		{Key: "reset-link.button", Text: "اختيار كلمة مرور جديدة"},
		{Key: "reset-link.open", Text: "يُرجى فتح هذا الرابط لاختيار كلمة مرور جديدة:"},
		{Key: "reset-link.expiry", Text: "يعمل الرابط مرة واحدة فقط وتنتهي صلاحيته خلال %[1]s."},
		{Key: "reset-link.keep", Text: "يُرجى عدم إعادة توجيه هذه الرسالة: بإمكان أي شخص لديه الرابط تغيير كلمة مرورك."},

		{Key: "reset-links.intro", Text: "تلقّينا طلبًا لإعادة تعيين كلمة مرور حسابك في %[1]s. توجد عدة حسابات بهذا العنوان، ولذلك لكل حساب رابط خاص به. يُرجى استخدام رابط الحساب المطلوب تسجيل الدخول إليه."},
		{Key: "reset-links.account", Text: "الحساب %[1]d"},
		{Key: "reset-links.expiry", Text: "يعمل كل رابط مرة واحدة فقط وتنتهي صلاحيته خلال %[1]s."},
		{Key: "reset-links.keep", Text: "يُرجى عدم إعادة توجيه هذه الرسالة: بإمكان أي شخص لديه أحد الروابط تغيير كلمة مرور ذلك الحساب."},

		{Key: "reset-code.subject", Text: "رمز إعادة تعيين كلمة مرورك في %[1]s"},
		{Key: "reset-code.heading", Text: "الرمز الخاص بك"},
		{Key: "reset-code.intro", Text: "يُرجى إدخال هذا الرمز لإعادة تعيين كلمة مرور حسابك في %[1]s:"},
		{Key: "reset-code.intro.account", Text: "يُرجى إدخال هذا الرمز لإعادة تعيين كلمة مرور حسابك «%[2]s» في %[1]s:"},
		{Key: "reset-code.expiry", Text: "يعمل الرمز مرة واحدة فقط وتنتهي صلاحيته خلال %[1]s."},
		{Key: "reset-code.keep", Text: "يُرجى عدم مشاركة هذا الرمز مع أي شخص. لن نطلبه منك أبدًا."},

		{Key: "password-changed.subject", Text: "تم تغيير كلمة مرورك في %[1]s"},
		{Key: "password-changed.heading", Text: "تم تغيير كلمة مرورك"},
		{Key: "password-changed.intro", Text: "تم تغيير كلمة مرور حسابك في %[1]s."},
		{Key: "password-changed.intro.account", Text: "تم تغيير كلمة مرور حسابك «%[2]s» في %[1]s."},
		{Key: "password-changed.helped", Text: "تم ذلك بمساعدة %[1]s."},
		{Key: "password-changed.helped.anonymous", Text: "تم ذلك بمساعدة فريق الدعم لدينا."},
		{Key: "password-changed.ok", Text: "إذا كان هذا التغيير منك، فلا حاجة إلى أي إجراء آخر."},
		{Key: "password-changed.act", Text: "إذا لم يكن هذا التغيير منك، يُرجى إبلاغنا فورًا لنتمكن من حماية حسابك:"},
		{Key: "password-changed.help", Text: "إذا لم يكن هذا التغيير منك، يُرجى إعادة تعيين كلمة المرور فورًا والتواصل مع فريق الدعم لدينا."},

		{Key: "invitation.subject", Text: "اختيار كلمة مرور لحسابك في %[1]s"},
		{Key: "invitation.heading", Text: "اختيار كلمة المرور"},
		{Key: "invitation.intro", Text: "حسابك في %[1]s جاهز. يُرجى اختيار كلمة مرور له."},
		{Key: "invitation.button", Text: "اختيار كلمة مرور"},
		{Key: "invitation.open", Text: "يُرجى فتح هذا الرابط لاختيار كلمة مرورك:"},
		{Key: "invitation.keep", Text: "يُرجى عدم إعادة توجيه هذه الرسالة: بإمكان أي شخص لديه الرابط استخدام حسابك."},
		{Key: "invitation.ignore", Text: "إذا لم يكن لديك علم بهذا الحساب، يُرجى تجاهل هذه الرسالة."},

		{Key: "reset-required.subject", Text: "يلزم اختيار كلمة مرور جديدة في %[1]s"},
		{Key: "reset-required.heading", Text: "اختيار كلمة مرور جديدة"},
		{Key: "reset-required.intro", Text: "يجب استبدال كلمة مرورك في %[1]s. سيكون بإمكانك تسجيل الدخول من جديد بعد اختيار كلمة مرور جديدة."},
		{Key: "reset-required.hint", Text: "إذا انتهت صلاحية الرابط، يُرجى اختيار «هل نسيت كلمة المرور؟» عند تسجيل الدخول."},

		{Key: "no-password.subject", Text: "كيفية تسجيل الدخول إلى %[1]s"},
		{Key: "no-password.heading", Text: "لا توجد كلمة مرور لحسابك"},
		{Key: "no-password.intro", Text: "تلقّينا طلبًا لإعادة تعيين كلمة مرور حسابك في %[1]s. لا توجد كلمة مرور لهذا الحساب."},
		{Key: "no-password.with", Text: "يُرجى تسجيل الدخول باستخدام الخدمة التي تم اختيارها عند التسجيل:"},
		{Key: "no-password.other", Text: "يُرجى تسجيل الدخول باستخدام الخدمة التي تم اختيارها عند التسجيل."},

		{Key: "unknown-address.subject", Text: "لا يوجد حساب في %[1]s بهذا العنوان"},
		{Key: "unknown-address.heading", Text: "لا يوجد حساب بهذا العنوان"},
		{Key: "unknown-address.intro", Text: "تلقّينا طلبًا لإعادة تعيين كلمة مرور حساب في %[1]s بعنوان البريد الإلكتروني هذا. لا يوجد حساب كهذا."},
		{Key: "unknown-address.hint", Text: "ربما تم التسجيل بعنوان آخر. تُرجى المحاولة بذلك العنوان."},

		{Key: "sms.link", Text: "%[1]s: يُرجى فتح هذا الرابط لإعادة تعيين كلمة المرور. تنتهي صلاحيته خلال %[2]s."},
		{Key: "sms.link.undated", Text: "%[1]s: يُرجى فتح هذا الرابط لإعادة تعيين كلمة المرور."},
		{Key: "sms.invitation", Text: "%[1]s: يُرجى فتح هذا الرابط لاختيار كلمة مرورك. تنتهي صلاحيته خلال %[2]s."},
		{Key: "sms.invitation.undated", Text: "%[1]s: يُرجى فتح هذا الرابط لاختيار كلمة مرورك."},
		{Key: "sms.required", Text: "%[1]s: يجب استبدال كلمة مرورك. يُرجى فتح هذا الرابط لاختيار كلمة مرور جديدة. تنتهي صلاحيته خلال %[2]s."},
		{Key: "sms.required.undated", Text: "%[1]s: يجب استبدال كلمة مرورك. يُرجى فتح هذا الرابط لاختيار كلمة مرور جديدة."},
		{Key: "sms.code", Text: "رمز كلمة المرور في %[1]s: %[2]s، ينتهي خلال %[3]s. لا يُشارك مع أحد."},
		{Key: "sms.code.short", Text: "رمز %[1]s: %[2]s. لا يُشارك مع أحد."},
		{Key: "sms.code.least", Text: "%[1]s: %[2]s"},
		{Key: "sms.changed", Text: "%[1]s: تم تغيير كلمة مرورك%[2]s. لم يكن ذلك منك؟ يُرجى إعادة تعيينها فورًا والتواصل مع الدعم."},
		{Key: "sms.changed.notme", Text: "%[1]s: تم تغيير كلمة مرورك%[2]s. لم يكن ذلك منك؟ يُرجى إبلاغنا فورًا:"},
		{Key: "sms.helped", Text: "بمساعدة %[1]s"},
		{Key: "sms.helped.anonymous", Text: "بمساعدة فريق الدعم"},
		{Key: "sms.no-password.with", Text: "لا توجد كلمة مرور لحسابك في %[1]s. تسجيل الدخول عبر: %[2]s"},
		{Key: "sms.no-password.other", Text: "لا توجد كلمة مرور لحسابك في %[1]s. يُرجى تسجيل الدخول بالخدمة التي تم اختيارها عند التسجيل."},
	}
}
