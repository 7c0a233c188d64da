package simulate

import (
	"net/http"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

func startWebPush(st stage) (*platform, error) {
	s, err := sim.NewWebPush(sim.WebPushOptions{Addr: st.addr, CA: st.ca, Clock: st.clock})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.Handler())
	mux.HandleFunc("POST /subscriptions", func(w http.ResponseWriter, r *http.Request) {
		mode := sim.PushMode(r.FormValue("mode"))
		if mode == "" {
			mode = sim.ModeRFC
		}
		sub, err := s.NewSubscription(mode, r.FormValue("key"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		writeJSON(w, sub)
	})
	return &platform{
		name: notify.WebPush, url: s.URL(), logs: []*sim.Log{s.Log()}, handler: mux, close: s.Close,
		settings: []setting{{"subject", "mailto:it@example.com"}, {"ca_file", st.caFile}},
		hint:     "POST /webpush/subscriptions?key=PUBLICKEY gives a new browser's subscription",
		target:   target{pushes: s.Script, clear: s.ClearScript},
	}, nil
}
