// Package connectors lists the kinds of connectors. A new one is one folder and one line here.
package connectors

import (
	"allim.dev/allim/connectors/caldav"
	"allim.dev/allim/connectors/feed"
	"allim.dev/allim/connectors/folder"
	"allim.dev/allim/connectors/imap"
	"allim.dev/allim/notify"
)

// Kinds are all kinds of sources that there are.
var Kinds = []notify.ConnectorKind{
	imap.Kind,
	caldav.Kind,
	feed.Kind,
	folder.Kind,
}
