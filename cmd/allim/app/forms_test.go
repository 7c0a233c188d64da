package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/store/sqlite"
)

// formsConfig has a mapping for what the forms below post.
const formsConfig = `
mappings:
  - id: erp
    namespaces: {o: "urn:erp:order"}
    each: "//o:Order"
    vars: {no: "@no", owner: "o:Owner/@id", amount: "number(o:Amount)"}
    when: "amount > 1000000"
    notification:
      to: {identities: [{kind: employee, value: "{{.owner}}"}]}
      title: "주문 {{.no}} 승인"
      body: "금액 {{comma .amount}}원"
      collapseKey: "order-{{.no}}"
      data: {order: "{{.no}}"}
      priority: high
`

// aForm is one way to post the same notifications; body gives the document of the notifications from..to.
type aForm struct {
	name, path, contentType string
	many                    int // notifications in one document
	body                    func(from, to int) string
}

func order(i int) string {
	return fmt.Sprintf(`<o:Order no="%d"><o:Owner id="E%d">김철수</o:Owner><o:Amount>%d</o:Amount></o:Order>`, i, i%formsPeople, 1500000+i)
}

func ordersOf(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(order(i))
	}
	return b.String()
}

const (
	formsPeople = 100
	ownNotice   = "/v1/notifications"
	mappedPath  = "/v1/ingest/erp"
)

// amount is as the mapping writes it.
func amount(i int) string { return fmt.Sprintf("1,%03d,%03d", (500000+i)/1000, (500000+i)%1000) }

