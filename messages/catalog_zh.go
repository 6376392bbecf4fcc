package messages

import "golang.org/x/text/feature/plural"

// chinese is written in simplified characters, addresses the reader as 您 and
// puts a space between characters and Latin letters or digits.
func chinese() []entry {
	return []entry{
		{key: "minutes", forms: []any{plural.Other, "%[1]d 分钟"}},
		{key: "hours", forms: []any{plural.Other, "%[1]d 小时"}},

		{key: "hello", text: "%[1]s，您好："},
		{key: "hello.anonymous", text: "您好："},
		{key: "requested", text: "请求时间"},
		{key: "changed", text: "更改时间"},
		{key: "expires", text: "有效期至"},
		{key: "location", text: "大致位置"},
		{key: "network", text: "网络"},
		{key: "detail", text: "%[1]s：%[2]s"},
		{key: "button.fallback", text: "如果按钮无法使用，请在浏览器中打开此链接："},
		{key: "ignore", text: "如果这不是您本人的操作，请忽略本邮件。"},
		{key: "notme.ignore", text: "如果这不是您本人的操作，请忽略本邮件。您的密码不会改变。"},
		{key: "notme.tell", text: "如果这不是您本人的操作，您的密码不会改变。请告知我们："},
		{key: "notme.link", text: "不是我本人操作"},
		{key: "footer", text: "这是 %[1]s 自动发送的邮件。"},
		{key: "support", text: "有疑问？"},

		{key: "reset-link.subject", text: "重置您的 %[1]s 密码"},
		{key: "reset-link.heading", text: "重置您的密码"},
		{key: "reset-link.intro", text: "我们收到了重置您的 %[1]s 账号密码的请求。"},
		{key: "reset-link.button", text: "设置新密码"},
		{key: "reset-link.open", text: "请打开此链接设置新密码："},
		{key: "reset-link.expiry", text: "此链接仅可使用一次，将在 %[1]s后失效。"},
		{key: "reset-link.keep", text: "请勿转发本邮件：任何获得此链接的人都可以更改您的密码。"},

		{key: "reset-code.subject", text: "重置 %[1]s 密码的验证码"},
		{key: "reset-code.heading", text: "您的验证码"},
		{key: "reset-code.intro", text: "请输入此验证码，以重置您的 %[1]s 账号密码："},
		{key: "reset-code.expiry", text: "此验证码仅可使用一次，将在 %[1]s后失效。"},
		{key: "reset-code.keep", text: "请勿将验证码告诉任何人。我们绝不会向您索取验证码。"},

		{key: "password-changed.subject", text: "您的 %[1]s 密码已更改"},
		{key: "password-changed.heading", text: "您的密码已更改"},
		{key: "password-changed.intro", text: "您的 %[1]s 账号密码已更改。"},
		{key: "password-changed.ok", text: "如果这是您本人的操作，则无需采取任何措施。"},
		{key: "password-changed.act", text: "如果这不是您本人的操作，请立即告知我们，以便我们保护您的账号："},
		{key: "password-changed.help", text: "如果这不是您本人的操作，请立即重置密码，并联系我们的客服。"},

		{key: "no-password.subject", text: "如何登录 %[1]s"},
		{key: "no-password.heading", text: "您的账号没有密码"},
		{key: "no-password.intro", text: "我们收到了重置您的 %[1]s 账号密码的请求。此账号没有密码。"},
		{key: "no-password.with", text: "请使用您注册时选择的服务登录："},
		{key: "no-password.other", text: "请使用您注册时选择的服务登录。"},

		{key: "unknown-address.subject", text: "此邮箱未注册 %[1]s 账号"},
		{key: "unknown-address.heading", text: "此邮箱没有对应的账号"},
		{key: "unknown-address.intro", text: "我们收到了重置密码的请求，但此邮箱没有对应的 %[1]s 账号。"},
		{key: "unknown-address.hint", text: "您可能是用其他邮箱注册的，请使用该邮箱重试。"},

		{key: "sms.link", text: "%[1]s：请打开此链接重置密码，%[2]s内有效。"},
		{key: "sms.link.undated", text: "%[1]s：请打开此链接重置密码。"},
		{key: "sms.code", text: "%[1]s 密码重置验证码：%[2]s，%[3]s内有效。请勿告诉他人。"},
		{key: "sms.code.short", text: "%[1]s 验证码：%[2]s，请勿告诉他人。"},
		{key: "sms.code.least", text: "%[1]s: %[2]s"},
		{key: "sms.changed", text: "%[1]s：您的密码已更改%[2]s。如非本人操作，请立即重置密码并联系客服。"},
		{key: "sms.changed.notme", text: "%[1]s：您的密码已更改%[2]s。如非本人操作，请立即告知我们："},
		{key: "sms.no-password.with", text: "您的 %[1]s 账号没有密码。请使用以下服务登录：%[2]s"},
		{key: "sms.no-password.other", text: "您的 %[1]s 账号没有密码。请使用您注册时选择的服务登录。"},
	}
}
