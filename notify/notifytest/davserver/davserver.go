// Package davserver runs private CalDAV servers for tests: Radicale and Xandikos, as Debian has them, on loopback, on ports
// of their own, in temporary folders. A test that needs one fails where it is not installed.
package davserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Password is every user's at Radicale. Reader may read everybody's calendars there.
const (
	Password       = "secret"
	Reader         = "watcher"
	ReaderPassword = "watcherpw"
)

// patience bounds each wait; it is only used up when the test fails.
const patience = 60 * time.Second

// Server is a running CalDAV server. Its methods are for the test's goroutine.
type Server struct {
	URL string // http://127.0.0.1:port/

	t    testing.TB
	dir  string
	args []string // the command and its arguments
	home func(user string) string
	kill func()
	log  string // file
	http *http.Client
}

// Radicale runs a Radicale with users, who log in with Password.
func Radicale(t testing.TB, users ...string) *Server {
	t.Helper()
	addr, dir := freeAddr(t), t.TempDir()
	var passwords strings.Builder
	for _, u := range users {
		fmt.Fprintf(&passwords, "%s:%s\n", u, Password)
	}
	fmt.Fprintf(&passwords, "%s:%s\n", Reader, ReaderPassword)
	write(t, dir, "users", passwords.String())
	write(t, dir, "rights", fmt.Sprintf(`[reader]
user: %s
collection: .*
permissions: Rr
[root]
user: .+
collection:
permissions: R
[principal]
user: .+
collection: {user}
permissions: RW
[calendars]
user: .+
collection: {user}/[^/]+
permissions: rw
`, Reader))
	write(t, dir, "config", fmt.Sprintf(`[server]
hosts = %s
max_connections = 100
[auth]
type = htpasswd
htpasswd_filename = %s/users
htpasswd_encryption = plain
delay = 0
[rights]
type = from_file
file = %s/rights
[storage]
filesystem_folder = %s/collections
[logging]
level = warning
`, addr, dir, dir, dir))
	return launch(t, &Server{URL: "http://" + addr + "/", dir: dir, home: func(user string) string { return user + "/" },
		args: []string{"radicale", "--config", filepath.Join(dir, "config")}})
}

// Xandikos runs a Xandikos with one user's calendars. It has no login of its own: it takes any.
func Xandikos(t testing.TB, user string) *Server {
	t.Helper()
	addr, dir := freeAddr(t), t.TempDir()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return launch(t, &Server{URL: "http://" + addr + "/", dir: dir, home: func(user string) string { return user + "/calendars/" },
		args: []string{"xandikos", "-d", filepath.Join(dir, "data"), "--current-user-principal", "/" + user + "/", "--defaults",
			"--autocreate", "-l", host, "-p", port}})
}

func launch(t testing.TB, s *Server) *Server {
	t.Helper()
	s.t, s.log, s.http = t, filepath.Join(s.dir, "log"), &http.Client{Timeout: patience}
	t.Cleanup(func() {
		s.Stop()
		s.http.CloseIdleConnections()
		if text, err := os.ReadFile(s.log); t.Failed() && err == nil {
			t.Logf("the end of what %s wrote:\n%s", s.args[0], text[max(0, len(text)-4000):])
		}
	})
	s.Start()
	return s
}

// AddCalendar makes a calendar or task list; components are VEVENT and VTODO, none: the server's default.
func (s *Server) AddCalendar(user, name string, components ...string) {
	s.t.Helper()
	body := ""
	if len(components) > 0 {
		body = `<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><C:supported-calendar-component-set>`
		for _, c := range components {
			body += `<C:comp name="` + c + `"/>`
		}
		body += `</C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>`
	}
	s.do("MKCALENDAR", user, name+"/", body)
}

// Put stores an object in a calendar, such as "1.ics".
func (s *Server) Put(user, calendar, name, data string) {
	s.t.Helper()
	s.do(http.MethodPut, user, calendar+"/"+name, data)
}

// Delete removes an object, or a calendar when name is empty.
func (s *Server) Delete(user, calendar, name string) {
	s.t.Helper()
	s.do(http.MethodDelete, user, calendar+"/"+name, "")
}

func (s *Server) do(method, user, path, body string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.URL+s.home(user)+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth(user, Password)
	switch {
	case method == http.MethodPut:
		req.Header.Set("Content-Type", "text/calendar; charset=utf-8")
	case body != "":
		req.Header.Set("Content-Type", "application/xml; charset=utf-8")
	}
	res, err := s.http.Do(req)
	if err != nil {
		s.t.Fatalf("%s: %v", s.args[0], err)
	}
	defer func() { _ = res.Body.Close() }()
	if text, _ := io.ReadAll(io.LimitReader(res.Body, 1000)); res.StatusCode/100 != 2 {
		s.t.Fatalf("%s answered %s %s with %s: %s", s.args[0], method, path, res.Status, text)
	}
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
