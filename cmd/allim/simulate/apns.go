package simulate

import (
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

func startAPNs(st stage) (*platform, error) {
	key, err := sim.NewAPNsKey("TEAM123456", "ABC123DEFG")
	if err != nil {
		return nil, err
	}
	file, err := key.File(st.dir)
	if err != nil {
		return nil, err
	}
	s, err := sim.NewAPNs(sim.APNsOptions{Addr: st.addr, CA: st.ca, Clock: st.clock})
	if err != nil {
		return nil, err
	}
	s.AddKey(key)
	return &platform{
		name: notify.APNs, url: s.URL(), logs: []*sim.Log{s.Log()}, handler: s.Handler(), close: s.Close,
		settings: []setting{{"key_file", file}, {"key_id", key.ID}, {"team_id", key.Team}, {"topic", "com.example.mail"},
			{"environment", notify.Production}, {"endpoint", s.URL()}, {"ca_file", st.caFile}},
		hint:   "any token of 64 hex digits",
		target: target{pushes: s.Script, clear: s.ClearScript, frames: true},
	}, nil
}
