package notifytest

import "allim.dev/allim/notify"

func oldIDsSuite() []storeCase {
	return []storeCase{{"old ids: by identity, else by a token of today", oldIDsFound}}
}

func oldIDsFound(x *storeTest) {
	_, err := x.PutUser(x.ctx(), notify.User{ID: "kim", Identities: []notify.Identity{{Kind: notify.KindGCM, Value: "old-1"}, {Kind: "email", Value: "old-3"}}})
	x.ok(err)
	x.user("lee")
	fcm := notify.Lane{App: "corp", Platform: notify.FCM}
	second := x.register("lee", notify.Lane{App: "other", Platform: notify.FCM}, "00ff00ff")
	x.register("lee", phones, "phone-token")
	find := func() []notify.Holder {
		x.t.Helper()
		list, err := x.Holders(x.ctx(), notify.KindGCM, []notify.Platform{notify.FCM},
			[]string{"old-1", "00ff00ff", "nobody", "old-3", "phone-token", "both", "00ff00ff"})
		x.ok(err)
		return list
	}
	lee := notify.Holder{User: "lee", Device: second.ID, Live: true}
	x.same("holders", find(), []notify.Holder{{User: "kim"}, lee, {}, {}, {}, {}, lee})
	// An identity goes before a token, and the user then has a device.
	_, err = x.PutUser(x.ctx(), notify.User{ID: "kim", Identities: []notify.Identity{{Kind: notify.KindGCM, Value: "old-1"}, {Kind: notify.KindGCM, Value: "both"}}})
	x.ok(err)
	x.register("kim", fcm, "both")
	kim := notify.Holder{User: "kim", Live: true}
	x.same("holders with a device", find(), []notify.Holder{kim, lee, {}, {}, {}, kim, lee})
	none, err := x.Holders(x.ctx(), notify.KindGCM, nil, []string{"00ff00ff"})
	x.ok(err)
	x.same("no platform", none, []notify.Holder{{}})
}
