package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// postTimeout bounds what one file may take.
const postTimeout = time.Minute

// keyOf names a file by its name and content, in what is stored of it.
func keyOf(name string, data []byte) string {
	sum := sha256.Sum256(data)
	return name + "\t" + hex.EncodeToString(sum[:])
}

func nameOf(key string) string {
	name, _, _ := strings.Cut(key, "\t")
	return name
}

// take posts one file and moves it. An error is trouble that may pass; the file stays where it is then.
func (r *run) take(ctx context.Context, name string, info fs.FileInfo) error {
	data, err := r.read(name, info)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errChanged): // somebody has it in hand
		return nil
	case notify.CodeOf(err) == notify.CodeTooLarge:
		return r.refuse(ctx, name, info, err)
	case err != nil:
		return fmt.Errorf("the file %s cannot be read: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	items, err := r.mapping.Map(ctx, notify.Foreign{Name: name, Data: data})
	if err == nil {
		for i := range items {
			items[i].Notification.Privacy = r.privacy
		}
		var known bool
		_, known, err = r.poster.Post(ctx, keyOf(name, data), items)
		if err == nil && known {
			r.log.Info("the file was posted before and only has to be moved", "file", name)
		} else if err == nil {
			r.poster.Count(r.mapping.ID(), nil)
			r.health.LastEventAt = r.clock.Now()
			r.log.Info("a file was posted", "file", name, "notifications", len(items))
		}
	}
	switch {
	case err == nil:
		return r.finish(ctx, name, info, data)
	case passes(err):
		return err
	}
	return r.refuse(ctx, name, info, err)
}

// passes tells trouble that is not the file's.
func passes(err error) bool {
	switch notify.CodeOf(err) {
	case notify.CodeUnavailable, notify.CodeInternal, notify.CodeStaleEpoch:
		return true
	}
	return false
}

// errChanged is about a file that is written to while it is read.
var errChanged = errors.New("the file changes")

// read gives the file's content, when it is still the one that was seen.
func (r *run) read(name string, info fs.FileInfo) ([]byte, error) {
	if info.Size() > r.settings.MaxBytes {
		return nil, notify.Errorf(notify.CodeTooLarge, "the file exceeds max_bytes, which is %d", r.settings.MaxBytes)
	}
	f, err := os.Open(filepath.Join(r.settings.Path, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, r.settings.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(info, after) || !same(info, after) || int64(len(data)) != info.Size() {
		return nil, errChanged
	}
	return data, nil
}

// finish moves a file that was posted, and forgets it when it cannot come back.
func (r *run) finish(ctx context.Context, name string, info fs.FileInfo, data []byte) error {
	if err := r.move(name, r.settings.below(r.settings.Done), nil); err != nil {
		return r.keep(name, info, err)
	}
	keys := append(r.old[name], keyOf(name, data))
	delete(r.old, name)
	if err := r.poster.Forget(context.WithoutCancel(ctx), keys); err != nil {
		r.old[name] = keys // harmless: forgotten with the next file of this name, or at the next start
		return fmt.Errorf("the file %s was posted and moved, but what is stored of it stays for now: %w", name, err)
	}
	return nil
}

// refuse moves a file that cannot be posted, with a file beside it that says why.
func (r *run) refuse(ctx context.Context, name string, info fs.FileInfo, why error) error {
	if ctx.Err() != nil && notify.CodeOf(why) != notify.CodeTooLarge { // out of time, or stopped: no fault of the file
		return why
	}
	r.poster.Count(r.mapping.ID(), why)
	r.health.LastError, r.health.LastErrorAt = name+": "+why.Error(), r.clock.Now()
	r.log.Warn("a file was refused", "file", name, "code", string(notify.CodeOf(why)))
	if err := r.move(name, r.settings.below(r.settings.Failed), why); err != nil {
		return r.keep(name, info, err)
	}
	return nil
}

// keep remembers a file that was dealt with and cannot be moved.
func (r *run) keep(name string, info fs.FileInfo, err error) error {
	r.stuck[name] = info
	return fmt.Errorf("the file %s was dealt with, but cannot be moved; move it by hand: %w", name, err)
}

// forgetGone drops what is stored of files that were moved just before the last run ended.
func (r *run) forgetGone(ctx context.Context, files []fs.FileInfo) error {
	keys, err := r.poster.Posted(ctx)
	if err != nil {
		return err
	}
	here := map[string]bool{}
	for _, f := range files {
		here[f.Name()] = true
	}
	r.old = map[string][]string{}
	var gone []string
	for _, k := range keys {
		if name := nameOf(k); here[name] {
			r.old[name] = append(r.old[name], k)
		} else {
			gone = append(gone, k)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return r.poster.Forget(ctx, gone)
}
