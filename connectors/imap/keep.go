package imap

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"allim.dev/allim/notify"
)

// restore reads the stored state, once.
func (a *account) restore(ctx context.Context) error {
	if a.loaded {
		return nil
	}
	state, err := a.load(ctx)
	if err != nil {
		return err
	}
	for _, name := range folderNames(state) {
		f := &folder{name: name}
		if f.st, f.known = decodeState(state[stateKey(name)]); f.known {
			f.ring = state[ringKey(name, f.st.Slot)]
			a.folders = append(a.folders, f)
		}
	}
	a.loaded = true
	return nil
}

func (a *account) load(ctx context.Context) (map[string][]byte, error) {
	state, err := a.src.watch.Load(ctx, a.id)
	if err != nil {
		return nil, storeTrouble(err)
	}
	return state, nil
}

// put stores a batch, trying again while the store is in trouble: what was seen is in memory only here, but the server
// has it still, so nothing is lost by giving up after some tries.
func (a *account) put(ctx context.Context, b notify.Batch) error {
	const tries = 5
	wait := backoff{first: 100 * time.Millisecond, last: 5 * time.Second}
	for n := 1; ; n++ {
		err := a.src.watch.Put(ctx, b)
		if err == nil {
			break
		}
		if t := storeTrouble(err); n == tries || errors.Is(t, errGone) || errors.Is(t, errStale) || ctx.Err() != nil {
			return t
		}
		a.src.sleep(ctx, wait.next(), nil)
	}
	if len(b.Events) > 0 {
		a.lastActive = a.src.clock.Now()
		a.health.event()
	}
	return nil
}

func storeTrouble(err error) error {
	switch notify.CodeOf(err) {
	case notify.CodeStaleEpoch:
		return errStale
	case notify.CodeUnknownAccount:
		return errGone
	}
	return &trouble{kind: kindStore, text: "what was seen could not be stored; it is looked at again", err: err}
}

func (a *account) note(text string) {
	a.health.note(text)
	a.src.log.Info("an IMAP account is odd", slog.String("account", a.id), slog.String("note", text))
}

// observe keeps what a connection had to say beside the mail.
func (a *account) observe(l *link) {
	if l.alert != "" {
		a.health.note("the server says: " + l.alert)
		l.alert = ""
	}
	if l.odd != "" && !a.odd {
		a.odd = true
		a.health.note("survived unknown responses of the server, such as " + l.odd)
	}
}

// folder finds or makes what is known of a folder.
func (a *account) folder(name string) *folder {
	for _, f := range a.folders {
		if f.name == name {
			return f
		}
	}
	f := &folder{name: name}
	a.folders = append(a.folders, f)
	return f
}
