package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// inJSON runs a listing with --json and decodes what it prints.
func inJSON[T any](t *testing.T, args ...string) T {
	t.Helper()
	var v T
	out := must(t, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%q is no JSON: %v", out, err)
	}
	return v
}

func contains(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in %q", w, text)
		}
	}
}

func TestPeople(t *testing.T) {
	startHub(t)
	contains(t, must(t, "user", "add", "kim", "--name", "Kim", "--email", "Kim@Example.com", "--phone", "010-1234-5678",
		"--identity", "employee:A-17", "--locale", "ko-KR", "--time-zone", "Asia/Seoul"), "added")
	contains(t, must(t, "user", "show", "kim"), "kim@example.com", "+821012345678", "Asia/Seoul")
	contains(t, must(t, "user", "show", "email:KIM@example.com"), "kim")
	refused(t, 1, "--replace", "user", "add", "kim", "--email", "other@example.com")
	contains(t, must(t, "user", "add", "kim", "--email", "other@example.com", "--replace"), "replaced")
	refused(t, 1, "identities", "user", "add", "lee", "--email", "other@example.com")
	refused(t, 1, "identities[0]", "user", "add", "lee", "--email", "not an address")
	refused(t, 2, "kind:value", "user", "add", "lee", "--identity", "nonsense")
	must(t, "user", "add", "lee")
	users := inJSON[wire.UserList](t, "user", "list")
	if len(users.Users) != 2 || users.Users[0].Identities[0].Value != "other@example.com" {
		t.Errorf("users: %+v", users)
	}
	one := inJSON[shown](t, "user", "show", "kim")
	if one.ID != "kim" || one.Devices == nil || len(one.Devices) != 0 {
		t.Errorf("user: %+v", one)
	}
	must(t, "user", "remove", "lee")
	refused(t, 1, "lee", "user", "remove", "lee")
	refused(t, 1, "lee", "user", "show", "lee")
	refused(t, 1, "nobody@example.com", "user", "show", "email:nobody@example.com")
}

