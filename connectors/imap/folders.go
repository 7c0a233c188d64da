package imap

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// silentUses are the special uses (RFC 6154, RFC 8457) whose folders are never told of: what nobody waits for, and
// collections of mail that lies elsewhere.
var silentUses = map[string]bool{`\junk`: true, `\trash`: true, `\sent`: true, `\drafts`: true, `\all`: true,
	`\flagged`: true, `\important`: true}

// unselectable are the attributes of names that hold no mail (RFC 3501 section 7.2.2, RFC 5258).
var unselectable = map[string]bool{`\noselect`: true, `\nonexistent`: true}

// silentNames are the usual names of such folders where the server does not mark them, without spaces and in lower case.
var silentNames = setOf(
	// junk
	"junk", "junkmail", "junke-mail", "junkemail", "spam", "bulk", "bulkmail", "quarantine",
	"스팸", "스팸함", "스팸메일", "스팸메일함", "스팸편지함", "정크", "정크메일", "정크메일함", "정크편지함", "광고메일", "대량메일",
	"迷惑メール", "スパム", "垃圾邮件", "垃圾郵件", "垃圾箱", "广告邮件",
	"spamverdacht", "unerwünscht", "junk-e-mail", "courrierindésirable", "indésirables", "pourriel", "correonodeseado", "nodeseado",
	"postaindesiderata", "lixoeletrônico", "спам", "нежелательнаяпочта",
	// trash
	"trash", "deleted", "deleteditems", "deletedmessages", "deletedmail", "bin", "wastebasket",
	"휴지통", "지운편지함", "지운메일함", "삭제된항목", "삭제된메시지", "삭제된메일", "삭제된편지함", "삭제메일함", "쓰레기통",
	"ゴミ箱", "ごみ箱", "削除済みアイテム", "已删除邮件", "已删除", "已删除郵件", "刪除的郵件", "废件箱",
	"papierkorb", "gelöscht", "gelöschteelemente", "gelöschteobjekte", "corbeille", "élémentssupprimés", "messagessupprimés",
	"papelera", "elementoseliminados", "eliminados", "cestino", "postaeliminata", "lixeira", "itensexcluídos", "корзина", "удаленные",
	// sent
	"sent", "sentitems", "sentmessages", "sentmail", "sent-mail", "outbox",
	"보낸편지함", "보낸메일함", "보낸메일", "보낸항목", "보낸메시지", "보낼편지함", "발신함", "발신메일함", "보낸쪽지함",
	"送信済み", "送信済みメール", "送信済みアイテム", "送信トレイ", "已发送", "已发送邮件", "已发邮件", "寄件備份", "已傳送郵件",
	"gesendet", "gesendeteelemente", "gesendeteobjekte", "postausgang", "envoyés", "élémentsenvoyés", "messagesenvoyés",
	"enviados", "elementosenviados", "itensenviados", "inviata", "postainviata", "отправленные",
	// drafts
	"drafts", "draft", "templates",
	"임시보관함", "임시편지함", "임시저장함", "임시저장메일", "임시보관메일", "초안", "초안함", "작성중", "작성중인메일",
	"下書き", "草稿", "草稿箱", "entwürfe", "brouillons", "borradores", "bozze", "rascunhos", "черновики",
	// Gmail's collections
	"allmail", "전체보관함", "allemails", "allenachrichten", "touslesmessages", "すべてのメール",
)

func setOf(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// listed is a folder as LIST tells it.
type listed struct {
	name  string // UTF-8
	attrs []string
	delim rune
}

// selectable tells whether the folder can hold mail.
func (f listed) selectable() bool { return !hasAny(f.attrs, unselectable) }

// silent tells whether a folder is never told of, by its special use or by its name or that of one that it lies in.
func (f listed) silent() bool {
	return hasAny(f.attrs, silentUses) || silentName(f.name, f.delim)
}

func hasAny(attrs []string, set map[string]bool) bool {
	for _, a := range attrs {
		if set[strings.ToLower(a)] {
			return true
		}
	}
	return false
}

func silentName(name string, delim rune) bool {
	if strings.EqualFold(name, "INBOX") {
		return false
	}
	parts := []string{name}
	if delim != 0 {
		parts = strings.Split(name, string(delim))
	}
	for _, p := range parts {
		p = norm.NFC.String(strings.ToLower(p))
		if silentNames[strings.Join(strings.Fields(p), "")] {
			return true
		}
	}
	return false
}

// isPattern tells whether a configured folder is a pattern for LIST.
func isPattern(s string) bool { return strings.ContainsAny(s, "*%") }
