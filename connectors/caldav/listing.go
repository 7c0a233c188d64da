package caldav

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// What is asked of a home and its calendars: little at every poll, all when something is new.
const (
	propsPoll = `<D:resourcetype/><D:sync-token/><CS:getctag/>`
	propsFull = propsPoll + `<D:displayname/><D:owner/><O:owner-principal xmlns:O="http://owncloud.org/ns"/>` +
		`<C:supported-calendar-component-set/><C:calendar-timezone/>`
)

// listed is a calendar or task list as its home lists it.
type listed struct {
	url   *url.URL
	props props
}

// homes lists the calendars in all homes of an account. complete tells that what is missing is not there.
func (a *access) homes(ctx context.Context, p place, properties string) (found map[string]listed, complete bool, err error) {
	found, complete = map[string]listed{}, true
	for _, home := range p.Homes {
		at, err := url.Parse(home)
		if err != nil {
			return nil, false, troublef(kindSetup, "the address of the calendars is none")
		}
		depth := "1"
		if p.Single {
			depth = "0"
		}
		m, _, err := a.propfind(ctx, at, depth, properties, func(r *response) error {
			if !r.watchable() {
				return nil
			}
			u, err := resolve(at, r.href)
			if err != nil {
				return nil //nolint:nilerr // one odd address does not hide the others
			}
			found[collectionID(u)] = listed{url: u, props: r.props}
			return nil
		})
		if err != nil {
			return nil, false, err
		}
		complete = complete && m.complete
	}
	return found, complete, nil
}

// watchable tells calendars and task lists from the rest. The inbox of RFC 6638 holds copies of what comes into the
// calendars anyway.
func (r *response) watchable() bool {
	return r.calendar && !r.inbox && !r.hidden && r.status/100 != 4 &&
		(len(r.components) == 0 || slices.Contains(r.components, "VEVENT") || slices.Contains(r.components, "VTODO"))
}

// foreign tells whether somebody else owns a collection, where the server says so.
func (l listed) foreign(p place) bool {
	if l.props.owner == "" || p.Principal == "" {
		return false
	}
	principal, err := url.Parse(p.Principal)
	if err != nil {
		return false
	}
	owner, err := principal.Parse(l.props.owner)
	return err == nil && pathKey(owner) != pathKey(principal)
}

// member is an object as a listing has it.
type member struct {
	url  *url.URL
	etag string
}

// members lists the objects of a collection with their etags. complete tells that what is missing is not there.
func (a *access) members(ctx context.Context, at *url.URL) (found map[string]member, complete bool, err error) {
	found = map[string]member{}
	self := false // an answer without the collection itself is no listing of it (RFC 4918 section 9.1)
	m, _, err := a.propfind(ctx, at, "1", `<D:getetag/><D:resourcetype/>`, func(r *response) error {
		u, err := resolve(at, r.href)
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		self = self || pathKey(u) == pathKey(at) && r.status/100 != 4
		if !isObject(at, u, r) || r.status/100 == 4 {
			return nil
		}
		found[objectID(u)] = member{url: u, etag: r.etag}
		return nil
	})
	return found, err == nil && m.complete && self, err
}

// isObject tells an object from the collection itself and from collections in it.
func isObject(collection, u *url.URL, r *response) bool {
	return !r.collection && !strings.HasSuffix(u.Path, "/") && pathKey(u) != pathKey(collection)
}
