package simulate

import (
	"net/http"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// table is the table of simulators, in the order in which they are shown and take their ports: a new one is one line.
func table() []func(stage) (*platform, error) {
	return []func(stage) (*platform, error){startAPNs, startFCM, startWNS, startWebPush, startWebhook}
}

// stage is what a simulator is started with.
type stage struct {
	addr   string // empty: a free port on loopback
	dir    string // for credentials
	ca     *sim.CA
	caFile string
	clock  notify.Clock
}

// platform is one simulator as this package sees it.
type platform struct {
	name     notify.Platform
	url      string
	settings []setting // its section of an app
	hint     string    // how to come by a device to push to
	logs     []*sim.Log
	handler  http.Handler // what it shows of itself
	target   target
	close    func() error
}

// setting is one line of a platform's section.
type setting struct{ key, value string }

// target says how faults reach a simulator.
type target struct {
	// pushes scripts for pushes: to a device's token, from a credential, or for sim.Everyone.
	pushes func(key string, f ...sim.Fault)
	// login scripts for logins of a credential ("": of any); nil: this platform has no login.
	login func(id string, f ...sim.Fault)
	// anyLogin is the key of faults for logins of any credential, for clear.
	anyLogin string
	// noCredential: faults cannot be scripted for a credential.
	noCredential bool
	// frames: it plays what only HTTP/2 has, reset and goAway.
	frames bool
	clear  func(key string)
}
