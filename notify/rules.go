package notify

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// People's own rules: one line that looks at a notice and says what to do with it. The language is expr-lang's, without
// anything that loops: what a rule costs is bounded by its length.

// ruleInput is what a rule can ask of a notice.
type ruleInput struct {
	Mail    ruleMail   `expr:"mail"`
	Event   ruleEvent  `expr:"event"`
	Notice  ruleNotice `expr:"notice"`
	Hour    int        `expr:"hour"`    // 0 to 23, in the person's zone
	Weekday string     `expr:"weekday"` // mon to sun
}

type ruleMail struct {
	From     string `expr:"from"`
	FromName string `expr:"fromName"`
	Subject  string `expr:"subject"`
	Folder   string `expr:"folder"`
}

type ruleEvent struct {
	Type     string `expr:"type"`
	Source   string `expr:"source"`
	Calendar string `expr:"calendar"`
	Title    string `expr:"title"` // of the meeting, task or news
}

type ruleNotice struct {
	Title  string   `expr:"title"`
	Body   string   `expr:"body"`
	Topics []string `expr:"topics"`
	Urgent bool     `expr:"urgent"`
}

const (
	ruleNodes  = 200    // of the syntax tree
	ruleMemory = 10_000 // the engine's own unit: elements made
)

// compileRule reads a rule; the error is for its author.
func compileRule(text string) (*vm.Program, error) {
	if len(text) > maxRule {
		return nil, fmt.Errorf("is longer than %d bytes", maxRule)
	}
	options := []expr.Option{expr.Env(ruleInput{}), expr.AsKind(reflect.String), expr.MaxNodes(ruleNodes), expr.DisableAllBuiltins()}
	for _, f := range []string{"lower", "upper", "trim", "len"} {
		options = append(options, expr.EnableBuiltin(f))
	}
	program, err := expr.Compile(text, options...)
	if err != nil {
		return nil, errors.New("cannot be read: " + firstLine(err.Error()))
	}
	if say, err := runRule(program, ruleInput{}); err == nil && say != SayNothing && !say.Valid() {
		return nil, fmt.Errorf("gives %q; it must give urgent, tell, inbox or an empty text", string(say))
	}
	return program, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// runRule never fails loudly: a rule is a stranger's program.
func runRule(p *vm.Program, in ruleInput) (say Say, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the rule panicked: %v", v)
		}
	}()
	machine := vm.VM{MemoryBudget: ruleMemory}
	out, err := machine.Run(p, in)
	if err != nil {
		return SayNothing, err
	}
	word, _ := out.(string)
	if word == "normal" {
		word = ""
	}
	return Say(word), nil
}

// rules keeps compiled ones by their text.
type rules struct {
	mu   sync.Mutex
	kept map[string]*vm.Program // nil: cannot be read
}

const rulesKept = 1024 // past it, all are forgotten

// say asks a rule about a notice; a rule that fails has no opinion.
func (r *rules) say(text string, n Notification, now time.Time) Say {
	if text == "" {
		return SayNothing
	}
	r.mu.Lock()
	p, ok := r.kept[text]
	r.mu.Unlock()
	if !ok {
		p, _ = compileRule(text) // an older version's, maybe: no opinion then
		r.mu.Lock()
		if r.kept == nil || len(r.kept) >= rulesKept {
			r.kept = map[string]*vm.Program{}
		}
		r.kept[text] = p
		r.mu.Unlock()
	}
	if p == nil {
		return SayNothing
	}
	say, err := runRule(p, inputOf(n, now))
	if err != nil || !say.Valid() {
		return SayNothing
	}
	return say
}

func inputOf(n Notification, now time.Time) ruleInput {
	p := n.Params
	in := ruleInput{
		Event:   ruleEvent{Type: string(n.eventType()), Source: n.source(), Calendar: p["calendar"], Title: p["title"]},
		Notice:  ruleNotice{Title: n.Content.Title, Body: n.Content.Body, Topics: n.To.Topics, Urgent: n.Urgent},
		Hour:    now.Hour(),
		Weekday: weekdays()[now.Weekday()],
	}
	if n.eventType() == MailReceived {
		in.Mail = ruleMail{From: p["from"], FromName: p["fromName"], Subject: p["subject"], Folder: p["folder"]}
	}
	return in
}
