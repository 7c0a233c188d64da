package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"time"
)

// The harms of chaos. Each goes on until ctx ends, and leaves the hub running.

// waiting does nothing: the fault is the simulator's or the hub's own.
func waiting(ctx context.Context, _ *world, _ *rand.Rand) error {
	<-ctx.Done()
	return nil
}

// killing kills the hub at random moments and starts it again at once.
func killing(ctx context.Context, w *world, chance *rand.Rand) error {
	for pause(ctx, time.Duration(200+chance.IntN(1200))*time.Millisecond) == nil {
		if err := w.again(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// resetting cuts all connections to the platforms at random moments.
func resetting(ctx context.Context, w *world, chance *rand.Rand) error {
	for pause(ctx, time.Duration(20+chance.IntN(400))*time.Millisecond) == nil {
		if err := w.sim.Disconnect(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// locking holds the database's write lock now and then, as a backup program would.
func locking(ctx context.Context, w *world, chance *rand.Rand) (err error) {
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.Join(w.data(), "allim.db")}).EscapedPath(),
		RawQuery: "_txlock=immediate&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for pause(ctx, time.Duration(100+chance.IntN(400))*time.Millisecond) == nil {
		tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
		if err != nil {
			return fmt.Errorf("lock the database: %w", err)
		}
		_ = pause(ctx, time.Duration(200+chance.IntN(1500))*time.Millisecond)
		if err := tx.Rollback(); err != nil {
			return fmt.Errorf("unlock the database: %w", err)
		}
	}
	return nil
}
