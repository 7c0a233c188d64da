package sqlite

import (
	"cmp"
	"context"
	"fmt"

	"allim.dev/allim/notify"
)

// States of a device, as stored.
const (
	deviceActive = iota
	deviceSuspect
	deviceRetired
)

const (
	sqlDeviceColumns = `d.key, u.id, l.app, l.platform, d.token, d.p256dh, d.auth, d.name, d.locale, d.time_zone,
		d.environment, d.state, d.reason, d.state_since, d.created_at, d.registered_at`
	sqlDeviceFrom = `SELECT ` + sqlDeviceColumns + ` FROM devices d JOIN users u ON u.key=d.user JOIN lanes l ON l.key=d.lane `
	sqlDevice     = sqlDeviceFrom + `WHERE d.key=?`
	sqlDevicesOf  = sqlDeviceFrom + `WHERE d.user=? ORDER BY d.key`
	// The joins are read in this order: devices by key, then the others for each.
	sqlDevices = `SELECT ` + sqlDeviceColumns + ` FROM devices d CROSS JOIN users u ON u.key=d.user CROSS JOIN lanes l ON l.key=d.lane
		WHERE d.key>? ORDER BY d.key LIMIT ?`
)

// deviceRow takes a device's columns.
type deviceRow struct {
	d                          notify.Device
	token                      token
	name, locale, zone, env    text
	reason                     text
	state                      int
	since, created, registered int64
}

func (r *deviceRow) dest() []any {
	return append(make([]any, 0, 32), // there is more to come behind them
		&r.d.Key, &r.d.User, &r.d.App, &r.d.Platform, &r.token, &r.d.P256dh, &r.d.Auth, &r.name, &r.locale, &r.zone,
		&r.env, &r.state, &r.reason, &r.since, &r.created, &r.registered)
}

func (s *Store) device(r *deviceRow) notify.Device {
	d := r.d
	d.ID, d.Token = s.deviceID(d.Key), string(r.token)
	d.Name, d.Locale, d.TimeZone, d.Environment = string(r.name), string(r.locale), string(r.zone), string(r.env)
	d.State = [...]notify.DeviceState{notify.DeviceActive, notify.DeviceSuspect, notify.DeviceRetired}[r.state]
	d.StateReason, d.StateSince, d.CreatedAt, d.RegisteredAt = string(r.reason), at(cmp.Or(r.since, r.created)), at(r.created), at(r.registered)
	return d
}

func (s *Store) scanDevice(r scanner) (notify.Device, error) {
	var row deviceRow
	if err := r.Scan(row.dest()...); err != nil {
		return notify.Device{}, err
	}
	return s.device(&row), nil
}

const (
	sqlDeviceByToken = `SELECT key, user, state, state_since FROM devices INDEXED BY devices_token WHERE token_hash=? AND lane=? AND token=?`
	sqlInsertDevice  = `INSERT INTO devices (user, lane, token, token_hash, p256dh, auth, name, locale, time_zone, environment,
		state, gone, state_since, created_at, registered_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?)`
	sqlUpdateDevice = `UPDATE devices SET user=?, p256dh=?, auth=?, name=?, locale=?, time_zone=?, environment=?, registered_at=?,
		state=0, gone=0, reason=NULL, state_since=? WHERE key=?`
)

// PutDevice implements notify.DeviceStore.
func (s *Store) PutDevice(ctx context.Context, d notify.Device) (notify.Device, bool, error) {
	type answer struct {
		d       notify.Device
		created bool
	}
	a, err := write(ctx, s, "put device", func(t *tx) (a answer, err error) {
		key, created, err := t.putDevice(d)
		if err != nil {
			return a, err
		}
		a.created = created
		a.d, err = s.scanDevice(t.row(sqlDevice, key))
		return a, err
	})
	return a.d, a.created, err
}

func (t *tx) putDevice(d notify.Device) (key int64, created bool, err error) {
	if d.RegisteredAt.IsZero() {
		d.RegisteredAt = t.now
	}
	user, err := userKey(t, d.User)
	if err != nil {
		return 0, false, err
	}
	lane, err := t.lane(d.Lane())
	if err != nil {
		return 0, false, err
	}
	packed, hash := packToken(d.Token), tokenHash(lane, d.Token)
	var owner, since int64
	var state int
	known, err := found(t.row(sqlDeviceByToken, hash, lane, packed).Scan(&key, &owner, &state, &since))
	if err != nil {
		return 0, false, err
	}
	registered := ms(d.RegisteredAt)
	name, locale, zone, env := orNull(d.Name), orNull(d.Locale), orNull(d.TimeZone), orNull(d.Environment)
	if !known {
		key, err = t.insert(sqlInsertDevice, user, lane, packed, hash, d.P256dh, d.Auth, name, locale, zone, env,
			registered, registered)
		t.lastDevice = 0
		return key, true, err
	}
	if owner != user {
		if err := t.suppressOf(owner, key, "the device was handed over to another user"); err != nil {
			return 0, false, err
		}
	}
	if state != deviceActive {
		since = registered
	}
	return key, false, t.run(sqlUpdateDevice, user, d.P256dh, d.Auth, name, locale, zone, env, registered, since, key)
}

