package messages

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// chinese is written in simplified characters and addresses the reader as 您. A
// space stands between characters and Latin letters or digits.
func chinese() []i18n.Entry {
	return []i18n.Entry{
		{Key: "minutes", Forms: []any{plural.Other, "%[1]d 分钟"}},
		{Key: "hours", Forms: []any{plural.Other, "%[1]d 小时"}},
		{Key: "days", Forms: []any{plural.Other, "%[1]d 天"}},

		{Key: "hello", Text: "%[1]s，您好："},
		{Key: "hello.anonymous", Text: "您好："},
		{Key: "requested", Text: "请求时间"},
		{Key: "changed", Text: "更改时间"},
		{Key: "expires", Text: "有效期至"},
		{Key: "location", Text: "大致位置"},
		{Key: "network", Text: "网络"},
		{Key: "detail", Text: "%[1]s：%[2]s"},
		{Key: "button.fallback", Text: "如果按钮无法使用，请在浏览器中打开此链接："},
		{Key: "ignore", Text: "如果这不是您本人的操作，请忽略本邮件。"},
		{Key: "notme.ignore", Text: "如果这不是您本人的操作，请忽略本邮件。您的密码不会改变。"},
		{Key: "notme.tell", Text: "如果这不是您本人的操作，您的密码不会改变。请告知我们："},
		{Key: "notme.link", Text: "不是我本人操作"},
		{Key: "footer", Text: "这是 %[1]s 自动发送的邮件。"},
		{Key: "support", Text: "有疑问？"},

		{Key: "reset-link.subject", Text: "重置您的 %[1]s 密码"},
		{Key: "reset-link.heading", Text: "重置您的密码"},
		{Key: "reset-link.intro", Text: "我们收到了重置您的 %[1]s 账号密码的请求。"},
		{Key: "reset-link.intro.account", Text: "我们收到了重置您的 %[1]s 账号“%[2]s”密码的请求。"},
		{Key: "reset-link.button", Text: "设置新密码"},
		{Key: "reset-link.open", Text: "请打开此链接设置新密码："},
		{Key: "reset-link.expiry", Text: "此链接仅可使用一次，将在 %[1]s后失效。"},
		{Key: "reset-link.keep", Text: "请勿转发本邮件：任何获得此链接的人都可以更改您的密码。"},

		{Key: "reset-links.intro", Text: "我们收到了重置您的 %[1]s 账号密码的请求。此邮箱对应多个账号，因此每个账号都有各自的链接。请使用您想登录的账号的链接。"},
		{Key: "reset-links.account", Text: "账号 %[1]d"},
		{Key: "reset-links.expiry", Text: "每个链接仅可使用一次，将在 %[1]s后失效。"},
		{Key: "reset-links.keep", Text: "请勿转发本邮件：任何获得其中某个链接的人都可以更改该账号的密码。"},

		{Key: "reset-code.subject", Text: "重置 %[1]s 密码的验证码"},
		{Key: "reset-code.heading", Text: "您的验证码"},
		{Key: "reset-code.intro", Text: "请输入此验证码，以重置您的 %[1]s 账号密码："},
		{Key: "reset-code.intro.account", Text: "请输入此验证码，以重置您的 %[1]s 账号“%[2]s”的密码："},
		{Key: "reset-code.expiry", Text: "此验证码仅可使用一次，将在 %[1]s后失效。"},
		{Key: "reset-code.keep", Text: "请勿将验证码告诉任何人。我们绝不会向您索取验证码。"},

		{Key: "password-changed.subject", Text: "您的 %[1]s 密码已更改"},
		{Key: "password-changed.heading", Text: "您的密码已更改"},
		{Key: "password-changed.intro", Text: "您的 %[1]s 账号密码已更改。"},
		{Key: "password-changed.intro.account", Text: "您的 %[1]s 账号“%[2]s”的密码已更改。"},
		{Key: "password-changed.helped", Text: "此操作由 %[1]s 协助完成。"},
		{Key: "password-changed.helped.anonymous", Text: "此操作由我们的客服协助完成。"},
		{Key: "password-changed.ok", Text: "如果这是您本人的操作，则无需采取任何措施。"},
		{Key: "password-changed.act", Text: "如果这不是您本人的操作，请立即告知我们，以便我们保护您的账号："},
		{Key: "password-changed.help", Text: "如果这不是您本人的操作，请立即重置密码，并联系我们的客服。"},

		{Key: "invitation.subject", Text: "为您的 %[1]s 账号设置密码"},
		{Key: "invitation.heading", Text: "设置您的密码"},
		{Key: "invitation.intro", Text: "您的 %[1]s 账号已准备就绪，请为其设置密码。"},
		{Key: "invitation.button", Text: "设置密码"},
		{Key: "invitation.open", Text: "请打开此链接设置您的密码："},
		{Key: "invitation.keep", Text: "请勿转发本邮件：任何获得此链接的人都可以使用您的账号。"},
		{Key: "invitation.ignore", Text: "如果您不知道有此账号，请忽略本邮件。"},

		{Key: "reset-required.subject", Text: "您需要设置新的 %[1]s 密码"},
		{Key: "reset-required.heading", Text: "设置新密码"},
		{Key: "reset-required.intro", Text: "您的 %[1]s 密码必须更换。设置新密码后，您即可重新登录。"},
		{Key: "reset-required.hint", Text: "如果链接已失效，请在登录时选择“忘记密码？”。"},

		{Key: "no-password.subject", Text: "如何登录 %[1]s"},
		{Key: "no-password.heading", Text: "您的账号没有密码"},
		{Key: "no-password.intro", Text: "我们收到了重置您的 %[1]s 账号密码的请求。此账号没有密码。"},
		{Key: "no-password.with", Text: "请使用您注册时选择的服务登录："},
		{Key: "no-password.other", Text: "请使用您注册时选择的服务登录。"},

		{Key: "unknown-address.subject", Text: "此邮箱未注册 %[1]s 账号"},
		{Key: "unknown-address.heading", Text: "此邮箱没有对应的账号"},
		{Key: "unknown-address.intro", Text: "我们收到了重置密码的请求，但此邮箱没有对应的 %[1]s 账号。"},
		{Key: "unknown-address.hint", Text: "您可能是用其他邮箱注册的，请使用该邮箱重试。"},

		{Key: "sms.link", Text: "%[1]s：请打开此链接重置密码，%[2]s内有效。"},
		{Key: "sms.link.undated", Text: "%[1]s：请打开此链接重置密码。"},
		{Key: "sms.invitation", Text: "%[1]s：请打开此链接设置您的密码，%[2]s内有效。"},
		{Key: "sms.invitation.undated", Text: "%[1]s：请打开此链接设置您的密码。"},
		{Key: "sms.required", Text: "%[1]s：您的密码必须更换，请打开此链接设置新密码，%[2]s内有效。"},
		{Key: "sms.required.undated", Text: "%[1]s：您的密码必须更换，请打开此链接设置新密码。"},
		{Key: "sms.code", Text: "%[1]s 密码重置验证码：%[2]s，%[3]s内有效。请勿告诉他人。"},
		{Key: "sms.code.short", Text: "%[1]s 验证码：%[2]s，请勿告诉他人。"},
		{Key: "sms.code.least", Text: "%[1]s: %[2]s"},
		{Key: "sms.changed", Text: "%[1]s：您的密码已更改%[2]s。如非本人操作，请立即重置密码并联系客服。"},
		{Key: "sms.changed.notme", Text: "%[1]s：您的密码已更改%[2]s。如非本人操作，请立即告知我们："},
		{Key: "sms.helped", Text: "（协助人：%[1]s）"},
		{Key: "sms.helped.anonymous", Text: "（由客服协助）"},
		{Key: "sms.no-password.with", Text: "您的 %[1]s 账号没有密码。请使用以下服务登录：%[2]s"},
		{Key: "sms.no-password.other", Text: "您的 %[1]s 账号没有密码。请使用您注册时选择的服务登录。"},
	}
}
