package imap

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// folderState is what is stored of one folder of one account: how far it was seen.
type folderState struct {
	UIDValidity uint32    `json:"uidValidity"`
	Last        uint32    `json:"last"`       // every message up to this UID was seen to
	Generation  uint32    `json:"generation"` // counts mailboxes whose UIDs went back without a new UIDVALIDITY
	BaselineAt  time.Time `json:"baselineAt"` // what was there then was never told
	CheckedAt   time.Time `json:"checkedAt"`  // the last look that was stored
	Slot        int       `json:"slot"`       // of the ring, the one that is being filled
}

// The ring remembers the mails that were seen lately, to know them again when a mailbox is renumbered. It is kept in
// slots, so that a new mail rewrites one of them only.
const (
	ringSlots   = 8
	ringPerSlot = 64
	stampSize   = 8
)

// stamp is a mail, known again by its Message-ID and date.
type stamp [stampSize]byte

func stateKey(folder string) string { return "folder/" + folder }

func ringKey(folder string, slot int) string {
	return "ring/" + strconv.Itoa(slot) + "/" + folder
}

func (s folderState) encode() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("imap: a folder's state is always JSON: %v", err))
	}
	return b
}

// decodeState reads a folder's state; false when there is none or it is none of ours: the folder begins anew.
func decodeState(b []byte) (folderState, bool) {
	var s folderState
	if len(b) == 0 || json.Unmarshal(b, &s) != nil {
		return folderState{}, false
	}
	return s, true
}

// remember adds stamps to the ring and puts what changed into the batch's state.
func (f *folder) remember(into map[string][]byte, stamps []stamp) {
	for _, s := range stamps {
		if len(f.ring) >= ringPerSlot*stampSize {
			f.st.Slot = (f.st.Slot + 1) % ringSlots
			f.ring = nil
		}
		f.ring = append(f.ring, s[:]...)
		into[ringKey(f.name, f.st.Slot)] = append([]byte(nil), f.ring...)
	}
}

// remembered reads the whole ring of a folder.
func remembered(state map[string][]byte, folder string) map[stamp]bool {
	known := map[stamp]bool{}
	for slot := range ringSlots {
		b := state[ringKey(folder, slot)]
		for ; len(b) >= stampSize; b = b[stampSize:] {
			known[stamp(b[:stampSize])] = true
		}
	}
	return known
}

// eventKey names a mail within its account, in at most 200 bytes.
func (f *folder) eventKey(uid uint32) string {
	name := f.name
	if len(name) > 120 {
		name = digest(name)
	}
	key := name + "/" + strconv.FormatUint(uint64(f.st.UIDValidity), 10)
	if f.st.Generation > 0 {
		key += "." + strconv.FormatUint(uint64(f.st.Generation), 10)
	}
	return key + "/" + strconv.FormatUint(uint64(uid), 10)
}

// folderNames gives the folders that a state knows.
func folderNames(state map[string][]byte) []string {
	var names []string
	for k := range state {
		if name, ok := strings.CutPrefix(k, "folder/"); ok {
			names = append(names, name)
		}
	}
	return names
}
