package messages

import "golang.org/x/text/feature/plural"

// japanese is polite: です and ます, お客様 for the reader, 様 behind the name.
func japanese() []entry {
	return []entry{
		{key: "minutes", forms: []any{plural.Other, "%[1]d分"}},
		{key: "hours", forms: []any{plural.Other, "%[1]d時間"}},

		{key: "hello", text: "%[1]s 様"},
		{key: "hello.anonymous", text: "お客様"},
		{key: "requested", text: "ご依頼日時"},
		{key: "changed", text: "変更日時"},
		{key: "expires", text: "有効期限"},
		{key: "location", text: "場所（推定）"},
		{key: "network", text: "ネットワーク"},
		{key: "detail", text: "%[1]s：%[2]s"},
		{key: "button.fallback", text: "ボタンが使えない場合は、次のリンクをブラウザーで開いてください。"},
		{key: "ignore", text: "お心当たりがない場合は、このメールを破棄してください。"},
		{key: "notme.ignore", text: "お心当たりがない場合は、このメールを破棄してください。パスワードは変更されません。"},
		{key: "notme.tell", text: "お心当たりがない場合も、パスワードは変更されません。お手数ですが、次のリンクからお知らせください。"},
		{key: "notme.link", text: "心当たりがありません"},
		{key: "footer", text: "このメールは %[1]s から自動送信されています。"},
		{key: "support", text: "お問い合わせ："},

		{key: "reset-link.subject", text: "%[1]s のパスワード再設定"},
		{key: "reset-link.heading", text: "パスワードの再設定"},
		{key: "reset-link.intro", text: "%[1]s アカウントのパスワードを再設定するご依頼を受け付けました。"},
		{key: "reset-link.button", text: "新しいパスワードを設定"},
		{key: "reset-link.open", text: "次のリンクを開いて、新しいパスワードを設定してください。"},
		{key: "reset-link.expiry", text: "このリンクは1回のみ有効で、%[1]s後に期限切れになります。"},
		{key: "reset-link.keep", text: "このメールを転送しないでください。リンクを知っている人は誰でもパスワードを変更できます。"},

		{key: "reset-code.subject", text: "%[1]s のパスワード再設定コード"},
		{key: "reset-code.heading", text: "確認コード"},
		{key: "reset-code.intro", text: "%[1]s アカウントのパスワードを再設定するには、次のコードを入力してください。"},
		{key: "reset-code.expiry", text: "このコードは1回のみ有効で、%[1]s後に期限切れになります。"},
		{key: "reset-code.keep", text: "このコードを誰にも教えないでください。弊社からお尋ねすることはありません。"},

		{key: "password-changed.subject", text: "%[1]s のパスワードが変更されました"},
		{key: "password-changed.heading", text: "パスワードが変更されました"},
		{key: "password-changed.intro", text: "%[1]s アカウントのパスワードが変更されました。"},
		{key: "password-changed.ok", text: "ご本人による変更であれば、お手続きは不要です。"},
		{key: "password-changed.act", text: "お心当たりがない場合は、アカウントを保護するため、すぐに次のリンクからお知らせください。"},
		{key: "password-changed.help", text: "お心当たりがない場合は、すぐにパスワードを再設定し、サポートまでご連絡ください。"},

		{key: "no-password.subject", text: "%[1]s へのログイン方法"},
		{key: "no-password.heading", text: "パスワードは設定されていません"},
		{key: "no-password.intro", text: "%[1]s アカウントのパスワードを再設定するご依頼を受け付けましたが、このアカウントにはパスワードが設定されていません。"},
		{key: "no-password.with", text: "ご登録時に選択されたサービスでログインしてください。"},
		{key: "no-password.other", text: "ご登録時に選択されたサービスでログインしてください。"},

		{key: "unknown-address.subject", text: "このアドレスの %[1]s アカウントはありません"},
		{key: "unknown-address.heading", text: "このアドレスのアカウントはありません"},
		{key: "unknown-address.intro", text: "このメールアドレスの %[1]s アカウントについて、パスワードを再設定するご依頼を受け付けましたが、該当するアカウントはありません。"},
		{key: "unknown-address.hint", text: "別のアドレスでご登録いただいている可能性があります。そのアドレスでもう一度お試しください。"},

		{key: "sms.link", text: "%[1]s: 次のリンクを開いてパスワードを再設定してください。%[2]s後に期限切れになります。"},
		{key: "sms.link.undated", text: "%[1]s: 次のリンクを開いてパスワードを再設定してください。"},
		{key: "sms.code", text: "%[1]s パスワード再設定コード: %[2]s（%[3]s有効）。誰にも教えないでください。"},
		{key: "sms.code.short", text: "%[1]s コード: %[2]s。誰にも教えないでください。"},
		{key: "sms.code.least", text: "%[1]s: %[2]s"},
		{key: "sms.changed", text: "%[1]s: パスワードが変更されました%[2]s。お心当たりがない場合は、すぐに再設定し、サポートにご連絡ください。"},
		{key: "sms.changed.notme", text: "%[1]s: パスワードが変更されました%[2]s。お心当たりがない場合は、すぐにお知らせください。"},
		{key: "sms.no-password.with", text: "%[1]s アカウントにはパスワードがありません。次のサービスでログインしてください: %[2]s"},
		{key: "sms.no-password.other", text: "%[1]s アカウントにはパスワードがありません。ご登録時に選択されたサービスでログインしてください。"},
	}
}
