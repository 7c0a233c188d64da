package simulate

import (
	"net/http"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

func startWNS(st stage) (*platform, error) {
	s, err := sim.NewWNS(sim.WNSOptions{Addr: st.addr, CA: st.ca, Clock: st.clock})
	if err != nil {
		return nil, err
	}
	app := sim.WNSApp{Tenant: "11111111-2222-3333-4444-555555555555", Client: "66666666-7777-8888-9999-000000000000",
		Secret: "simulated-secret"}
	s.AddApp(app)
	mux := http.NewServeMux()
	mux.Handle("/", s.Handler())
	mux.HandleFunc("POST /channels", func(w http.ResponseWriter, _ *http.Request) {
		uri, err := s.NewChannel(app)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		writeJSON(w, struct {
			Token string `json:"token"`
		}{uri})
	})
	return &platform{
		name: notify.WNS, url: s.URL(), logs: []*sim.Log{s.Log()}, handler: mux, close: s.Close,
		settings: []setting{{"tenant_id", app.Tenant}, {"client_id", app.Client}, {"client_secret", app.Secret},
			{"token_endpoint", s.TokenURL(app)}, {"channel_hosts", "[127.0.0.1]"}, {"ca_file", st.caFile}},
		hint: "POST /wns/channels gives a new channel",
		target: target{pushes: s.Script, clear: s.ClearScript, anyLogin: sim.WNSToken,
			login: func(_ string, f ...sim.Fault) { s.Script(sim.WNSToken, f...) }},
	}, nil
}
