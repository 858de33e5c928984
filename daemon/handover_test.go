package daemon

import (
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"intray/daemon/handover"
)

// receiver is somebody's server that can be down.
type receiver struct {
	t       *testing.T
	mu      sync.Mutex
	events  map[string]int // by webhook-id: how often it was taken
	bodies  []string
	arrived chan struct{}
}

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	seconds, err := strconv.ParseInt(q.Header.Get("webhook-timestamp"), 10, 64)
	id := q.Header.Get("webhook-id")
	want, signErr := handover.Sign(testSecret, id, time.Unix(seconds, 0), body)
	if err != nil || signErr != nil || q.Header.Get("webhook-signature") != want || id == "" {
		r.t.Errorf("a message that is not signed well: %v", q.Header)
	}
	r.mu.Lock()
	r.events[id]++
	r.bodies = append(r.bodies, string(body))
	r.mu.Unlock()
	r.arrived <- struct{}{}
}

// TestReceiverThatWasDown has fifty documents delivered while the receiver is
// down and the daemon killed again and again: it gets each event once by id.
func TestReceiverThatWasDown(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	o := newOffice(t, "[[receiver]]\nname = \"erp\"\nurl = \"http://"+address+"/\"\nsecret = { env = \"ERP_SECRET\" }\nevents = [\"document.failed\"]\n")
	o.set("base = \"100ms\"\n", "base = \"100ms\"\ncap = \"20s\"\n") // it was down for a while, and pauses grow
	o.configure("csv = \"table.csv\"\n")
	o.env = []string{"ERP_SECRET=" + testSecret}
	const documents = 50
	for i := range documents {
		o.drop(fmt.Sprintf("%d.pdf", i), fmt.Appendf(nil, "no PDF, number %d", i))
	}
	o.start()
	for range 3 {
		o.waitLog("Failed.")
		o.kill()
		o.start()
	}
	for i := range documents {
		if _, err := os.Stat(o.path("in", fmt.Sprintf("%d.pdf", i))); err == nil {
			o.waitLog("Failed.", fmt.Sprintf("=%d.pdf", i))
		}
	}
	r := &receiver{t: t, events: map[string]int{}, arrived: make(chan struct{}, 1000)}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: r}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	deadline := time.After(patience)
	distinct := 0
	for distinct < documents {
		select {
		case <-r.arrived:
			r.mu.Lock()
			distinct = len(r.events)
			r.mu.Unlock()
		case <-deadline:
			t.Fatalf("%d of %d events arrived\n%s", distinct, documents, o.log)
		}
	}
	o.stop()
	if len(r.events) != documents {
		t.Errorf("%d events for %d documents", len(r.events), documents)
	}
	for id, n := range r.events {
		if n != 1 {
			t.Errorf("event %s came %d times though the receiver took it", id, n)
		}
	}
	if _, err := os.Stat(o.path("table.csv")); err == nil {
		t.Error("failed documents are in the table of delivered ones")
	}
}

// TestTableAndCommand kills the daemon after each hand-over and before it is
// noted: every document has one line, and the command is run again.
func TestTableAndCommand(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.configure("csv = \"tables/all.csv\"\nhook = [\"sh\", \"-c\", \"cat > \\\"$0/$INTRAY_DOCUMENT_ID\\\" && test -n \\\"$INTRAY_PDF\\\"\", \"" + o.path("told") + "\"]\n")
	if err := os.Mkdir(o.path("told"), 0o755); err != nil {
		t.Fatal(err)
	}
	tool(t, "sh")
	for i := range 3 {
		o.drop(fmt.Sprintf("=cmd %d.png", i), scanPNG(t, fmt.Sprintf("document number %d", i)))
	}
	for range 3 {
		o.dieAt("handover.told:1")
	}
	o.start()
	until := time.Now().Add(patience)
	for {
		files, _ := os.ReadDir(o.path("told")) // before the question whether one waits: all three were begun then
		out, _, _ := runIntray(t, "stats", "--json", "--config", o.config)
		if strings.Contains(out, `"waiting": 0`) && strings.Contains(out, `"dead": 0`) && len(files) == 3 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("still waiting: %s\n%s", out, o.log)
		}
	}
	o.stop()
	data, err := os.ReadFile(o.path("tables", "all.csv"))
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(data), "\xEF\xBB\xBF")
	read := csv.NewReader(strings.NewReader(text))
	read.Comma = ';'
	rows, err := read.ReadAll()
	if err != nil || !ok || len(rows) != 4 || rows[0][0] != "document_id" {
		t.Fatalf("the table: %v\n%s", err, data)
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		if seen[row[0]] || !strings.HasPrefix(row[4], "'=cmd") {
			t.Errorf("line %v", row)
		}
		seen[row[0]] = true
		told := o.delivered("told", row[0])
		if told.DocumentID != row[0] || !strings.Contains(told.Text, "document number") {
			t.Errorf("the command got %+v", told.Source)
		}
	}
}
