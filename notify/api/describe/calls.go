package describe

import "net/http"

// entry is what a call is for.
type entry struct {
	ID    string // a name for programs, and of its page
	Group string // the heading that it stands under
	Text  string
	// Also are statuses of a success besides the usual one, with what they mean.
	Also map[int]string
}

// The headings, in the order of the pages.
const (
	groupSend    = "Telling"
	groupPeople  = "People"
	groupDevices = "Devices"
	groupTopics  = "Topics"
	groupSources = "Sources"
	groupMe      = "The signed-in person"
	groupHouse   = "Running the hub"
	groupOld     = "Old systems"
)

func groups() []string {
	return []string{groupSend, groupPeople, groupDevices, groupTopics, groupSources, groupMe, groupHouse, groupOld}
}

// known is the second answer to a call that makes or updates.
func known(text string) map[int]string { return map[int]string{http.StatusOK: text} }

// entries has a line for every call of the table of routes.
func entries() map[string]entry {
	return map[string]entry{
		"POST /v1/notifications": {"send", groupSend, "Sends a notification. The answer comes after it is on disk, so that an " +
			"accepted one is never lost; Location names it. The same Idempotency-Key with the same body gives the same answer " +
			"again for a day and sends nothing.", nil},
		"GET /v1/notifications":                 {"listNotifications", groupSend, "Lists notifications, newest first.", nil},
		"GET /v1/notifications/{id}":            {"getNotification", groupSend, "Tells how far a notification is. A key with only the scope send sees what it sent itself.", nil},
		"GET /v1/notifications/{id}/deliveries": {"listDeliveries", groupSend, "Lists each delivery of a notification, where a row of it is kept: all of an audience of up to a hundred devices, else what did not go smoothly.", nil},
		"POST /v1/notifications/{id}/pause":     {"pauseNotification", groupSend, "Holds a notification; what is under way goes out.", nil},
		"POST /v1/notifications/{id}/resume":    {"resumeNotification", groupSend, "Goes on with a paused notification.", nil},
		"POST /v1/notifications/{id}/cancel":    {"cancelNotification", groupSend, "Ends a notification; what was sent stays sent.", nil},
		"POST /v1/notifications/{id}/approve":   {"approveNotification", groupSend, "Starts what waits for a second person's word (awaitingApproval). The key that sent it may not.", nil},
		"POST /v1/notifications/{id}/refuse":    {"refuseNotification", groupSend, "Ends what waits for a second person's word; nobody is told.", nil},
		"POST /v1/receipts":                     {"postReceipt", groupSend, "The app's own word that a notice was received or opened.", nil},
		"GET /v1/trace/{id}":                    {"trace", groupSend, "The life of an event, a notification or a delivery, step by step.", nil},
		"GET /v1/dead":                          {"listDead", groupSend, "Lists deliveries that were given up, with the platform's word.", nil},
		"POST /v1/dead/{id}/replay":             {"replayDelivery", groupSend, "Gives a delivery that was given up another try, with a day's time.", nil},

		"PUT /v1/users/{id}": {"putUser", groupPeople, "Makes a person or replaces what is known of one.",
			map[int]string{http.StatusCreated: "The person is new."}},
		"GET /v1/users/{id}":                   {"getUser", groupPeople, "Shows a person.", nil},
		"DELETE /v1/users/{id}":                {"deleteUser", groupPeople, "Erases a person with devices, tokens and inbox.", nil},
		"GET /v1/users":                        {"listUsers", groupPeople, "Lists people by id, or finds the one that an identity names.", nil},
		"POST /v1/users/{id}/merge":            {"mergeUser", groupPeople, "Makes two users that are one person one: this one becomes a part of the other.", nil},
		"POST /v1/users/{id}/invitations":      {"postInvitation", groupPeople, "Makes a link that lets the person in once. It is shown this once; the person's former one ends.", nil},
		"PUT /v1/users/{id}/role":              {"putRole", groupPeople, "Says what part the person has in running the hub.", nil},
		"POST /v1/users/{id}/tokens":           {"postToken", groupPeople, "Makes a person's own token, for an app's backend to hand to its app. It is shown this once.", nil},
		"GET /v1/users/{id}/tokens":            {"listTokens", groupPeople, "Lists a person's tokens, without their secrets.", nil},
		"DELETE /v1/users/{id}/tokens/{token}": {"deleteToken", groupPeople, "Ends a token, such as a lost phone's.", nil},

		"POST /v1/users/{id}/devices": {"postDevice", groupDevices, "Registers a device of a person. The same token again updates the device, and hands it over when the person is another one.", known("The device was known.")},
		"GET /v1/users/{id}/devices":  {"listDevicesOf", groupDevices, "Lists a person's devices, oldest first.", nil},
		"GET /v1/devices":             {"listDevices", groupDevices, "Lists all devices, oldest first.", nil},
		"GET /v1/devices/{id}":        {"getDevice", groupDevices, "Shows a device.", nil},
		"DELETE /v1/devices/{id}":     {"deleteDevice", groupDevices, "Removes a device.", nil},
		"GET /v1/apps/{app}/webpush-key": {"getWebPushKey", groupDevices,
			"The app's public VAPID key, for pushManager.subscribe; it is stable for years.", nil},

		"GET /v1/topics":                           {"listTopics", groupTopics, "Lists topics by name.", nil},
		"GET /v1/topics/{topic}":                   {"getTopic", groupTopics, "Lists a topic's members.", nil},
		"PUT /v1/topics/{topic}/members/{user}":    {"putMember", groupTopics, "Adds a person to a topic. A topic exists while it has members.", nil},
		"DELETE /v1/topics/{topic}/members/{user}": {"deleteMember", groupTopics, "Takes a person out of a topic.", nil},

		"POST /v1/accounts":        {"postAccount", groupSources, "Adds a mailbox or calendar home to watch, and who is told of it.", known("The account was known, and is updated.")},
		"GET /v1/accounts":         {"listAccounts", groupSources, "Lists accounts with their health, by source and login.", nil},
		"GET /v1/accounts/{id}":    {"getAccount", groupSources, "Shows an account with its health.", nil},
		"DELETE /v1/accounts/{id}": {"deleteAccount", groupSources, "Stops watching an account.", nil},
		"GET /v1/sources":          {"listSources", groupSources, "Lists the servers that IT connected, with their health.", nil},

		"GET /v1/me":                 {"getMe", groupMe, "The signed-in person, and where the inbox ends at this moment.", nil},
		"GET /v1/me/inbox":           {"getMyInbox", groupMe, "What the person was told, oldest first.", nil},
		"POST /v1/me/devices":        {"postMyDevice", groupMe, "Registers the device that the app runs on.", known("The device was known.")},
		"GET /v1/me/devices":         {"listMyDevices", groupMe, "Lists the person's own devices.", nil},
		"DELETE /v1/me/devices/{id}": {"deleteMyDevice", groupMe, "Removes one of the person's own devices.", nil},

		"PUT /v1/me/devices/{id}":       {"nameMyDevice", groupMe, "Gives one of the person's own devices a name.", nil},
		"POST /v1/me/devices/{id}/test": {"testMyDevice", groupMe, "Sends a test to one of the person's own devices.", nil},
		"GET /v1/me/preferences":        {"getPreferences", groupMe, "What the person wants: choices, quiet hours, a rule, and how.", nil},
		"PUT /v1/me/preferences":        {"putPreferences", groupMe, "Replaces what the person wants. The hub keeps to it on every channel.", nil},
		"GET /v1/me/marks":              {"listMarks", groupMe, "What was seen or read since an answer before; without after only where that ends.", nil},
		"POST /v1/me/marks":             {"postMarks", groupMe, "Marks items of the inbox as seen by an open page, or as read. Reading clears them on the person's other devices.", nil},
		"GET /v1/me/sessions":           {"listSessions", groupMe, "Lists the browsers in which the person is signed in.", nil},
		"DELETE /v1/me/sessions/{id}":   {"deleteSession", groupMe, "Signs a browser out.", nil},

		"GET /v1/lanes":        {"listLanes", groupHouse, "Lists the apps on their platforms, with their health and queues.", nil},
		"POST /v1/keys":        {"postKey", groupHouse, "Makes an API key. Its secret is shown this once.", nil},
		"GET /v1/keys":         {"listKeys", groupHouse, "Lists API keys, without their secrets.", nil},
		"DELETE /v1/keys/{id}": {"deleteKey", groupHouse, "Revokes an API key.", nil},
		"GET /healthz":         {"healthz", groupHouse, "The process lives.", nil},
		"GET /readyz": {"readyz", groupHouse, "Requests can be served.",
			map[int]string{http.StatusServiceUnavailable: "Requests cannot be served; the faults say why."}},
	}
}
