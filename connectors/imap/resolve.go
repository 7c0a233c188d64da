package imap

import (
	"fmt"
	"slices"
	"strings"
)

// maxFolders bounds the watched folders of one account.
const maxFolders = 100

// resolve finds out which folders are to be watched, and which of them by IDLE: INBOX if it is among them.
func (s *session) resolve() error {
	names, err := s.a.watched(s.link)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return troublef(kindTransient, "none of the configured folders is there, or all of them are silent ones (Junk, Trash, Sent, Drafts)")
	}
	if i := slices.Index(names, "INBOX"); i > 0 {
		names[0], names[i] = names[i], names[0]
	}
	if slices.ContainsFunc(s.a.src.settings.Folders, isPattern) {
		s.listAt = s.a.src.clock.Now().Add(jitter(listEvery))
	}
	s.first, s.others = s.a.folder(names[0]), nil
	for _, n := range names[1:] {
		s.others = append(s.others, s.a.folder(n))
	}
	return nil
}

// watched gives the names of the folders to watch. The server is only asked when there is more than INBOX.
func (a *account) watched(l *link) ([]string, error) {
	var names []string
	for _, want := range a.src.settings.Folders {
		if strings.EqualFold(want, "INBOX") {
			names = addName(names, "INBOX")
			continue
		}
		found, err := l.list(want)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			a.note("there is no folder " + quote(want))
		}
		for _, f := range found {
			switch {
			case !f.selectable():
			case !f.silent():
				names = addName(names, f.name)
			case !isPattern(want):
				a.note("the folder " + quote(want) + " is Junk, Trash, Sent, Drafts or a collection: nobody is told of it")
			}
		}
	}
	if len(names) > maxFolders {
		a.note(fmt.Sprintf("only the first %d of %d folders are watched", maxFolders, len(names)))
		names = names[:maxFolders]
	}
	return names, nil
}

func addName(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}
