package web

import (
	"fmt"
	"maps"
)

// phrase is a text in both languages.
type phrase struct{ en, ko string }

// phrases has every text of the pages, by a name.
var phrases = collected(doorPhrases, ownPhrases, consolePhrases)

func collected(parts ...map[string]phrase) map[string]phrase {
	all := map[string]phrase{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

func known(key string) bool { _, ok := phrases[key]; return ok }

// text gives a text in a language; a name that is not known is shown itself, which the tests look for.
func text(lang, key string, args ...any) string {
	p, ok := phrases[key]
	if !ok {
		return key
	}
	s := p.en
	if lang == "ko" {
		s = p.ko
	}
	if len(args) > 0 {
		return fmt.Sprintf(s, args...)
	}
	return s
}

// doorPhrases are the frame of every page, errors and signing in.
var doorPhrases = map[string]phrase{
	"name": {"Allim", "알림"}, "skip": {"Skip to the content", "본문으로 건너뛰기"}, "nav": {"Pages", "페이지"},
	"nav.inbox": {"Inbox", "받은 알림"}, "nav.devices": {"Devices", "기기"}, "nav.preferences": {"Preferences", "설정"},
	"nav.console": {"Console", "관리"}, "signout": {"Sign out", "로그아웃"}, "save": {"Save", "저장"}, "search": {"Search", "검색"},
	"older": {"Older", "이전 알림"}, "any": {"any", "모두"}, "next": {"Next page", "다음 페이지"},

	"error.title": {"That did not work", "처리하지 못했습니다"}, "error.back": {"Back to the first page", "첫 페이지로"},
	"error.internal":  {"Something went wrong on our side. Try again; if it stays, tell your IT.", "서버에 문제가 생겼습니다. 다시 시도해 보고, 계속되면 담당 부서에 알려 주세요."},
	"error.origin":    {"The form did not come from this page. Open the page again and repeat it.", "이 페이지에서 보낸 양식이 아닙니다. 페이지를 다시 열고 시도해 주세요."},
	"error.role":      {"Your role does not allow this.", "이 작업을 할 권한이 없습니다."},
	"error.large":     {"The form is too large; at most 1 MB is taken.", "양식이 너무 큽니다. 최대 1MB까지 보낼 수 있습니다."},
	"error.form":      {"The form is not complete. Go back and fill it in again.", "양식이 올바르지 않습니다. 돌아가서 다시 작성해 주세요."},
	"error.not-found": {"There is nothing here.", "여기에는 아무것도 없습니다."}, "error.unknown-device": {"There is no such device.", "그런 기기가 없습니다."},
	"error.unknown-key": {"There is no such key or session.", "그런 키나 로그인이 없습니다."}, "error.unknown-user": {"There is no such person.", "그런 사람이 없습니다."},
	"error.too-many-requests": {"Too many wrong tries. Wait a while, then try again.", "잘못된 시도가 너무 많습니다. 잠시 뒤에 다시 시도해 주세요."},

	"signin": {"Sign in", "로그인"}, "signin.sso": {"With your organisation's sign-on", "통합 로그인으로 계속"}, "signin.or": {"or with your mailbox", "또는 메일 계정으로"},
	"signin.address": {"E-mail address", "이메일 주소"}, "signin.password": {"Password of the mailbox", "메일 비밀번호"}, "signin.go": {"Sign in", "로그인"},
	"signin.hint":    {"The password is checked by your mail server and is not kept. With an invitation, open its link or scan its code.", "비밀번호는 메일 서버에서 확인하며 저장하지 않습니다. 초대를 받았다면 링크를 열거나 QR 코드를 찍으세요."},
	"signin.missing": {"Enter the address and the password.", "주소와 비밀번호를 입력하세요."}, "signin.wrong": {"The address or the password is wrong.", "주소나 비밀번호가 맞지 않습니다."},
	"signin.down":    {"The mail server cannot be asked at the moment. Try again later.", "지금은 메일 서버에 확인할 수 없습니다. 나중에 다시 시도해 주세요."},
	"signin.expired": {"This sign-in has expired. Begin again.", "로그인 시간이 지났습니다. 다시 시작해 주세요."}, "signin.refused": {"The sign-on did not work. Begin again, or ask your IT.", "통합 로그인에 실패했습니다. 다시 시도하거나 담당 부서에 문의하세요."},
	"signin.unknown": {"Your account is not known here yet. Ask your IT to add you.", "아직 등록되지 않은 계정입니다. 담당 부서에 등록을 요청하세요."},

	"join": {"Invitation", "초대"}, "join.lead": {"Accept to sign in on this browser.", "수락하면 이 브라우저에서 로그인됩니다."}, "join.code": {"Code of the invitation", "초대 코드"},
	"join.go": {"Accept and sign in", "수락하고 로그인"}, "join.wrong": {"This invitation is not known, was used, or has expired. Ask for a new one.", "알 수 없거나 이미 사용했거나 만료된 초대입니다. 새 초대를 요청하세요."},

	"way.invitation": {"Signed in by invitation", "초대로 로그인"}, "way.password": {"Signed in with the mailbox", "메일 계정으로 로그인"}, "way.oidc": {"Signed in by single sign-on", "통합 로그인"},
}

// ownPhrases are of a person's own pages.
var ownPhrases = map[string]phrase{
	"day.today": {"Today", "오늘"}, "day.yesterday": {"Yesterday", "어제"},
	"weekday.mon": {"Mon", "월"}, "weekday.tue": {"Tue", "화"}, "weekday.wed": {"Wed", "수"}, "weekday.thu": {"Thu", "목"}, "weekday.fri": {"Fri", "금"}, "weekday.sat": {"Sat", "토"}, "weekday.sun": {"Sun", "일"},

	"inbox.unread": {"unread", "읽지 않음"}, "inbox.search": {"Words of a notice", "알림 내용"}, "inbox.readall": {"Mark all as read", "모두 읽음으로"}, "inbox.read": {"Mark as read", "읽음"},
	"inbox.urgent": {"urgent", "긴급"}, "inbox.empty": {"Nothing has been told to you yet.", "아직 받은 알림이 없습니다."}, "inbox.none": {"Nothing has these words.", "해당하는 알림이 없습니다."},
	"live.open": {"Live", "실시간"}, "live.broken": {"Connection lost, trying again", "연결 끊김, 다시 연결 중"}, "live.new": {"New notice", "새 알림"},

	"push": {"Notices on this browser", "이 브라우저로 알림 받기"}, "push.lead": {"Get notices here even while no page is open. Install the page as an app to have it like any other.", "페이지를 닫아도 알림을 받습니다. 앱으로 설치하면 다른 앱처럼 쓸 수 있습니다."},
	"push.allow": {"Allow notices", "알림 허용"}, "push.on": {"This browser gets notices.", "이 브라우저로 알림을 받습니다."}, "push.denied": {"The browser does not allow notices for this page; change it in the browser's settings.", "브라우저가 이 페이지의 알림을 막고 있습니다. 브라우저 설정에서 바꾸세요."},
	"push.none": {"This browser cannot get notices.", "이 브라우저는 알림을 받을 수 없습니다."}, "push.failed": {"It did not work:", "실패했습니다:"}, "push.name": {"This browser", "이 브라우저"},
	"devices.mine": {"Your devices", "내 기기"}, "devices.since": {"since", "등록"}, "devices.name": {"Name", "이름"}, "devices.test": {"Send a test", "시험 알림 보내기"}, "devices.remove": {"Remove", "삭제"}, "devices.none": {"No device is registered yet.", "등록한 기기가 없습니다."},
	"devices.gone":  {"This device gets no notices any more; register it again.", "더 이상 알림을 받지 않는 기기입니다. 다시 등록하세요."},
	"device.active": {"active", "사용 중"}, "device.suspect": {"in doubt", "확인 중"}, "device.retired": {"retired", "해지됨"},
	"sessions": {"Where you are signed in", "로그인한 브라우저"}, "sessions.this": {"this browser", "이 브라우저"}, "sessions.since": {"since", "시작"}, "sessions.used": {"last used", "마지막 사용"}, "sessions.end": {"Sign out there", "로그아웃"}, "sessions.none": {"No session is open.", "열린 로그인이 없습니다."},

	"quiet": {"Quiet hours", "방해 금지 시간"}, "quiet.hint": {"What comes meanwhile waits for their end. Urgent notices come through.", "이 시간에 온 알림은 끝난 뒤에 전달합니다. 긴급 알림은 바로 전달합니다."}, "quiet.from": {"From", "시작"}, "quiet.to": {"Until", "끝"}, "quiet.zone": {"Time zone", "시간대"}, "quiet.days": {"Days on which they begin", "시작하는 요일"}, "quiet.hold": {"Urgent ones wait, too", "긴급 알림도 기다림"},
	"choices": {"What to tell", "알림 선택"}, "choices.hint": {"The first line that fits decides; an empty field fits everything.", "위에서부터 처음 맞는 줄을 따릅니다. 빈 칸은 모두를 뜻합니다."}, "choices.row": {"A choice", "선택"}, "choices.type": {"Kind", "종류"}, "choices.source": {"Source", "출처"}, "choices.folder": {"Folder", "메일함"}, "choices.calendar": {"Calendar", "캘린더"}, "choices.topic": {"Topic", "주제"}, "choices.say": {"Then", "처리"},
	"say.tell": {"tell me", "알리기"}, "say.inbox": {"only keep in the inbox", "받은 알림에만 보관"}, "say.urgent": {"tell me at once", "바로 알리기"},
	"type.mail.received": {"New mail", "새 메일"}, "type.calendar.created": {"New meeting", "새 일정"}, "type.calendar.updated": {"Meeting changed", "일정 변경"}, "type.calendar.cancelled": {"Meeting cancelled", "일정 취소"}, "type.calendar.reminder": {"Reminder", "일정 알림"}, "type.task.assigned": {"Task assigned", "할 일 배정"}, "type.task.updated": {"Task changed", "할 일 변경"}, "type.task.due": {"Task due", "할 일 마감"}, "type.task.completed": {"Task completed", "할 일 완료"}, "type.feed.published": {"News", "새 소식"}, "type.notice": {"Notice of a system", "시스템 알림"},
	"how": {"How", "방식"}, "bundle": {"Put mails together that follow within (seconds)", "다음 시간 안에 이어 온 메일 묶기(초)"}, "bundle.hint": {"The first mail is told at once; those that follow are one notice. 0: each by itself.", "첫 메일은 바로 알리고 이어 온 메일은 한 번에 알립니다. 0이면 따로 알립니다."},
	"liveFirst": {"While you look at the inbox, wait for it (seconds)", "받은 알림 화면을 보는 동안 기다리기(초)"}, "liveFirst.hint": {"Devices are told only when no inbox in front of you has shown the notice in that time. 0: at once.", "그 시간 안에 보고 있는 화면에 표시되지 않을 때만 기기로 알립니다. 0이면 바로 알립니다."},
	"privacy": {"On devices, show at most", "기기에 보이는 내용"}, "privacy.source": {"what the source allows", "출처에서 정한 대로"}, "privacy.full": {"everything", "모두"}, "privacy.sender": {"the sender only", "보낸 사람만"}, "privacy.none": {"only that there is something", "내용 숨기기"},
	"language": {"Language of notices", "알림 언어"}, "language.device": {"as the device has it", "기기 설정대로"}, "keepRead": {"Do not clear the other devices when I read on one", "한 기기에서 읽어도 다른 기기의 알림을 남겨 두기"},
	"rule": {"A rule in one line", "한 줄 규칙"}, "rule.hint": {"Gives urgent, tell, inbox or an empty text. For example: mail.from matches \"@boss\" ? \"urgent\" : \"\"", "urgent, tell, inbox 또는 빈 글자를 돌려줍니다. 예: mail.from matches \"@boss\" ? \"urgent\" : \"\""}, "preferences.wrong": {"Not saved: some fields are not right.", "저장하지 못했습니다. 올바르지 않은 칸이 있습니다."},

	"done.saved": {"Saved.", "저장했습니다."}, "done.allowed": {"This browser gets notices now. Send it a test.", "이제 이 브라우저로 알림을 받습니다. 시험 알림을 보내 보세요."}, "done.named": {"The device has its name.", "기기 이름을 바꿨습니다."}, "done.tested": {"A test is on its way.", "시험 알림을 보냈습니다."}, "done.removed": {"The device is removed.", "기기를 삭제했습니다."}, "done.session": {"That browser is signed out.", "그 브라우저에서 로그아웃했습니다."}, "done.welcome": {"Welcome. Allow notices on this browser next.", "환영합니다. 이제 이 브라우저의 알림을 허용해 보세요."},
}
