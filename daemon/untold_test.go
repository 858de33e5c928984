package daemon

import (
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestUntold: a message that was given up is listed, counted and told of by every
// command that looks, beside the daemon and without it, until it was told.
func TestUntold(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	erp := "[[receiver]]\nname = \"erp\"\nurl = \"http://" + address + "/\"\nsecret = { env = \"ERP_SECRET\" }\n"
	o := newOffice(t, erp)
	o.env = []string{"ERP_SECRET=" + testSecret}
	o.start()
	o.drop("junk.pdf", []byte("no scan"))
	o.waitLog("could not be handed over and will be")
	o.stop()
	with, err := os.ReadFile(o.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.config, []byte(strings.Replace(string(with), erp, "", 1)), 0o644); err != nil { // nobody of that name any more
		t.Fatal(err)
	}
	o.start()
	o.waitLog("it is not tried again unless you ask")
	for _, running := range []bool{true, false} {
		if !running {
			o.stop()
		}
		o.until(nil, func() bool { return strings.Contains(o.ok("stats"), "waiting to be told 0, given up 1.") })
		if out := o.ok("list", "--untold"); !strings.Contains(out, "junk.pdf") || !strings.Contains(out, "document.failed") || !strings.Contains(out, "given up") {
			t.Errorf("list --untold: %s", out)
		}
		if out := o.ok("list", "--untold", "--json"); !strings.Contains(out, `"dead": true`) || !strings.Contains(out, o.documents()[0].DocumentID) {
			t.Errorf("list --untold --json: %s", out)
		}
		if _, said, _ := runIntray(t, "list", "--config", o.config); !strings.Contains(said, "Messages given up: 1. `intray list --untold`") {
			t.Errorf("list said %q", said)
		}
		if out, _, code := runIntray(t, "doctor", "--config", o.config); code != exitUnexpected || !strings.Contains(out, "hand-over      PROBLEM  messages about documents given up: 1;") {
			t.Errorf("doctor: %d, %s", code, out)
		}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, events: map[string]int{}, arrived: make(chan struct{}, 10)}
	server := &http.Server{Handler: r}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	if err := os.WriteFile(o.config, with, 0o644); err != nil {
		t.Fatal(err)
	}
	o.start()
	if out := o.ok("retry", "--untold"); out != "Messages told again now: 1\n" {
		t.Errorf("retry --untold: %s", out)
	}
	select {
	case <-r.arrived:
	case <-time.After(patience):
		t.Fatalf("the message did not arrive\n%s", o.log)
	}
	o.until(nil, func() bool { return o.ok("list", "--untold") == "Everybody was told everything.\n" })
	if docs := o.documents(); len(docs) != 1 || docs[0].Attempts > 1 {
		t.Errorf("telling again has read again: %+v", docs)
	}
}
