package messages

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// japanese is polite: it has です and ます, お客様 for the reader, and 様 behind
// the name.
func japanese() []i18n.Entry {
	return []i18n.Entry{
		{Key: "minutes", Forms: []any{plural.Other, "%[1]d分"}},
		{Key: "hours", Forms: []any{plural.Other, "%[1]d時間"}},
		{Key: "days", Forms: []any{plural.Other, "%[1]d日"}},

		{Key: "hello", Text: "%[1]s 様"},
		{Key: "hello.anonymous", Text: "お客様"},
		{Key: "requested", Text: "ご依頼日時"},
		{Key: "changed", Text: "変更日時"},
		{Key: "expires", Text: "有効期限"},
		{Key: "location", Text: "場所（推定）"},
		{Key: "network", Text: "ネットワーク"},
		{Key: "detail", Text: "%[1]s：%[2]s"},
		{Key: "button.fallback", Text: "ボタンが使えない場合は、次のリンクをブラウザーで開いてください。"},
		{Key: "ignore", Text: "お心当たりがない場合は、このメールを破棄してください。"},
		{Key: "notme.ignore", Text: "お心当たりがない場合は、このメールを破棄してください。パスワードは変更されません。"},
		{Key: "notme.tell", Text: "お心当たりがない場合も、パスワードは変更されません。お手数ですが、次のリンクからお知らせください。"},
		{Key: "notme.link", Text: "心当たりがありません"},
		{Key: "footer", Text: "このメールは %[1]s から自動送信されています。"},
		{Key: "support", Text: "お問い合わせ："},

		{Key: "reset-link.subject", Text: "%[1]s のパスワード再設定"},
		{Key: "reset-link.heading", Text: "パスワードの再設定"},
		{Key: "reset-link.intro", Text: "%[1]s アカウントのパスワードを再設定するご依頼を受け付けました。"},
		{Key: "reset-link.intro.account", Text: "%[1]s アカウント「%[2]s」のパスワードを再設定するご依頼を受け付けました。"},
		{Key: "reset-link.button", Text: "新しいパスワードを設定"},
		{Key: "reset-link.open", Text: "次のリンクを開いて、新しいパスワードを設定してください。"},
		{Key: "reset-link.expiry", Text: "このリンクは1回のみ有効で、%[1]s後に期限切れになります。"},
		{Key: "reset-link.keep", Text: "このメールを転送しないでください。リンクを知っている人は誰でもパスワードを変更できます。"},

		{Key: "reset-links.intro", Text: "%[1]s アカウントのパスワードを再設定するご依頼を受け付けました。このメールアドレスには複数のアカウントがあるため、アカウントごとにリンクが異なります。ログインするアカウントのリンクをご利用ください。"},
		{Key: "reset-links.account", Text: "アカウント %[1]d"},
		{Key: "reset-links.expiry", Text: "各リンクは1回のみ有効で、%[1]s後に期限切れになります。"},
		{Key: "reset-links.keep", Text: "このメールを転送しないでください。いずれかのリンクを知っている人は誰でも、そのアカウントのパスワードを変更できます。"},

		{Key: "reset-code.subject", Text: "%[1]s のパスワード再設定コード"},
		{Key: "reset-code.heading", Text: "確認コード"},
		{Key: "reset-code.intro", Text: "%[1]s アカウントのパスワードを再設定するには、次のコードを入力してください。"},
		{Key: "reset-code.intro.account", Text: "%[1]s アカウント「%[2]s」のパスワードを再設定するには、次のコードを入力してください。"},
		{Key: "reset-code.expiry", Text: "このコードは1回のみ有効で、%[1]s後に期限切れになります。"},
		{Key: "reset-code.keep", Text: "このコードを誰にも教えないでください。弊社からお尋ねすることはありません。"},

		{Key: "password-changed.subject", Text: "%[1]s のパスワードが変更されました"},
		{Key: "password-changed.heading", Text: "パスワードが変更されました"},
		{Key: "password-changed.intro", Text: "%[1]s アカウントのパスワードが変更されました。"},
		{Key: "password-changed.intro.account", Text: "%[1]s アカウント「%[2]s」のパスワードが変更されました。"},
		{Key: "password-changed.helped", Text: "この変更は %[1]s の対応により行われました。"},
		{Key: "password-changed.helped.anonymous", Text: "この変更はサポート担当者の対応により行われました。"},
		{Key: "password-changed.ok", Text: "ご本人による変更であれば、お手続きは不要です。"},
		{Key: "password-changed.act", Text: "お心当たりがない場合は、アカウントを保護するため、すぐに次のリンクからお知らせください。"},
		{Key: "password-changed.help", Text: "お心当たりがない場合は、すぐにパスワードを再設定し、サポートまでご連絡ください。"},

		{Key: "invitation.subject", Text: "%[1]s アカウントのパスワード設定"},
		{Key: "invitation.heading", Text: "パスワードの設定"},
		{Key: "invitation.intro", Text: "%[1]s アカウントの準備が整いました。パスワードを設定してください。"},
		{Key: "invitation.button", Text: "パスワードを設定"},
		{Key: "invitation.open", Text: "次のリンクを開いて、パスワードを設定してください。"},
		{Key: "invitation.keep", Text: "このメールを転送しないでください。リンクを知っている人は誰でもアカウントを利用できます。"},
		{Key: "invitation.ignore", Text: "このアカウントにお心当たりがない場合は、このメールを破棄してください。"},

		{Key: "reset-required.subject", Text: "%[1]s の新しいパスワードが必要です"},
		{Key: "reset-required.heading", Text: "新しいパスワードの設定"},
		{Key: "reset-required.intro", Text: "%[1]s のパスワードを変更していただく必要があります。新しいパスワードを設定すると、再びログインできます。"},
		{Key: "reset-required.hint", Text: "リンクの有効期限が切れている場合は、ログイン画面で「パスワードをお忘れですか？」を選択してください。"},

		{Key: "no-password.subject", Text: "%[1]s へのログイン方法"},
		{Key: "no-password.heading", Text: "パスワードは設定されていません"},
		{Key: "no-password.intro", Text: "%[1]s アカウントのパスワードを再設定するご依頼を受け付けましたが、このアカウントにはパスワードが設定されていません。"},
		{Key: "no-password.with", Text: "ご登録時に選択されたサービスでログインしてください。"},
		{Key: "no-password.other", Text: "ご登録時に選択されたサービスでログインしてください。"},

		{Key: "unknown-address.subject", Text: "このアドレスの %[1]s アカウントはありません"},
		{Key: "unknown-address.heading", Text: "このアドレスのアカウントはありません"},
		{Key: "unknown-address.intro", Text: "このメールアドレスの %[1]s アカウントについて、パスワードを再設定するご依頼を受け付けましたが、該当するアカウントはありません。"},
		{Key: "unknown-address.hint", Text: "別のアドレスでご登録いただいている可能性があります。そのアドレスでもう一度お試しください。"},

		{Key: "sms.link", Text: "%[1]s: 次のリンクを開いてパスワードを再設定してください。%[2]s後に期限切れになります。"},
		{Key: "sms.link.undated", Text: "%[1]s: 次のリンクを開いてパスワードを再設定してください。"},
		{Key: "sms.invitation", Text: "%[1]s: 次のリンクを開いてパスワードを設定してください。%[2]s後に期限切れになります。"},
		{Key: "sms.invitation.undated", Text: "%[1]s: 次のリンクを開いてパスワードを設定してください。"},
		{Key: "sms.required", Text: "%[1]s: パスワードの変更が必要です。次のリンクを開いて新しいパスワードを設定してください。%[2]s後に期限切れになります。"},
		{Key: "sms.required.undated", Text: "%[1]s: パスワードの変更が必要です。次のリンクを開いて新しいパスワードを設定してください。"},
		{Key: "sms.code", Text: "%[1]s パスワード再設定コード: %[2]s（%[3]s有効）。誰にも教えないでください。"},
		{Key: "sms.code.short", Text: "%[1]s コード: %[2]s。誰にも教えないでください。"},
		{Key: "sms.code.least", Text: "%[1]s: %[2]s"},
		{Key: "sms.changed", Text: "%[1]s: パスワードが変更されました%[2]s。お心当たりがない場合は、すぐに再設定し、サポートにご連絡ください。"},
		{Key: "sms.changed.notme", Text: "%[1]s: パスワードが変更されました%[2]s。お心当たりがない場合は、すぐにお知らせください。"},
		{Key: "sms.helped", Text: "（対応者: %[1]s）"},
		{Key: "sms.helped.anonymous", Text: "（サポート担当者が対応）"},
		{Key: "sms.no-password.with", Text: "%[1]s アカウントにはパスワードがありません。次のサービスでログインしてください: %[2]s"},
		{Key: "sms.no-password.other", Text: "%[1]s アカウントにはパスワードがありません。ご登録時に選択されたサービスでログインしてください。"},
	}
}
