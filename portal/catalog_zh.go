package portal

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// chinese is written in simplified characters and addresses the reader as 您. A
// space stands between characters and Latin letters or digits.
func chinese() []i18n.Entry {
	return []i18n.Entry{
		{Key: "seconds", Forms: []any{plural.Other, "%[1]d 秒"}},
		{Key: "minutes", Forms: []any{plural.Other, "%[1]d 分钟"}},
		{Key: "hours", Forms: []any{plural.Other, "%[1]d 小时"}},

		{Key: "title.error", Text: "错误：%[1]s"},
		{Key: "language", Text: "语言"},
		{Key: "support", Text: "帮助"},
		{Key: "signin", Text: "登录"},
		{Key: "signin.back", Text: "返回登录"},
		{Key: "continue", Text: "继续"},
		{Key: "new.link", Text: "获取新链接"},
		{Key: "new.code", Text: "获取新验证码"},

		{Key: "forgot.heading", Text: "忘记密码？"},
		{Key: "forgot.text", Text: "请输入您的邮箱。我们会向您发送设置新密码的链接。"},
		{Key: "forgot.text.phone", Text: "请输入您的邮箱，我们会向您发送设置新密码的链接；或者输入您的手机号，我们会向您发送验证码。"},
		{Key: "forgot.label", Text: "邮箱"},
		{Key: "forgot.label.phone", Text: "邮箱或手机号"},
		{Key: "forgot.invalid", Text: "请输入邮箱，例如 name@example.com。"},
		{Key: "forgot.invalid.phone", Text: "请输入邮箱，例如 name@example.com，或者带国家/地区代码的手机号，例如 +49 30 123456。"},
		{Key: "forgot.captcha", Text: "请确认您不是机器人，然后继续。此操作需要 JavaScript。"},

		{Key: "sent.heading", Text: "请查收邮件"},
		{Key: "sent.text", Text: "如果 %[1]s 有对应的账号，您很快会收到一封带有链接的邮件。"},
		{Key: "sent.text.anonymous", Text: "如果您输入的邮箱有对应的账号，您很快会收到一封带有链接的邮件。"},
		{Key: "sent.expiry", Text: "此链接仅可使用一次，将在 %[1]s后失效。"},
		{Key: "sent.spam", Text: "过了几分钟还没收到？请查看垃圾邮件文件夹，并确认邮箱填写无误。"},
		{Key: "sent.again", Text: "重试或使用其他邮箱"},

		{Key: "code.heading", Text: "请输入验证码"},
		{Key: "code.text", Text: "如果 %[1]s 有对应的账号，您很快会收到一条带有验证码的短信。"},
		{Key: "code.text.anonymous", Text: "请输入您的手机号和我们发送给您的验证码。"},
		{Key: "code.expiry", Text: "此验证码仅可使用一次，将在 %[1]s后失效。"},
		{Key: "code.phone", Text: "手机号"},
		{Key: "code.label", Text: "验证码"},
		{Key: "code.hint", Text: "%[1]d 位数字"},
		{Key: "code.malformed", Text: "请输入我们发送给您的 %[1]d 位数字验证码。"},
		{Key: "code.invalid", Text: "验证码错误或已失效。请检查后重新输入，或获取新验证码。"},
		{Key: "code.phone.invalid", Text: "请输入带国家/地区代码的手机号，例如 +49 30 123456。"},

		{Key: "reset.heading", Text: "设置新密码"},
		{Key: "reset.account", Text: "账号"},
		{Key: "reset.label", Text: "新密码"},
		{Key: "reset.again", Text: "再次输入新密码"},
		{Key: "reset.button", Text: "保存新密码"},
		{Key: "reset.wait", Text: "服务器繁忙。此页面会等待并自动保存您的新密码。请不要关闭此页面。"},
		{Key: "reset.sessions", Text: "您将在所有设备上退出登录。"},
		{Key: "reset.show", Text: "显示密码"},
		{Key: "reset.hide", Text: "隐藏密码"},
		{Key: "rules", Text: "什么样的密码才安全"},
		{Key: "rules.length", Text: "至少 %[1]d 个字符。连用几个词很容易记住。"},
		{Key: "rules.repeat", Text: "不要重复相同的内容，例如 abcabcabc。"},
		{Key: "rules.run", Text: "不要按顺序排列，例如 abcdefgh 或 12345678。"},
		{Key: "rules.address", Text: "不要只用您自己的邮箱。"},
		{Key: "rules.common", Text: "不要用很多人都在用的密码。保存时我们会检查。"},
		{Key: "rules.met", Text: "已满足"},
		{Key: "rules.unmet", Text: "尚未满足"},

		{Key: "refused.empty", Text: "请输入新密码。"},
		{Key: "refused.differ", Text: "两次输入的密码不一致，请重新输入。"},
		{Key: "refused.too_short", Text: "此密码太短，请至少使用 %[1]d 个字符。"},
		{Key: "refused.too_long", Text: "此密码太长，请最多使用 %[1]d 个字符。"},
		// In Chinese, a password is too large because of characters of more
		// than two bytes.
		{Key: "refused.too_large", Text: "此密码太长，请减少字符，或者少用汉字和特殊符号。"},
		{Key: "refused.encoding", Text: "此密码含有无法使用的字符，请重新输入。"},
		{Key: "refused.common", Text: "此密码很容易猜到：很多人都在用，或者规律太简单。请换一个密码。"},
		{Key: "refused.context", Text: "此密码与本服务的名称几乎相同，请换一个密码。"},
		{Key: "refused.identifier", Text: "此密码与您自己的姓名、邮箱或手机号几乎相同，请换一个密码。"},
		{Key: "refused.breached", Text: "此密码曾在其他服务的数据泄露中出现过。请换一个您没有在别处用过的密码。"},
		{Key: "refused.reused", Text: "您以前用过此密码，请设置一个新的。"},
		{Key: "refused.other", Text: "此密码无法使用，请换一个密码。"},

		{Key: "reset.other", Text: "未作任何更改：此浏览器中打开了另一个链接。本页面现在对应 %[1]s。"},
		{Key: "reset.other.anonymous", Text: "未作任何更改：此浏览器中打开了另一个链接。本页面现在对应那个链接。"},

		{Key: "done.heading", Text: "您的密码已更改"},
		{Key: "done.text", Text: "您已在所有设备上退出登录。现在可以使用新密码登录了。"},
		{Key: "done.text.kept", Text: "现在可以使用新密码登录了。"},
		{Key: "done.return", Text: "继续前往 %[1]s"},

		{Key: "invalid-link.heading", Text: "此链接无法使用"},
		{Key: "invalid-link.text", Text: "链接已失效，或已被使用过。"},
		{Key: "invalid-link.damaged", Text: "链接不完整，或在途中被改动。请再次打开消息中的链接，或复制整个链接。"},
		{Key: "invalid-link.used", Text: "如果您刚刚用它更改了密码，可以使用新密码登录。"},
		{Key: "invalid-link.new", Text: "否则，请获取新链接，只需一分钟。"},
		{Key: "invalid-link.again", Text: "您也可以再次打开消息中的链接。"},
		{Key: "invalid-link.cookies", Text: "如果您刚刚打开了链接，可能是浏览器阻止了 Cookie，而此页面需要 Cookie。"},

		{Key: "invitation.heading", Text: "设置您的密码"},
		{Key: "invitation.button", Text: "保存密码"},
		{Key: "invitation.done", Text: "您的密码已设置"},
		{Key: "invitation.done.text", Text: "现在可以使用您的密码登录了。"},
		{Key: "invitation.invalid", Text: "请向邀请您的人索取新链接。"},

		{Key: "many.heading", Text: "尝试次数过多"},
		{Key: "many.text", Text: "未作任何更改。请在 %[1]s后重试。"},
		{Key: "busy.heading", Text: "请稍后重试"},
		{Key: "busy.text", Text: "目前无法完成此操作。未作任何更改。请稍后重试。"},
		{Key: "unknown.heading", Text: "无法确定您的密码是否已更改"},
		{Key: "unknown.text", Text: "请尝试使用新密码登录。如果无法登录，请获取新链接。"},
		{Key: "step_up.heading", Text: "还差一步"},
		{Key: "step_up.text", Text: "更改此账号的密码前，还需要进一步验证。未作任何更改。"},
		{Key: "invalid.heading", Text: "操作未成功"},
		{Key: "invalid.text", Text: "您的浏览器发送了我们无法读取的内容。未作任何更改。请重新开始。"},
		{Key: "foreign.heading", Text: "请从这里开始"},
		{Key: "foreign.text", Text: "这是从其他网站的页面发送的。为了您的安全，未作任何更改。"},
		{Key: "missing.heading", Text: "此页面不存在"},
		{Key: "missing.text", Text: "网址可能有误，或者已经失效。"},
		{Key: "failed.heading", Text: "出错了"},
		{Key: "failed.text", Text: "这是我们的问题，与您无关。请稍后重试。"},
		{Key: "start", Text: "重新开始"},
		{Key: "again", Text: "重试"},

		{Key: "not-me.heading", Text: "不是您本人的操作？"},
		{Key: "not-me.links", Text: "那么我们会停用已发送给您的所有链接和验证码。其他一切不变，您仍可像以前一样登录。"},
		{Key: "not-me.links.button", Text: "停用链接和验证码"},
		{Key: "not-me.password", Text: "那么我们会让您的账号在所有设备上退出登录，并向您发送设置新密码的链接。"},
		{Key: "not-me.password.kept", Text: "那么我们会向您发送设置新密码的链接。"},
		{Key: "not-me.password.button", Text: "保护我的账号"},
		{Key: "not-me-done.heading", Text: "感谢您告知我们"},
		{Key: "not-me-done.links", Text: "我们发送给您的链接和验证码已经失效。您的密码没有改变。"},
		{Key: "not-me-done.password", Text: "您的账号正在所有设备上退出登录。您很快会收到设置新密码的链接。"},
		{Key: "not-me-done.password.kept", Text: "您很快会收到设置新密码的链接。"},
		{Key: "not-me-done.mailbox", Text: "操作者可能也能查看您的邮件。请同时更改您邮箱的密码。"},
	}
}