func TestImport(t *testing.T) {
	startHub(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := "\xEF\xBB\xBFid,Name,email,identity,phone\nkim,\"Kim, M\",kim@example.com; k@example.com,employee:7,\nlee,Lee,,,010-1111-2222\n"
	contains(t, must(t, "user", "import", file("good.csv", good)), "2 added, 0 replaced, 0 refused")
	contains(t, must(t, "user", "import", file("again.csv", good)), "0 added, 2 replaced")
	contains(t, must(t, "user", "show", "employee:7"), "Kim, M", "k@example.com")

	cp949, err := korean.EUCKR.NewEncoder().String("id,name\npark,박지성\n")
	if err != nil {
		t.Fatal(err)
	}
	must(t, "user", "import", file("cp949.csv", cp949))
	contains(t, must(t, "user", "show", "park"), "박지성")
	if o := allimWith(t, "id\nfrom-stdin\n", "user", "import", "-"); o.status != 0 {
		t.Errorf("standard input: %+v", o)
	}

	before := len(inJSON[wire.UserList](t, "user", "list").Users)
	o := allim(t, "user", "import", file("bad.csv", "id,email\nnew,new@example.com\n,x@example.com\nnew,y@example.com\nz,nonsense\n"))
	if o.status != 1 || o.out != "" {
		t.Errorf("a file with mistakes: %+v", o)
	}
	contains(t, o.errOut, "line 3:", "line 4:", "stands in line 2 already", "line 5:")
	if after := len(inJSON[wire.UserList](t, "user", "list").Users); after != before {
		t.Errorf("a file with mistakes was imported in part: %d users, %d before", after, before)
	}
	o = allim(t, "user", "import", file("taken.csv", "id,email\nthief,kim@example.com\nhonest,honest@example.com\n"))
	if o.status != 1 || !strings.Contains(o.errOut, "line 2:") || !strings.Contains(o.out, "1 added, 0 replaced, 1 refused") {
		t.Errorf("an identity that is taken: %+v", o)
	}
	refused(t, 1, "no column id", "user", "import", file("nohead.csv", "kim,kim@example.com\n"))
	refused(t, 1, "wrong number of fields", "user", "import", file("ragged.csv", "id,email\nkim\n"))
	refused(t, 1, "neither UTF-8 nor CP949", "user", "import", file("binary.csv", "id\n\xff\xff\n"))
	refused(t, 1, "no such file", "user", "import", filepath.Join(dir, "absent.csv"))
	refused(t, 1, "names its columns", "user", "import", file("empty.csv", ""))
}

func TestTopicsKeysAndSending(t *testing.T) {
	startHub(t)
	must(t, "user", "add", "kim", "--email", "kim@example.com")
	must(t, "topic", "add", "staff", "kim")
	contains(t, must(t, "topic", "list"), "staff", "1")
	contains(t, must(t, "topic", "list", "staff"), "kim")
	refused(t, 1, "nobody", "topic", "add", "staff", "nobody")

	contains(t, must(t, "send", "--topic", "staff", "--title", "Hello", "--data", "a=b=c", "--badge", "0", "--ttl", "2h", "--wait"),
		"done", "no device of the audience is registered")
	sent := inJSON[wire.Accepted](t, "send", "--to", "email:KIM@example.com", "--body", "x", "--idempotency-key", "once")
	again := inJSON[wire.Accepted](t, "send", "--to", "email:KIM@example.com", "--body", "x", "--idempotency-key", "once")
	if sent.ID == "" || sent.ID != again.ID {
		t.Errorf("the same idempotency key sent %q and %q", sent.ID, again.ID)
	}
	contains(t, must(t, "trace", sent.ID), sent.ID)
	refused(t, 1, "no-such-id", "trace", "no-such-id")
	refused(t, 1, "nobody", "send", "--to-user", "nobody", "--title", "x")
	refused(t, 2, "to whom", "send", "--title", "x")
	refused(t, 2, "KEY=VALUE", "send", "--all", "--title", "x", "--data", "oops")
	refused(t, 2, "--at", "send", "--all", "--title", "x", "--at", "tomorrow")
	refused(t, 1, "priority", "send", "--all", "--title", "x", "--priority", "extreme")

	must(t, "topic", "remove", "staff", "kim")
	refused(t, 1, "staff", "topic", "list", "staff")

	secret := strings.TrimSpace(must(t, "key", "create", "--name", "erp", "--scope", "send,read"))
	admin := os.Getenv(envKey)
	t.Setenv(envKey, secret)
	refused(t, 1, "scope", "user", "add", "lee")
	must(t, "user", "list")
	t.Setenv(envKey, admin)
	for _, k := range inJSON[wire.KeyList](t, "key", "list").Keys {
		if k.Secret != "" {
			t.Error("a listing shows a secret")
		}
		if k.Name == "erp" {
			must(t, "key", "revoke", k.ID)
		}
	}
	t.Setenv(envKey, secret)
	refused(t, 1, "key", "user", "list")
}

func TestWrongUsage(t *testing.T) {
	t.Setenv(envKey, "unused")
	for _, args := range []string{
		"frobnicate", "key", "key frobnicate", "key create", "key create --name x", "key create --name x --scope everything",
		"key revoke", "user show", "user show a b", "topic add staff", "serve extra", "check extra", "serve --no-such-flag",
		"send", "account add", "version extra", "trace", "send --ttl soon --all",
	} {
		refused(t, 2, "", strings.Fields(args)...)
	}
}

func TestAnErrorThatIsOverIsNotListed(t *testing.T) {
	for state, want := range map[notify.HealthState]string{notify.HealthWatching: "", notify.HealthUnreachable: "refused", notify.HealthPolling: "refused"} {
		if got := faultOf(wire.Health{State: state, LastError: "refused"}); got != want {
			t.Errorf("%s: got %q, want %q", state, got, want)
		}
	}
}

func TestAFileWithoutItsFlag(t *testing.T) {
	refused(t, 2, "-c allim.yaml", "check", "allim.yaml")
	refused(t, 2, "-c allim.yaml", "serve", "allim.yaml")
}

func TestEveryCommandHasHelp(t *testing.T) {
	for _, args := range []string{"", "help", "--help", "serve --help", "demo --help", "key create --help", "user import --help", "send -h"} {
		if out := must(t, strings.Fields(args)...); !strings.Contains(out, "Usage:") {
			t.Errorf("allim %s prints %q", args, out)
		}
	}
}

func TestNoHubAndNoKey(t *testing.T) {
	t.Setenv(envURL, "http://"+freeAddr(t))
	t.Setenv(envKey, "")
	refused(t, 1, "ALLIM_KEY is not set", "user", "list")
	t.Setenv(envKey, "some-key")
	refused(t, 1, "cannot be reached", "user", "list")
	refused(t, 1, "is it running? ALLIM_URL", "user", "list")
	t.Setenv(envURL, "ftp://nonsense")
	refused(t, 1, "address", "user", "list")
	a := startHub(t)
	t.Setenv(envURL, a.URL())
	t.Setenv(envKey, "wrong")
	refused(t, 1, "the key is the one in ALLIM_KEY", "user", "list")
}

func TestVersion(t *testing.T) {
	contains(t, must(t, "version"), "allim ", "go1.")
	if flag, command := must(t, "--version"), must(t, "version"); flag != command {
		t.Errorf("--version prints %q, version prints %q", flag, command)
	}
	if b := inJSON[build](t, "version"); b.Go == "" {
		t.Errorf("version: %+v", b)
	}
}

func TestTablesKeepStrangersFromTheTerminal(t *testing.T) {
	if got := printable("a\x1b[31mb\u202e c\nd"); strings.ContainsAny(got, "\x1b\n\u202e") {
		t.Errorf("got %q", got)
	}
}
