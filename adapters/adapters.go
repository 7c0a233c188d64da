// Package adapters lists the platforms that the hub pushes to. A new one is one folder and one line here.
package adapters

import (
	"allim.dev/allim/adapters/apns"
	"allim.dev/allim/adapters/fcm"
	"allim.dev/allim/adapters/webhook"
	"allim.dev/allim/adapters/webpush"
	"allim.dev/allim/adapters/wns"
	"allim.dev/allim/notify"
)

// Kinds are all adapters.
var Kinds = []notify.AdapterKind{
	apns.Kind,
	fcm.Kind,
	wns.Kind,
	webpush.Kind,
	webhook.Kind,
}
