package web

// words are the page's texts in one language.
type words struct {
	Title, Lead                              string
	Mail, MailHint, MailEmpty                string
	Push, PushHint, PushEmpty                string
	Live, LiveHint, LiveEmpty                string
	Connecting, Open, Broken, Stopped, Other string
	SwitchTo, NeedScript, Own                string
	Allow, AllowHint, AllowOn, AllowDenied   string
	AllowFailed, AllowNone, ThisBrowser      string
}

func texts(lang string) words {
	if lang == "ko" {
		return words{
			Title: "알림 데모", Lead: "메일이 도착하면 알림이 기기와 이 페이지로 전달됩니다.",
			Mail: "메일함과 캘린더", MailHint: "내장 IMAP 및 CalDAV 서버에 도착한 메일, 회의, 할 일", MailEmpty: "곧 메일이 도착합니다.",
			Push: "기기로 보낸 푸시", PushHint: "시뮬레이션한 기기가 받은 푸시와 메일 도착 후 걸린 시간", PushEmpty: "아직 보낸 푸시가 없습니다.",
			Live: "실시간 알림", LiveHint: "열려 있는 이 페이지로 온 알림", LiveEmpty: "아직 알림이 없습니다.",
			Connecting: "연결 중", Open: "실시간 연결됨", Broken: "연결 끊김, 다시 연결 중", Stopped: "데모가 끝났습니다",
			Other:      "이 브라우저에서 다른 사람이 로그인했습니다. 페이지를 새로 고치세요.",
			SwitchTo:   "다른 사람 보기",
			Own:        "받은 알림과 설정",
			NeedScript: "실시간으로 보려면 자바스크립트를 켜세요.",
			Allow:      "이 브라우저에서 알림 받기", AllowHint: "페이지를 닫아도 알림이 옵니다.",
			AllowOn:     "이 브라우저로 알림이 옵니다.",
			AllowDenied: "브라우저 설정에서 이 페이지의 알림이 차단되어 있습니다.",
			AllowFailed: "알림을 켜지 못했습니다.", AllowNone: "이 브라우저는 푸시 알림을 지원하지 않습니다.",
			ThisBrowser: "이 브라우저",
		}
	}
	return words{
		Title: "Allim demo", Lead: "When a mail arrives, a notice goes to the devices and to this page.",
		Mail: "Mailbox and calendar", MailHint: "Mails, meetings and tasks that arrived at the embedded IMAP and CalDAV servers", MailEmpty: "A mail will arrive soon.",
		Push: "Pushes", PushHint: "What reached the simulated devices, and how long after the mail", PushEmpty: "Nothing was pushed yet.",
		Live: "Live inbox", LiveHint: "Notices that came to this open page", LiveEmpty: "No notices yet.",
		Connecting: "Connecting", Open: "Live", Broken: "Connection lost, trying again", Stopped: "The demo has ended",
		Other:      "Somebody else signed in in this browser. Reload the page.",
		SwitchTo:   "See also",
		Own:        "Inbox and preferences",
		NeedScript: "Switch JavaScript on to follow live.",
		Allow:      "Get notices on this browser", AllowHint: "They come even when the page is closed.",
		AllowOn:     "Notices come to this browser.",
		AllowDenied: "The browser's settings block notices of this page.",
		AllowFailed: "Notices could not be switched on.", AllowNone: "This browser has no push notices.",
		ThisBrowser: "This browser",
	}
}
