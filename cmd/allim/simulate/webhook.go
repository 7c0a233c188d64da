package simulate

import (
	"net/http"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

func startWebhook(st stage) (*platform, error) {
	const secret = "simulated-webhook-secret"
	s, err := sim.NewWebhook(sim.WebhookOptions{Addr: st.addr, CA: st.ca, Clock: st.clock, Secret: secret})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.Handler())
	mux.HandleFunc("POST /hooks", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, struct {
			Token string `json:"token"`
		}{s.NewHook()})
	})
	return &platform{
		name: notify.Webhook, url: s.URL(), logs: []*sim.Log{s.Log()}, handler: mux, close: s.Close,
		settings: []setting{{"secret", secret}, {"ca_file", st.caFile}},
		hint:     "POST /webhook/hooks gives a new URL",
		target:   target{pushes: s.Script, clear: s.ClearScript, noCredential: true},
	}, nil
}