func forms() []aForm {
	erp := func(from, to int) string {
		return `<?xml version="1.0" encoding="EUC-KR"?><o:Orders xmlns:o="urn:erp:order">` + ordersOf(from, to) + "</o:Orders>"
	}
	return []aForm{
		{"JSON", ownNotice, "application/json", 1, func(i, _ int) string {
			return fmt.Sprintf(`{"to":{"identities":[{"kind":"employee","value":"E%d"}]},"title":"주문 %d 승인","body":"금액 %s원","collapseKey":"order-%d","data":{"order":"%d"},"priority":"high"}`,
				i%formsPeople, i, amount(i), i, i)
		}},
		{"XML", ownNotice, "application/xml", 1, func(i, _ int) string {
			return fmt.Sprintf(`<notification xmlns="urn:allim:v1"><to><identities><identity kind="employee">E%d</identity></identities></to><title>주문 %d 승인</title><body>금액 %s원</body><collapseKey>order-%d</collapseKey><data><entry key="order">%d</entry></data><priority>high</priority></notification>`,
				i%formsPeople, i, amount(i), i, i)
		}},
		{"EUC-KR XML, mapped", mappedPath, "text/xml", 1, erp},
		{"EUC-KR XML, mapped, 100 a document", mappedPath, "text/xml", 100, erp},
		{"SOAP", api.SOAPPath, "text/xml", 1, func(i, _ int) string {
			return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><send xmlns="urn:allim:v1"><notification><to><identities><identity kind="employee">E%d</identity></identities></to><title>주문 %d 승인</title><body>금액 %s원</body><collapseKey>order-%d</collapseKey><data><entry key="order">%d</entry></data><priority>high</priority></notification></send></s:Body></s:Envelope>`,
				i%formsPeople, i, amount(i), i, i)
		}},
		{"SOAP, 100 a message", api.SOAPPath, "application/soap+xml", 100, func(from, to int) string {
			var b strings.Builder
			for i := from; i < to; i++ {
				fmt.Fprintf(&b, `<notification><to><identities><identity kind="employee">E%d</identity></identities></to><title>주문 %d 승인</title><body>금액 %s원</body><collapseKey>order-%d</collapseKey><data><entry key="order">%d</entry></data><priority>high</priority></notification>`,
					i%formsPeople, i, amount(i), i, i)
			}
			return `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><sendMany xmlns="urn:allim:v1"><notifications>` +
				b.String() + `</notifications></sendMany></s:Body></s:Envelope>`
		}},
		{"foreign SOAP, mapped", mappedPath, "text/xml", 1, func(from, to int) string {
			return `<?xml version="1.0" encoding="EUC-KR"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body><o:Orders xmlns:o="urn:erp:order">` +
				ordersOf(from, to) + "</o:Orders></s:Body></s:Envelope>"
		}},
	}
}

// formsHub is a hub with people and a key; each form posts to a fresh one.
type formsHub struct {
	app  *app.App
	key  string
	http *http.Client
}

func startForms(ctx context.Context, dir string) (h *formsHub, err error) {
	config, err := configs.Parse(filepath.Join(dir, "allim.yaml"), []byte("listen: 127.0.0.1:0\ndata_dir: data\n"+formsConfig))
	if err != nil {
		return nil, err
	}
	a, err := app.New(ctx, app.Options{Config: config, Synchronous: sqlite.Normal})
	if err != nil {
		return nil, err
	}
	if err := a.Start(ctx); err != nil {
		return nil, err
	}
	h = &formsHub{app: a, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: formsWorkers}}}
	for i := range formsPeople {
		_, _, err = a.Hub().PutUser(ctx, notify.User{ID: fmt.Sprint("u", i), Identities: []notify.Identity{{Kind: "employee", Value: fmt.Sprint("E", i)}}})
		if err != nil {
			return nil, errors.Join(err, h.stop())
		}
	}
	key, secret, err := api.NewKey("erp", []notify.Scope{notify.ScopeSend}, notify.SystemClock{})
	if err == nil {
		h.key, err = secret, a.Store().PutKey(ctx, key, notify.HashSecret(secret))
	}
	if err != nil {
		return nil, errors.Join(err, h.stop())
	}
	return h, nil
}

func (h *formsHub) stop() error {
	h.http.CloseIdleConnections()
	return h.app.Stop(context.Background())
}

const formsWorkers = 16

// bodies encodes the documents of n notifications.
func (f aForm) bodies(n int) ([][]byte, error) {
	var out [][]byte
	for from := 0; from < n; from += f.many {
		doc := []byte(f.body(from, min(n, from+f.many)))
		if f.path == mappedPath {
			var err error
			if doc, err = korean.EUCKR.NewEncoder().Bytes(doc); err != nil {
				return nil, err
			}
		}
		out = append(out, doc)
	}
	return out, nil
}

// postAll posts all documents, some side by side.
func (h *formsHub) postAll(ctx context.Context, f aForm, bodies [][]byte) error {
	g, ctx := errgroup.WithContext(ctx)
	var at atomic.Int64
	for range formsWorkers {
		g.Go(func() error {
			for {
				i := int(at.Add(1)) - 1
				if i >= len(bodies) {
					return nil
				}
				if err := h.post(ctx, f, bodies[i]); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

func (h *formsHub) post(ctx context.Context, f aForm, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.app.URL()+f.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", f.contentType)
	req.Header.Set("Authorization", "Bearer "+h.key)
	res, err := h.http.Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s: %d %s", f.name, res.StatusCode, answer)
	}
	return nil
}

// stored gives all notifications by their titles, without what differs by nature.
func (h *formsHub) stored(ctx context.Context) (map[string]notify.Notification, error) {
	all := map[string]notify.Notification{}
	p := notify.Page{Limit: 1000}
	for {
		list, err := h.app.Store().Notifications(ctx, notify.NotificationFilter{}, p)
		if err != nil {
			return nil, err
		}
		for _, n := range list {
			p.After = n.ID
			n.ID, n.Seq, n.By, n.Words = "", 0, "", nil
			n.CreatedAt, n.ExpiresAt, n.DoneAt = time.Time{}, time.Time{}, time.Time{}
			if _, twice := all[n.Content.Title]; twice {
				return nil, fmt.Errorf("%q is stored twice", n.Content.Title)
			}
			all[n.Content.Title] = n
		}
		if len(list) < p.Limit {
			return all, nil
		}
	}
}

// measureForm posts n notifications in one form to a fresh hub, and gives what is stored then. timed runs the posting.
func measureForm(ctx context.Context, dir string, f aForm, n int, timed func(post func() error) error) (map[string]notify.Notification, error) {
	h, err := startForms(ctx, dir)
	if err != nil {
		return nil, err
	}
	bodies, err := f.bodies(n)
	if err == nil {
		err = timed(func() error { return h.postAll(ctx, f, bodies) })
	}
	var all map[string]notify.Notification
	if err == nil {
		all, err = h.stored(ctx)
	}
	return all, errors.Join(err, h.stop())
}

// TestEveryFormGivesTheSame: the same notifications are stored, whichever way they were posted.
func TestEveryFormGivesTheSame(t *testing.T) {
	const n = 250
	var first map[string]notify.Notification
	for _, f := range forms() {
		all, err := measureForm(t.Context(), t.TempDir(), f, n, func(post func() error) error { return post() })
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = all
		}
		if len(all) != n {
			t.Errorf("%s: %d are stored, want %d", f.name, len(all), n)
		}
		if d := cmp.Diff(first, all); d != "" {
			t.Errorf("%s is stored otherwise than JSON:\n%s", f.name, d)
		}
	}
	if got := first["주문 7 승인"]; got.Content.Body != "금액 1,500,007원" || got.CollapseKey != "order-7" || got.To.Identities[0].Value != "e7" {
		t.Errorf("%+v", got)
	}
}

// BenchmarkForms posts 10,000 notifications in each form, and says what one costs, and how that compares to JSON.
func BenchmarkForms(b *testing.B) {
	const n = 10_000
	var first map[string]notify.Notification
	base := 0.0
	for _, f := range forms() {
		b.Run(strings.ReplaceAll(f.name, " ", "_"), func(b *testing.B) {
			var took, cpu time.Duration
			runs := 0
			for b.Loop() {
				runs++
				all, err := measureForm(b.Context(), b.TempDir(), f, n, func(post func() error) error {
					began, used := time.Now(), processTime()
					err := post()
					took, cpu = took+time.Since(began), cpu+processTime()-used
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				if first == nil {
					first = all
				}
				if d := cmp.Diff(first, all); d != "" || len(all) != n {
					b.Fatalf("%d are stored, otherwise than JSON:\n%s", len(all), d)
				}
			}
			each := float64(cpu.Microseconds()) / float64(runs*n)
			if base == 0 {
				base = each
			}
			b.ReportMetric(each, "cpu-us/notification")
			b.ReportMetric(float64(took.Microseconds())/float64(runs*n), "wall-us/notification")
			b.ReportMetric(each/base, "of-JSON")
			b.ReportMetric(0, "ns/op")
		})
	}
}
