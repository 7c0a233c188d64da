package api

import (
	"net/http"
	"slices"

	"allim.dev/allim/notify"
)

// Base is the path below which the API's calls are.
const Base = "/v1"

// Who may make a call: a key with one of the scopes. admin has all of them but a person's.
func open() []notify.Scope   { return nil }
func admin() []notify.Scope  { return []notify.Scope{notify.ScopeAdmin} }
func read() []notify.Scope   { return []notify.Scope{notify.ScopeRead} }
func send() []notify.Scope   { return []notify.Scope{notify.ScopeSend} }
func person() []notify.Scope { return []notify.Scope{notify.ScopeUser} }

// follow: a key that may only send follows its own notifications.
func follow() []notify.Scope { return []notify.Scope{notify.ScopeRead, notify.ScopeSend} }

// app is an app, or its backend for it.
func app() []notify.Scope { return []notify.Scope{notify.ScopeUser, notify.ScopeSend} }

const (
	get  = http.MethodGet
	put  = http.MethodPut
	post = http.MethodPost
	del  = http.MethodDelete
)

// Routes is the table of all calls but the streams (Options.Routers) and GET /metrics.
func Routes() []Route {
	return slices.Concat(peopleRoutes(), tellingRoutes(), ownRoutes(), houseRoutes())
}

// peopleRoutes are users with their tokens, devices and topics.
func peopleRoutes() []Route {
	return []Route{
		entry(put, "/v1/users/{id}", admin(), (*API).putUser),
		entry(get, "/v1/users/{id}", read(), (*API).getUser),
		entry(del, "/v1/users/{id}", admin(), (*API).deleteUser),
		entry(get, "/v1/users", read(), (*API).listUsers).withQuery("identity", "cursor", "limit"),
		entry(post, "/v1/users/{id}/merge", admin(), (*API).mergeUser),
		entry(post, "/v1/users/{id}/tokens", admin(), (*API).postToken).withStatus(http.StatusCreated).withOptionalBody(),
		entry(post, "/v1/users/{id}/invitations", admin(), (*API).postInvitation).withStatus(http.StatusCreated),
		entry(put, "/v1/users/{id}/role", admin(), (*API).putRole),
		entry(get, "/v1/users/{id}/tokens", admin(), (*API).listTokens),
		entry(del, "/v1/users/{id}/tokens/{token}", admin(), (*API).deleteToken),
		entry(post, "/v1/users/{id}/devices", admin(), (*API).postDevice).withStatus(http.StatusCreated),
		entry(get, "/v1/users/{id}/devices", read(), (*API).listDevicesOf),
		entry(get, "/v1/devices", read(), (*API).listDevices).withQuery("cursor", "limit"),
		entry(get, "/v1/devices/{id}", read(), (*API).getDevice),
		entry(del, "/v1/devices/{id}", admin(), (*API).deleteDevice),
		entry(put, "/v1/topics/{topic}/members/{user}", admin(), (*API).putMember),
		entry(del, "/v1/topics/{topic}/members/{user}", admin(), (*API).deleteMember),
		entry(get, "/v1/topics", read(), (*API).listTopics).withQuery("cursor", "limit"),
		entry(get, "/v1/topics/{topic}", read(), (*API).getTopic).withQuery("cursor", "limit"),
	}
}

// tellingRoutes are notifications and what became of them.
func tellingRoutes() []Route {
	return []Route{
		entry(post, "/v1/notifications", send(), (*API).postNotification).withStatus(http.StatusAccepted),
		entry(get, "/v1/notifications", read(), (*API).listNotifications).withQuery("state", "user", "event", "cursor", "limit"),
		entry(get, "/v1/notifications/{id}", follow(), (*API).getNotification),
		entry(get, "/v1/notifications/{id}/deliveries", follow(), (*API).listDeliveries).withQuery("state", "cursor", "limit"),
		entry(post, "/v1/notifications/{id}/pause", send(), (*API).pause),
		entry(post, "/v1/notifications/{id}/resume", send(), (*API).resume),
		entry(post, "/v1/notifications/{id}/cancel", send(), (*API).cancel),
		entry(post, "/v1/notifications/{id}/approve", admin(), (*API).approve),
		entry(post, "/v1/notifications/{id}/refuse", admin(), (*API).refuseBroadcast),
		entry(get, "/v1/dead", read(), (*API).listDead).withQuery("cursor", "limit"),
		entry(post, "/v1/dead/{id}/replay", admin(), (*API).replay),
		entry(post, "/v1/receipts", app(), (*API).postReceipt),
		entry(get, "/v1/trace/{id}", read(), (*API).trace),
	}
}

// ownRoutes are for the signed-in person.
func ownRoutes() []Route {
	return []Route{
		entry(get, "/v1/me", person(), (*API).getMe),
		entry(get, "/v1/me/inbox", person(), (*API).getMyInbox).withQuery("cursor", "limit"),
		entry(post, "/v1/me/devices", person(), (*API).postMyDevice).withStatus(http.StatusCreated),
		entry(get, "/v1/me/devices", person(), (*API).listMyDevices),
		entry(put, "/v1/me/devices/{id}", person(), (*API).putMyDevice),
		entry(del, "/v1/me/devices/{id}", person(), (*API).deleteMyDevice),
		entry(post, "/v1/me/devices/{id}/test", person(), (*API).testMyDevice).withStatus(http.StatusAccepted),
		entry(get, "/v1/me/preferences", person(), (*API).getPreferences),
		entry(put, "/v1/me/preferences", person(), (*API).putPreferences),
		entry(get, "/v1/me/marks", person(), (*API).listMarks).withQuery("after", "limit"),
		entry(post, "/v1/me/marks", person(), (*API).postMarks),
		entry(get, "/v1/me/sessions", person(), (*API).listSessions),
		entry(del, "/v1/me/sessions/{id}", person(), (*API).deleteSession),
	}
}

// houseRoutes are for those who run the hub.
func houseRoutes() []Route {
	return []Route{
		entry(post, "/v1/accounts", admin(), (*API).postAccount).withStatus(http.StatusCreated),
		entry(get, "/v1/accounts", read(), (*API).listAccounts).withQuery("source", "cursor", "limit"),
		entry(get, "/v1/accounts/{id}", read(), (*API).getAccount),
		entry(del, "/v1/accounts/{id}", admin(), (*API).deleteAccount),
		entry(get, "/v1/sources", read(), (*API).listSources),
		entry(get, "/v1/lanes", read(), (*API).listLanes),
		entry(get, "/v1/apps/{app}/webpush-key", open(), (*API).getWebPushKey),
		entry(post, "/v1/keys", admin(), (*API).postKey).withStatus(http.StatusCreated),
		entry(get, "/v1/keys", admin(), (*API).listKeys),
		entry(del, "/v1/keys/{id}", admin(), (*API).deleteKey),
		entry(get, "/healthz", open(), (*API).healthz),
		entry(get, "/readyz", open(), (*API).readyz),
	}
}
