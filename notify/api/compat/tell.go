package compat

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"allim.dev/allim/notify"
)

// message is what an old call asks for, in today's words.
type message struct {
	kind      string            // of the addresses, as identities
	platforms []notify.Platform // whose tokens the addresses may be
	ids       []string
	topics    []string            // instead of ids
	n         notify.Notification // without its audience
	dry       bool
}

// result is what became of one address.
type result struct {
	word string // the error; empty: it is told
	same int    // the position of an earlier address of the same person; -1: there is none
	dead bool   // the person has no device that is not retired
}

// The words on one address, which all services but MPNS share.
const (
	wordInvalid = "InvalidRegistration"
	wordUnknown = "NotRegistered"
)

// look finds out whose each address is, and makes the message's audience of them. heard tells whether there is anybody.
func (c *Compat) look(ctx context.Context, m *message) (results []result, heard bool, err error) {
	results = make([]result, len(m.ids))
	clean := make([]string, len(m.ids))
	for i, id := range m.ids {
		results[i].same = -1
		n, err := notify.Normalizer{}.Normalize(notify.Identity{Kind: m.kind, Value: id})
		if err != nil {
			results[i].word = wordInvalid
		}
		clean[i] = n.Value
	}
	holders, err := c.store.Holders(ctx, m.kind, m.platforms, clean)
	if err != nil {
		return nil, false, err
	}
	first := map[notify.Holder]int{}
	for i, h := range holders {
		r := &results[i]
		if r.word == "" && h.User == "" {
			r.word = wordUnknown
		}
		if r.word != "" {
			continue
		}
		r.dead = !h.Live
		if before, again := first[h]; again {
			r.same = before
			continue
		}
		first[h] = i
		if h.Device != "" {
			m.n.To.Devices = append(m.n.To.Devices, h.Device)
		} else {
			m.n.To.Users = append(m.n.To.Users, h.User)
		}
	}
	m.n.To.Topics = m.topics
	return results, !m.n.To.Empty(), nil
}

// tell sends the message to whom its addresses name. id is the notification's; empty when there was nobody, or when it was
// dry. Errors are those of notify.Hub.Send.
func (c *Compat) tell(a *Ask, m *message) (results []result, id string, err error) {
	ctx := a.Context()
	results, heard, err := c.look(ctx, m)
	if err != nil || !heard {
		return results, "", err
	}
	m.n.By = a.Key.ID
	m.n.Partial = true // somebody may be gone by now
	if m.dry {
		_, _, err = c.hub.SendAll(ctx, notify.Posting{Items: []notify.Submission{{Notification: m.n}}, By: a.Key.ID, Dry: true})
		return results, "", err
	}
	idem, err := a.idempotency("")
	if err != nil {
		return nil, "", err
	}
	n, _, err := c.hub.Send(ctx, m.n, idem)
	return results, n.ID, err
}

// maxIdempotencyKey is as in the API.
const maxIdempotencyKey = 255

// idempotency is for old clients that can set a header after all. part tells several notifications of a request apart.
func (a *Ask) idempotency(part string) (notify.Idempotency, error) {
	key := a.Header.Get("Idempotency-Key")
	if key == "" {
		return notify.Idempotency{}, nil
	}
	if key += part; len(key) > maxIdempotencyKey {
		return notify.Idempotency{}, notify.Errorf(notify.CodeInvalid, "the Idempotency-Key header is longer than %d bytes", maxIdempotencyKey)
	}
	sum := sha256.Sum256(a.Body)
	return notify.Idempotency{KeyID: a.Key.ID, Key: key, BodyHash: sum[:]}, nil
}

// messageID names one of a notification's results, as GCM writes it.
func messageID(notification string, i int) string {
	return "0:" + notification + "-" + strconv.Itoa(i)
}

// number makes a number of an id for answers that must have one; JavaScript can hold it (53 bits).
func number(id string) int64 {
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 11)
}

// wordsOf finds what a person would read in the data of a message that has no notification: the usual names of the days
// when the app itself made the notice of them.
func wordsOf(data map[string]string) (title, body string) {
	first := func(names ...string) string {
		for _, n := range names {
			if v := strings.TrimSpace(data[n]); v != "" {
				return v
			}
		}
		return ""
	}
	return first("title", "subject"), first("message", "body", "alert", "msg", "text")
}
