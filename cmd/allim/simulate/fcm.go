package simulate

import (
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

func startFCM(st stage) (*platform, error) {
	account, err := sim.NewFCMAccount("allim-simulated")
	if err != nil {
		return nil, err
	}
	s, err := sim.NewFCM(sim.FCMOptions{Addr: st.addr, CA: st.ca, Clock: st.clock})
	if err != nil {
		return nil, err
	}
	file, err := account.File(st.dir, s.TokenURL())
	if err != nil {
		_ = s.Close() // the first error counts
		return nil, err
	}
	s.AddAccount(account)
	return &platform{
		name: notify.FCM, url: s.URL(), logs: []*sim.Log{s.Log(), s.Logins()}, handler: s.Handler(), close: s.Close,
		settings: []setting{{"credentials_file", file}, {"endpoint", s.URL()}, {"token_endpoint", s.TokenURL()}, {"ca_file", st.caFile}},
		hint:     "any well-formed registration token; the credential is " + account.Email,
		target: target{pushes: s.Script, clear: s.ClearScript, anyLogin: account.Email, frames: true,
			login: func(email string, f ...sim.Fault) {
				if email == "" {
					email = account.Email
				}
				s.ScriptLogin(email, f...)
			}},
	}, nil
}
