package notifytest

import (
	"fmt"
	"maps"
	"testing"

	"allim.dev/allim/notify"
)

// ConnectorSetup is a connector with its source, as ConnectorSuite needs them.
type ConnectorSetup struct {
	// New makes a connector to the same source as before; it is called many times in a test.
	New func(t *testing.T) notify.Connector
	// Accounts are the accounts at the source; one is enough.
	Accounts []notify.Account
	// Happen makes one thing happen in the first account that is to be told; n differs each time.
	Happen func(t *testing.T, n int)
	// Break makes the source unusable, Mend usable again.
	Break, Mend func(t *testing.T)
}

// ConnectorSuite is what every connector must do, whatever it watches. setup makes a fresh source for each test.
func ConnectorSuite(t *testing.T, setup func(t *testing.T) ConnectorSetup) {
	for name, test := range map[string]func(*testing.T, *connectorRun){
		"it stops at any time": stopsAnyTime, "what was there is not told": baseline, "told once over restarts": onceOverRestarts,
		"a replay changes nothing": replay, "a refused batch is put again": refusedBatch, "it says how it is": health,
		"an account that goes is left alone": accountGoes,
	} {
		t.Run(name, func(t *testing.T) {
			s := setup(t)
			r := &connectorRun{setup: s, t: t, watch: NewWatch(s.Accounts...)}
			r.account = r.watch.accounts[0].ID
			t.Cleanup(func() {
				r.stop()
				for _, b := range r.watch.Broken() {
					t.Errorf("a rule of the seam is broken: %s", b)
				}
			})
			test(t, r)
		})
	}
}

// connectorRun is one test of the suite.
type connectorRun struct {
	setup   ConnectorSetup
	t       *testing.T
	watch   *Watch
	account string
	run     *Running
	n       int
}

func (r *connectorRun) start() {
	r.t.Helper()
	r.run = StartConnector(r.setup.New(r.t), r.watch)
}

func (r *connectorRun) stop() {
	r.t.Helper()
	if r.run == nil {
		return
	}
	if err := r.run.Stop(); err != nil {
		r.t.Errorf("Run returned %v", err)
	}
	r.run = nil
}

// well waits until the account was seen whole by the present run.
func (r *connectorRun) well() {
	r.t.Helper()
	Until(r.t, "the account to be watched", func() bool {
		h := r.watch.Health(r.account)
		return (h.State == notify.HealthWatching || h.State == notify.HealthPolling) && !h.LastOKAt.IsZero() && r.watch.reported()
	})
}

func (r *connectorRun) happen() {
	r.t.Helper()
	r.n++
	r.setup.Happen(r.t, r.n)
}

// told waits for n events, and that there are no more.
func (r *connectorRun) told(n int) {
	r.t.Helper()
	Until(r.t, fmt.Sprintf("event %d", n), func() bool { return len(r.watch.Events()) >= n })
	if got := len(r.watch.Events()); got != n {
		r.t.Errorf("%d events, want %d", got, n)
	}
}

func stopsAnyTime(_ *testing.T, r *connectorRun) {
	r.start()
	r.stop() // at once
	r.start()
	r.well()
	r.stop() // at rest
	r.setup.Break(r.t)
	r.start()
	Until(r.t, "trouble", func() bool { return r.watch.Health(r.account).LastError != "" })
	r.stop() // in trouble
}

func baseline(_ *testing.T, r *connectorRun) {
	r.happen()
	r.happen()
	r.start()
	r.well()
	r.happen()
	r.told(1)
}

func onceOverRestarts(_ *testing.T, r *connectorRun) {
	r.start()
	r.well()
	for n := 1; n <= 3; n++ {
		r.happen()
		r.told(n)
		r.stop()
		r.start()
		r.well()
	}
	r.stop()
	r.happen() // while nobody looks
	r.start()
	r.told(4)
}

func replay(t *testing.T, r *connectorRun) {
	r.start()
	r.well()
	before := r.watch.State(r.account)
	r.happen()
	r.told(1)
	r.stop()
	after := r.watch.State(r.account)
	r.watch.Restore(r.account, before)
	r.start()
	r.well()
	r.happen()
	r.told(2)
	if maps.EqualFunc(before, after, func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Error("the state did not move with the event: a restart would miss or repeat it")
	}
}

func refusedBatch(t *testing.T, r *connectorRun) {
	r.start()
	r.well()
	refused := 0
	r.watch.Refuse(func(b notify.Batch) error {
		if len(b.Events) == 0 || refused == 2 {
			return nil
		}
		refused++
		return notify.Errorf(notify.CodeUnavailable, "busy")
	})
	r.happen()
	r.told(1)
	if refused != 2 {
		t.Errorf("%d batches were refused", refused)
	}
}

func health(t *testing.T, r *connectorRun) {
	r.start()
	r.well()
	r.setup.Break(r.t)
	Until(t, "trouble", func() bool {
		h := r.watch.Health(r.account)
		return h.State != notify.HealthWatching && h.LastError != "" && !h.LastErrorAt.IsZero()
	})
	r.happen() // it may wait in the source until it is mended
	r.setup.Mend(r.t)
	r.well()
	r.told(1)
	if h := r.watch.Health(r.account); h.LastError == "" || h.LastOKAt.Before(h.LastErrorAt) {
		t.Errorf("after the trouble: %+v", h)
	}
}

func accountGoes(_ *testing.T, r *connectorRun) {
	r.start()
	r.well()
	r.watch.SetAccounts()
	r.happen()
	r.watch.SetAccounts(r.setup.Accounts...)
	r.well()
	r.happen()
	Until(r.t, "the event after it came back", func() bool { return len(r.watch.Events()) >= 1 })
}
