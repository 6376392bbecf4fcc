package portal

import (
	"golang.org/x/text/feature/plural"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// japanese is polite: it has です and ます, and お客様 for the reader. Buttons and
// links are plain verbs or nouns.
func japanese() []i18n.Entry {
	return []i18n.Entry{
		{Key: "seconds", Forms: []any{plural.Other, "%[1]d秒"}},
		{Key: "minutes", Forms: []any{plural.Other, "%[1]d分"}},
		{Key: "hours", Forms: []any{plural.Other, "%[1]d時間"}},

		{Key: "title.error", Text: "エラー：%[1]s"},
		{Key: "language", Text: "言語"},
		{Key: "support", Text: "ヘルプ"},
		{Key: "signin", Text: "ログイン"},
		{Key: "signin.back", Text: "ログインに戻る"},
		{Key: "continue", Text: "次へ"},
		{Key: "new.link", Text: "新しいリンクを受け取る"},
		{Key: "new.code", Text: "新しいコードを受け取る"},

		{Key: "forgot.heading", Text: "パスワードをお忘れですか？"},
		{Key: "forgot.text", Text: "メールアドレスを入力してください。新しいパスワードを設定するためのリンクをお送りします。"},
		{Key: "forgot.text.phone", Text: "メールアドレスを入力すると、新しいパスワードを設定するためのリンクをお送りします。電話番号を入力すると、コードをお送りします。"},
		{Key: "forgot.label", Text: "メールアドレス"},
		{Key: "forgot.label.phone", Text: "メールアドレスまたは電話番号"},
		{Key: "forgot.invalid", Text: "メールアドレスを入力してください（例：name@example.com）。"},
		{Key: "forgot.invalid.phone", Text: "メールアドレス（例：name@example.com）、または国番号付きの電話番号（例：+49 30 123456）を入力してください。"},
		{Key: "forgot.captcha", Text: "人間であることを確認してから続けてください。JavaScript が必要です。"},

		{Key: "sent.heading", Text: "メールをご確認ください"},
		{Key: "sent.text", Text: "%[1]s のアカウントがある場合は、リンクを記載したメールがまもなく届きます。"},
		{Key: "sent.text.anonymous", Text: "入力されたアドレスのアカウントがある場合は、リンクを記載したメールがまもなく届きます。"},
		{Key: "sent.expiry", Text: "このリンクは1回のみ有効で、%[1]s後に期限切れになります。"},
		{Key: "sent.spam", Text: "数分たっても届かない場合は、迷惑メールフォルダーと、アドレスに誤りがないかをご確認ください。"},
		{Key: "sent.again", Text: "もう一度試すか、別のアドレスを使う"},

		{Key: "code.heading", Text: "確認コードを入力"},
		{Key: "code.text", Text: "%[1]s のアカウントがある場合は、コードを記載したSMSがまもなく届きます。"},
		{Key: "code.text.anonymous", Text: "電話番号と、お送りしたコードを入力してください。"},
		{Key: "code.expiry", Text: "このコードは1回のみ有効で、%[1]s後に期限切れになります。"},
		{Key: "code.phone", Text: "電話番号"},
		{Key: "code.label", Text: "確認コード"},
		{Key: "code.hint", Text: "%[1]d桁の数字"},
		{Key: "code.malformed", Text: "お送りした%[1]d桁のコードを入力してください。"},
		{Key: "code.invalid", Text: "コードが間違っているか、期限切れです。コードをお確かめになるか、新しいコードを受け取ってください。"},
		{Key: "code.phone.invalid", Text: "国番号付きの電話番号（例：+49 30 123456）を入力してください。"},

		{Key: "reset.heading", Text: "新しいパスワードを設定"},
		{Key: "reset.account", Text: "アカウント"},
		{Key: "reset.label", Text: "新しいパスワード"},
		{Key: "reset.again", Text: "新しいパスワード（再入力）"},
		{Key: "reset.button", Text: "新しいパスワードを保存"},
		{Key: "reset.wait", Text: "サーバーが混み合っています。このページは順番を待ち、新しいパスワードを自動的に保存します。開いたままお待ちください。"},
		{Key: "reset.sessions", Text: "すべてのデバイスからログアウトされます。"},
		{Key: "reset.show", Text: "パスワードを表示"},
		{Key: "reset.hide", Text: "パスワードを非表示"},
		{Key: "rules", Text: "良いパスワードの条件"},
		{Key: "rules.length", Text: "%[1]d文字以上であること。単語をいくつか並べると覚えやすくなります。"},
		{Key: "rules.repeat", Text: "abcabcabc のような繰り返しでないこと。"},
		{Key: "rules.run", Text: "abcdefgh や 12345678 のような連続した並びでないこと。"},
		{Key: "rules.address", Text: "ご自身のアドレスだけでないこと。"},
		{Key: "rules.common", Text: "多くの人が使っているものでないこと。保存時に確認します。"},
		{Key: "rules.met", Text: "条件を満たしています"},
		{Key: "rules.unmet", Text: "まだ条件を満たしていません"},

		{Key: "refused.empty", Text: "新しいパスワードを入力してください。"},
		{Key: "refused.differ", Text: "2つのパスワードが一致しません。両方とも入力し直してください。"},
		{Key: "refused.too_short", Text: "このパスワードは短すぎます。%[1]d文字以上にしてください。"},
		{Key: "refused.too_long", Text: "このパスワードは長すぎます。%[1]d文字以内にしてください。"},
		// In Japanese, a password is too large because of characters of more
		// than two bytes.
		{Key: "refused.too_large", Text: "このパスワードは長すぎます。文字数を減らすか、漢字、かな、記号を減らしてください。"},
		{Key: "refused.encoding", Text: "このパスワードには使用できない文字が含まれています。入力し直してください。"},
		{Key: "refused.common", Text: "このパスワードは推測されやすいものです。多くの人が使っているか、単純な並びになっています。別のパスワードにしてください。"},
		{Key: "refused.context", Text: "このパスワードは、このサービスの名前とほとんど同じです。別のパスワードにしてください。"},
		{Key: "refused.identifier", Text: "このパスワードは、ご自身の名前、アドレス、番号のいずれかとほとんど同じです。別のパスワードにしてください。"},
		{Key: "refused.breached", Text: "このパスワードは、別のサービスのデータ漏えいで見つかっています。ほかで使っていないパスワードにしてください。"},
		{Key: "refused.reused", Text: "以前お使いになったパスワードです。新しいパスワードにしてください。"},
		{Key: "refused.other", Text: "このパスワードは使用できません。別のパスワードにしてください。"},

		{Key: "reset.other", Text: "変更は行われていません。このブラウザーで別のリンクが開かれたため、このページは %[1]s 用に切り替わりました。"},
		{Key: "reset.other.anonymous", Text: "変更は行われていません。このブラウザーで別のリンクが開かれたため、このページはそのリンク用に切り替わりました。"},

		{Key: "done.heading", Text: "パスワードが変更されました"},
		{Key: "done.text", Text: "すべてのデバイスからログアウトされました。新しいパスワードでログインできます。"},
		{Key: "done.text.kept", Text: "新しいパスワードでログインできます。"},
		{Key: "done.return", Text: "%[1]s に進む"},

		{Key: "invalid-link.heading", Text: "このリンクは使用できません"},
		{Key: "invalid-link.text", Text: "期限切れか、すでに使用されています。"},
		{Key: "invalid-link.damaged", Text: "リンクの一部が欠けているか、変わっています。メッセージのリンクをもう一度開くか、リンク全体をコピーしてください。"},
		{Key: "invalid-link.used", Text: "このリンクで先ほどパスワードを変更された場合は、新しいパスワードでログインできます。"},
		{Key: "invalid-link.new", Text: "そうでない場合は、新しいリンクを受け取ってください。1分ほどで済みます。"},
		{Key: "invalid-link.again", Text: "メッセージのリンクをもう一度開くこともできます。"},
		{Key: "invalid-link.cookies", Text: "リンクを開いた直後の場合は、ブラウザーで Cookie がブロックされている可能性があります。このページには Cookie が必要です。"},

		{Key: "invitation.heading", Text: "パスワードを設定"},
		{Key: "invitation.button", Text: "パスワードを保存"},
		{Key: "invitation.done", Text: "パスワードが設定されました"},
		{Key: "invitation.done.text", Text: "設定したパスワードでログインできます。"},
		{Key: "invitation.invalid", Text: "招待した方に新しいリンクをご依頼ください。"},

		{Key: "many.heading", Text: "試行回数が多すぎます"},
		{Key: "many.text", Text: "変更は行われていません。%[1]s後にもう一度お試しください。"},
		{Key: "busy.heading", Text: "少し待ってからもう一度お試しください"},
		{Key: "busy.text", Text: "現在ご利用いただけません。変更は行われていません。少し待ってからもう一度お試しください。"},
		{Key: "unknown.heading", Text: "パスワードが変更されたか確認できません"},
		{Key: "unknown.text", Text: "新しいパスワードでログインしてみてください。ログインできない場合は、新しいリンクを受け取ってください。"},
		{Key: "step_up.heading", Text: "もう1つ手順が必要です"},
		{Key: "step_up.text", Text: "このアカウントのパスワードを変更するには、追加の本人確認が必要です。変更は行われていません。"},
		{Key: "invalid.heading", Text: "うまくいきませんでした"},
		{Key: "invalid.text", Text: "ブラウザーから送信された内容を読み取れませんでした。変更は行われていません。最初からやり直してください。"},
		{Key: "foreign.heading", Text: "こちらから始めてください"},
		{Key: "foreign.text", Text: "別のサイトのページから送信されたものです。安全のため、変更は行われていません。"},
		{Key: "missing.heading", Text: "このページはありません"},
		{Key: "missing.text", Text: "アドレスが間違っているか、古くなっている可能性があります。"},
		{Key: "failed.heading", Text: "問題が発生しました"},
		{Key: "failed.text", Text: "お客様ではなく、弊社側の問題です。しばらくしてからもう一度お試しください。"},
		{Key: "start", Text: "最初からやり直す"},
		{Key: "again", Text: "もう一度試す"},

		{Key: "not-me.heading", Text: "お心当たりがありませんか？"},
		{Key: "not-me.links", Text: "その場合は、お送りしたリンクとコードをすべて無効にします。ほかに変わることはなく、これまでどおりログインできます。"},
		{Key: "not-me.links.button", Text: "リンクとコードを無効にする"},
		{Key: "not-me.password", Text: "その場合は、アカウントをすべてのデバイスからログアウトさせ、新しいパスワードを設定するためのリンクをお送りします。"},
		{Key: "not-me.password.kept", Text: "その場合は、新しいパスワードを設定するためのリンクをお送りします。"},
		{Key: "not-me.password.button", Text: "アカウントを保護する"},
		{Key: "not-me-done.heading", Text: "お知らせいただきありがとうございます"},
		{Key: "not-me-done.links", Text: "お送りしたリンクとコードは使えなくなりました。パスワードは変わっていません。"},
		{Key: "not-me-done.password", Text: "アカウントをすべてのデバイスからログアウトさせています。新しいパスワードを設定するためのリンクがまもなく届きます。"},
		{Key: "not-me-done.password.kept", Text: "新しいパスワードを設定するためのリンクがまもなく届きます。"},
		{Key: "not-me-done.mailbox", Text: "操作した第三者が、お客様のメールを読める可能性があります。メールアカウントのパスワードも変更してください。"},
	}
}
