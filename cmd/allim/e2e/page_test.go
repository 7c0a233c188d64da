package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A page of documentation is a story: its commands are run from top to bottom, as a reader would. What a fence's first
// line says after the language decides:
//
//	sh runnable    run; must work. Exported variables last until the end of the page
//	sh refused     run; must work, but the hub's answer is an error
//	sh checkout    run in the root of a checkout
//	sh serve       the hub: started anew, and used by what follows
//	sh stop        run; the hub must end by it ($HUB is its process id)
//	sh simulate    the simulators: kept running
//	sh watch       kept running; see "sees"
//	sh as-root     changes the machine: only its syntax is checked
//	sh measure     go test -run NAME: that there is such a test is checked
//	go webhook-verify    compared by the tests of adapters/webhook
//	sh demo, sh all-tests    the README's two, by tests of their own
//	yaml FILE      written to that file; with "+" added to its end. Every file must pass allim check
//
// and a comment <!-- test: … --> says what the reader would do or see besides:
//
//	after PAGE     that page comes first
//	mail TO SUBJECT    a mail arrives
//	read           the feed was read, and what watches has begun
//	publish TITLE  the feed has a new item
//	watching       the mailboxes are watched, and what watches has begun
//	sees TEXT      what watches shows it
//	pushed TEXT    the phone gets it
//	prints TEXT    the last command printed it
type step struct {
	at   string // file:line
	verb string
	arg  string
	text string
}

const docsFolder = "../../../docs"

var hint = regexp.MustCompile(`^<!-- test: (\w+) ?(.*?) ?-->$`)

// readPage gives the steps of a page, those of the pages that come before it first.
func readPage(t testing.TB, file string) []step {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	var open *step
	for n, line := range strings.Split(string(text), "\n") {
		at := fmt.Sprintf("%s:%d", filepath.Base(file), n+1)
		switch {
		case open != nil && line == "```":
			steps, open = append(steps, *open), nil
		case open != nil:
			open.text += line + "\n"
		case strings.HasPrefix(line, "```"):
			lang, rest, _ := strings.Cut(strings.TrimPrefix(line, "```"), " ")
			open = &step{at: at, verb: lang, arg: rest}
		case strings.HasPrefix(line, "<!--"):
			m := hint.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("%s: not a hint for the test: %s", at, line)
			}
			if m[1] == "after" {
				steps = append(steps, readPage(t, filepath.Join(filepath.Dir(file), m[2]))...)
				continue
			}
			steps = append(steps, step{at: at, verb: m[1], arg: m[2]})
		}
	}
	if open != nil {
		t.Fatalf("%s: the fence has no end", open.at)
	}
	return steps
}

// TestPagesSayWhatTheirFencesAre: no command gets into the documents without being run or being marked.
func TestPagesSayWhatTheirFencesAre(t *testing.T) {
	pages, err := filepath.Glob(docsFolder + "/*.md")
	if err != nil || len(pages) < 6 {
		t.Fatalf("found %d pages: %v", len(pages), err)
	}
	known := map[string]string{"sh": "runnable refused checkout serve stop simulate watch as-root measure demo all-tests",
		"go": "webhook-verify", "text": "", "js": "", "mermaid": ""}
	for _, page := range append(pages, docsFolder+"/../README.md") {
		for _, s := range readPage(t, page) {
			kinds, ok := known[s.verb]
			switch {
			case s.text == "", s.verb == "yaml" && s.arg != "":
			case !ok || s.arg == "" && kinds != "" || s.arg != "" && !strings.Contains(kinds, s.arg):
				t.Errorf("%s: the fence %q %q is not one that this test knows", s.at, s.verb, s.arg)
			}
		}
	}
}
