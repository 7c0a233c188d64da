package describe

import (
	"net/http"
	"reflect"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

const formType = "application/x-www-form-urlencoded"

// oldRaws are the calls that foreign documents and old programs make.
func oldRaws() []Raw {
	send := []notify.Scope{notify.ScopeSend}
	return append([]Raw{
		{Method: http.MethodPost, Path: "/v1/ingest/{mapping}", Scopes: send, Status: http.StatusAccepted,
			entry: entry{"ingest", groupOld, "Takes any XML, SOAP or JSON document that a mapping of the configuration turns into " +
				"notifications: all of them or none. What it answers is the mapping's to say.", nil},
			Request: []Media{{Type: "application/xml", Example: "<Order no=\"4711\"><Owner id=\"E1001\"/></Order>"}, {Type: "application/json"}},
			Answer:  []Media{{Type: "application/json", Struct: reflect.TypeFor[wire.Ingested]()}, {Type: "application/xml"}}},
		{Method: http.MethodPost, Path: "/v1/mappings/{mapping}/try", Scopes: send, Status: http.StatusOK,
			entry:   entry{"tryMapping", groupOld, "Tells what such a document would send, and to whom, and sends nothing.", nil},
			Request: []Media{{Type: "application/xml", Example: "<Order no=\"4711\"><Owner id=\"E1001\"/></Order>"}, {Type: "application/json"}},
			Answer:  []Media{{Type: "application/json", Struct: reflect.TypeFor[wire.Trial]()}, {Type: "application/xml"}}},
	}, compatRaws()...)
}

// compatRaws are those of package compat.
func compatRaws() []Raw {
	own := func(path string, e entry) Raw {
		return Raw{Method: http.MethodPost, Path: path, Scopes: []notify.Scope{notify.ScopeSend}, Status: http.StatusOK, Own: true, entry: e}
	}
	c2dm := own("/compat/c2dm/send", entry{"c2dmSend", groupOld, "C2DM: a message to one registration id, an identity of the kind c2dm.", nil})
	c2dm.Request = []Media{{Type: formType, Example: "registration_id=OLD-ID&collapse_key=order&data.title=Order+4711&data.message=was+approved"}}
	c2dm.Answer = []Media{{Type: "text/plain", Example: "id=0:" + uuid + "-0\n"}}
	gcm := own("/compat/gcm/send", entry{"gcmSend", groupOld, "GCM: a message to up to 1,000 registration ids, each an identity of the kind gcm " +
		"or a token of FCM that is registered, or to a topic.", nil})
	gcm.Request = []Media{{Type: "application/json", Example: `{"registration_ids":["OLD-1","OLD-2"],"notification":{"title":"Order 4711","body":"was approved"},"data":{"order":"4711"},"time_to_live":3600}`},
		{Type: formType, Example: "registration_id=OLD-1&data.title=Order+4711"}}
	gcm.Answer = []Media{{Type: "application/json", Example: `{"multicast_id":108,"success":1,"failure":1,"canonical_ids":0,"results":[{"message_id":"0:` + uuid + `-0"},{"error":"NotRegistered"}]}`},
		{Type: "text/plain", Example: "id=0:" + uuid + "-0\n"}}
	fcm := gcm
	fcm.Path, fcm.entry = "/compat/fcm/send", entry{"fcmSend", groupOld, "FCM's legacy HTTP: the same as GCM's.", nil}
	mpns := own("/compat/mpns/{channel}", entry{"mpnsSend", groupOld, "MPNS: a toast, a tile or a raw message to a channel, an identity of the kind mpns. " +
		"The answer is in X-NotificationStatus, X-DeviceConnectionStatus and X-SubscriptionStatus.", nil})
	mpns.Params = []Param{{Name: "X-WindowsPhone-Target", In: "header", Text: "toast, or token for a tile; left out for a raw message"},
		{Name: "X-NotificationClass", In: "header", Text: "1, 2, 3 at once, 11, 12, 13 soon, 21, 22, 23 later"},
		{Name: "X-MessageID", In: "header", Text: "given back"}}
	mpns.Request = []Media{{Type: "text/xml", Example: `<wp:Notification xmlns:wp="WPNotification"><wp:Toast><wp:Text1>Order 4711</wp:Text1><wp:Text2>was approved</wp:Text2></wp:Toast></wp:Notification>`}}
	mpns.Also = map[int]string{http.StatusNotFound: "Nobody has the channel.", http.StatusPreconditionFailed: "The person has no device."}
	gorush := own("/compat/api/push", entry{"gorushCompat", groupOld, "gorush: notifications to tokens that are registered, or to old registration ids; all or none.", nil})
	gorush.Request = []Media{{Type: "application/json", Example: `{"notifications":[{"tokens":["TOKEN"],"platform":2,"title":"Order 4711","message":"was approved"}]}`}}
	gorush.Answer = []Media{{Type: "application/json", Example: `{"counts":1,"logs":[],"success":"ok"}`}}
	push := gorush
	push.Path, push.entry = "/api/push", entry{"gorushPush", groupOld, "The same, where gorush itself has it.", nil}
	return []Raw{c2dm, gcm, fcm, mpns, gorush, push}
}