const (
	sqlDeviceOf    = `SELECT state, state_since FROM devices WHERE key=? AND user=? AND lane=?`
	sqlRenewDevice = `UPDATE devices SET token=?, token_hash=?, p256dh=?, auth=?, name=?, registered_at=?, state=0, gone=0, reason=NULL,
		state_since=? WHERE key=?`
)

// RenewDevice implements notify.DeviceStore.
func (s *Store) RenewDevice(ctx context.Context, d notify.Device) (notify.Device, error) {
	return write(ctx, s, "renew device", func(t *tx) (notify.Device, error) {
		key, ok := s.deviceKey(d.ID)
		if !ok {
			return notify.Device{}, unknownDevice(d.ID)
		}
		if err := t.renewDevice(key, d); err != nil {
			return notify.Device{}, err
		}
		return s.scanDevice(t.row(sqlDevice, key))
	})
}

func (t *tx) renewDevice(key int64, d notify.Device) error {
	user, err := userKey(t, d.User)
	if err != nil {
		return err
	}
	lane, err := t.lane(d.Lane())
	if err != nil {
		return err
	}
	var state int
	var since int64
	if err := t.row(sqlDeviceOf, key, user, lane).Scan(&state, &since); err != nil {
		return missing(err, notify.CodeUnknownDevice, "there is no device %q", d.ID)
	}
	packed, hash := packToken(d.Token), tokenHash(lane, d.Token)
	var twin, owner, ignored int64
	known, err := found(t.row(sqlDeviceByToken, hash, lane, packed).Scan(&twin, &owner, &ignored, &ignored))
	if err != nil {
		return err
	}
	if known && twin != key {
		if err := t.dropDevice(twin, owner); err != nil {
			return err
		}
	}
	registered := ms(d.RegisteredAt)
	if state != deviceActive {
		since = registered
	}
	return t.run(sqlRenewDevice, packed, hash, d.P256dh, d.Auth, orNull(d.Name), registered, since, key)
}

// Device implements notify.DeviceStore.
func (s *Store) Device(ctx context.Context, id string) (notify.Device, error) {
	return read(ctx, s, "read device", func(q querier) (notify.Device, error) {
		key, ok := s.deviceKey(id)
		if !ok {
			return notify.Device{}, unknownDevice(id)
		}
		d, err := s.scanDevice(q.row(sqlDevice, key))
		return d, missing(err, notify.CodeUnknownDevice, "there is no device %q", id)
	})
}

func unknownDevice(id string) error {
	return notify.Errorf(notify.CodeUnknownDevice, "there is no device %q", id)
}

// DevicesOf implements notify.DeviceStore.
func (s *Store) DevicesOf(ctx context.Context, user string) ([]notify.Device, error) {
	return snapshot(ctx, s, "list devices", func(q querier) ([]notify.Device, error) {
		key, err := userKey(q, user)
		if err != nil {
			return nil, err
		}
		return collect(q, s.scanDevice, sqlDevicesOf, key)
	})
}

// Devices implements notify.DeviceStore. The cursor is a device's key in decimal digits.
func (s *Store) Devices(ctx context.Context, p notify.Page) ([]notify.Device, error) {
	return read(ctx, s, "list devices", func(q querier) ([]notify.Device, error) {
		after, err := keyOf(p)
		if err != nil {
			return nil, err
		}
		return collect(q, s.scanDevice, sqlDevices, after, limitOf(p))
	})
}

const sqlDeleteDevice = `DELETE FROM devices WHERE key=?`

// DeleteDevice implements notify.DeviceStore.
func (s *Store) DeleteDevice(ctx context.Context, id string) error {
	return s.change(ctx, "delete device", func(t *tx) error {
		key, ok := s.deviceKey(id)
		if !ok {
			return unknownDevice(id)
		}
		var owner int64
		if err := t.row(`SELECT user FROM devices WHERE key=?`, key).Scan(&owner); err != nil {
			return missing(err, notify.CodeUnknownDevice, "there is no device %q", id)
		}
		return t.dropDevice(key, owner)
	})
}

// dropDevice removes a device; what waits for it is suppressed.
func (t *tx) dropDevice(key, owner int64) error {
	if err := t.suppressOf(owner, key, "the device was removed"); err != nil {
		return fmt.Errorf("suppress: %w", err)
	}
	return t.run(sqlDeleteDevice, key)
}
