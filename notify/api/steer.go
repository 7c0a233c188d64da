package api

import (
	"context"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// visible gives the notification of the path. A key that may only send sees and steers only what it sent itself.
func (a *API) visible(c *call, all notify.Scope) (notify.Notification, error) {
	return a.visibleNotification(c, c.param("id"), all)
}

func (a *API) visibleNotification(c *call, id string, all notify.Scope) (notify.Notification, error) {
	n, err := a.store.Notification(c.ctx, id)
	if err == nil && !c.key.Allows(all) && n.By != c.key.ID {
		err = notify.Errorf(notify.CodeUnknownNotification, "this key sent no notification with this id")
	}
	return n, err
}

func (a *API) pause(c *call, _ *wire.None) (*wire.Notification, error) {
	return a.steer(c, a.hub.Pause)
}

func (a *API) resume(c *call, _ *wire.None) (*wire.Notification, error) {
	return a.steer(c, a.hub.Resume)
}

func (a *API) cancel(c *call, _ *wire.None) (*wire.Notification, error) {
	return a.steer(c, a.hub.Cancel)
}

// approve starts what waits for a second person's word; not with the key that sent it.
func (a *API) approve(c *call, _ *wire.None) (*wire.Notification, error) {
	return a.steer(c, func(ctx context.Context, id string) (notify.Notification, error) {
		return a.hub.Approve(ctx, id, c.key.ID)
	})
}

// refuseBroadcast ends what waits for a second person's word.
func (a *API) refuseBroadcast(c *call, _ *wire.None) (*wire.Notification, error) {
	return a.steer(c, a.hub.Refuse)
}

// steer pauses, resumes or cancels; an admin any notification, a sender its own.
func (a *API) steer(c *call, do func(ctx context.Context, id string) (notify.Notification, error)) (*wire.Notification, error) {
	if _, err := a.visible(c, notify.ScopeAdmin); err != nil {
		return nil, err
	}
	n, err := do(c.ctx, c.param("id"))
	if err != nil {
		return nil, err
	}
	return a.shown(n), nil
}
