package notify

import (
	"errors"
	"sync"
)

// payloads keeps what was rendered for the notifications under way: once per variant, not per device.
type payloads struct {
	adapter Adapter
	mu      sync.Mutex
	kept    map[payloadKey]*rendered
}

type payloadKey struct {
	notification string
	variant      Variant
}

type rendered struct {
	once sync.Once
	p    Payload
	err  error
}

// payloadsKept bounds the memory: past it, all are forgotten and rendered again when needed.
const payloadsKept = 512

func newPayloads(a Adapter) *payloads {
	return &payloads{adapter: a, kept: map[payloadKey]*rendered{}}
}

// getAs gives the payload of a notification, rendered once for each variant, under a name: its id, or another one for the
// other words that it is told in.
func (p *payloads) getAs(name string, n *Notification, v Variant) (Payload, error) {
	key := payloadKey{name, v}
	p.mu.Lock()
	r := p.kept[key]
	if r == nil {
		if len(p.kept) >= payloadsKept {
			clear(p.kept)
		}
		r = &rendered{}
		p.kept[key] = r
	}
	p.mu.Unlock()
	r.once.Do(func() { r.p, r.err = p.render(*n, v) })
	return r.p, r.err
}

// render keeps a panic over one notification from ending the hub, at once and at every start after.
func (p *payloads) render(n Notification, v Variant) (out Payload, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the adapter panicked over it")
		}
	}()
	return p.adapter.Render(n, v)
}
