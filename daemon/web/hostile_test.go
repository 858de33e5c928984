package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"intray/daemon/web/access"
	"intray/ledger"
)

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

// TestForeigners: other names, other pages and wrong proofs get nothing, whatever
// else is right about them.
func TestForeigners(t *testing.T) {
	d := newDesk(t)
	d.Hosts = []string{"scan.example.com"}
	id := d.sent("a.pdf", "one").DocumentID
	clerk := d.session(access.Admin)
	for name, c := range map[string]struct {
		method, path string
		change       []func(*http.Request)
		want         int
	}{
		"foreign host":               {"GET", "/api/v1/stats", []func(*http.Request){withToken, host("evil.example")}, 403},
		"foreign host, health":       {"GET", "/healthz", []func(*http.Request){host("evil.example:7423")}, 403},
		"name that begins as ours":   {"GET", "/healthz", []func(*http.Request){host("localhost.evil.example")}, 403},
		"no host":                    {"GET", "/healthz", []func(*http.Request){host("")}, 403},
		"our name":                   {"GET", "/healthz", []func(*http.Request){host("SCAN.example.com")}, 200},
		"foreign origin, session":    {"POST", "/api/v1/documents/" + id + "/approve", []func(*http.Request){cookie(clerk), header("Origin", "http://evil.example")}, 403},
		"other port, session":        {"POST", "/api/v1/documents/" + id + "/approve", []func(*http.Request){cookie(clerk), header("Origin", "http://127.0.0.1:8080")}, 403},
		"null origin, session":       {"POST", "/api/v1/purge", []func(*http.Request){cookie(clerk), header("Origin", "null")}, 403},
		"foreign site, session":      {"POST", "/api/v1/purge", []func(*http.Request){cookie(clerk), header("Sec-Fetch-Site", "cross-site")}, 403},
		"foreign site, token":        {"POST", "/api/v1/purge", []func(*http.Request){withToken, header("Sec-Fetch-Site", "same-site")}, 403},
		"foreign origin, look":       {"GET", "/api/v1/documents", []func(*http.Request){cookie(clerk), header("Origin", "http://evil.example")}, 403},
		"foreign site, look":         {"GET", "/metrics", []func(*http.Request){cookie(clerk), header("Sec-Fetch-Site", "cross-site")}, 403},
		"foreign form signs in":      {"POST", "/sign-in", []func(*http.Request){header("Origin", "http://evil.example")}, 403},
		"own page":                   {"POST", "/api/v1/documents/" + id + "/approve", []func(*http.Request){cookie(clerk), header("Origin", "http://"+here), header("Sec-Fetch-Site", "same-origin")}, 200},
		"no proof":                   {"GET", "/api/v1/stats", nil, 401},
		"wrong token":                {"GET", "/api/v1/stats", []func(*http.Request){header("Authorization", "Bearer the wrong token of it")}, 401},
		"empty token":                {"GET", "/api/v1/stats", []func(*http.Request){header("Authorization", "Bearer ")}, 401},
		"token without its scheme":   {"GET", "/api/v1/stats", []func(*http.Request){header("Authorization", "the right token of it")}, 401},
		"wrong token, good session":  {"GET", "/api/v1/stats", []func(*http.Request){header("Authorization", "Bearer no"), cookie(clerk)}, 401},
		"password of another":        {"GET", "/api/v1/stats", []func(*http.Request){func(r *http.Request) { r.SetBasicAuth("rita", "vera's password") }}, 401},
		"user that there is not":     {"GET", "/api/v1/stats", []func(*http.Request){func(r *http.Request) { r.SetBasicAuth("nobody", "") }}, 401},
		"session that there is not":  {"GET", "/api/v1/stats", []func(*http.Request){header("Cookie", clerk.Name+"=made-up")}, 401},
		"path out of the API":        {"GET", "/api/v1/documents/..%2f..%2fapi-token/original", []func(*http.Request){withToken}, 404},
		"file that there is not":     {"GET", "/api/v1/documents/" + id + "/passwd", []func(*http.Request){withToken}, 404},
		"method that there is not":   {"DELETE", "/api/v1/documents/" + id, []func(*http.Request){withToken}, 404},
		"link to elsewhere, page":    {"GET", "//evil.example/", nil, 307},
		"a page, not signed in":      {"GET", "/review", nil, 401},
		"change of a page, stranger": {"POST", "/review", nil, 401},
	} {
		w := d.ask(c.method, c.path, nil, c.change...)
		if w.Code != c.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if h := w.Header(); h.Get("Content-Security-Policy") != contentPolicy || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: headers %v", name, h)
		}
	}
}

// TestSessions: a session is new at each sign-in, ends when it is ended, when it
// was idle and when it is old; a link is good once and for a short time.
func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, Server: &Server{Token: "the right token of it", Log: slog.New(slog.DiscardHandler),
			Site: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, access.Of(r.Context()).Name) })}}
		d.handler = d.Handler()
		in := func(c *http.Cookie) bool { return d.ask("GET", "/", nil, cookie(c)).Code == 200 }
		form := func(secret, then string, change ...func(*http.Request)) *http.Response {
			body := strings.NewReader(url.Values{"secret": {secret}, "then": {then}}.Encode())
			return d.ask("POST", "/sign-in", body, append(change, header("Content-Type", "application/x-www-form-urlencoded"))...).Result()
		}
		// Fixation: a name that was there before is not made a session.
		planted := &http.Cookie{Name: d.cookieName(), Value: "planted"}
		answered := form("the right token of it", "/review", cookie(planted))
		first := answered.Cookies()[0]
		if answered.StatusCode != 303 || answered.Header.Get("Location") != "/review" || first.Value == "planted" || in(planted) || !in(first) {
			t.Errorf("%+v", answered)
		}
		if !first.HttpOnly || first.SameSite != http.SameSiteStrictMode || first.Path != "/" || first.Domain != "" {
			t.Errorf("cookie %+v", first)
		}
		second := form("the right token of it", "/", cookie(first)).Cookies()[0]
		if in(first) || !in(second) {
			t.Error("signing in anew leaves the old session open")
		}
		for _, elsewhere := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "evil", "javascript:alert(1)", "/\nx"} {
			if to := form("the right token of it", elsewhere).Header.Get("Location"); to != "/" {
				t.Errorf("%q leads to %q", elsewhere, to)
			}
		}
		d.ask("POST", "/sign-out", nil, cookie(second))
		if in(second) {
			t.Error("signed out and still in")
		}
		idle, busy := d.session(access.Reader), d.session(access.Reader)
		for range 6 * 24 {
			time.Sleep(time.Hour)
			if !in(busy) {
				t.Fatal("a session that is used ended early")
			}
		}
		if in(idle) {
			t.Error("an idle session lives")
		}
		for range 24 {
			time.Sleep(time.Hour)
			in(busy)
		}
		if in(busy) {
			t.Error("a session lives for ever")
		}
		code := d.Sessions.invite(access.Caller{Role: access.Reader})
		if got := d.ask("GET", "/sign-in?code="+code, nil).Code; got != 200 {
			t.Error(got)
		}
		if got := d.ask("GET", "/sign-in?code="+code, nil); got.Code != 401 || len(got.Result().Cookies()) > 0 {
			t.Error("a link signs in twice")
		}
		late := d.Sessions.invite(access.Caller{Role: access.Reader})
		time.Sleep(codeLife)
		if got := d.ask("GET", "/sign-in?code="+late, nil); got.Code != 401 || len(got.Result().Cookies()) > 0 {
			t.Error("an old link signs in")
		}
		for n := range 10_000 {
			if got := d.ask("GET", fmt.Sprintf("/sign-in?code=GUESS%d", n), nil); len(got.Result().Cookies()) > 0 {
				t.Fatal("a guessed code signs in")
			}
		}
		if n := len(d.Sessions.codes); n > 0 {
			t.Errorf("%d codes", n)
		}
		for range 2 * maxSessions {
			d.session(access.Reader)
		}
		if n := len(d.Sessions.open); n > maxSessions {
			t.Errorf("%d sessions", n)
		}
	})
}

// TestGuessing: who guesses passwords must wait, also with the right one; others,
// and the token, need not.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Token: "the right token of it", Log: slog.New(slog.DiscardHandler), Site: http.NotFoundHandler(),
			Users: []User{{"rita", access.Reader, func() (string, error) { return "rita's password", nil }}}}
		d := &desk{t: t, Server: s, handler: s.Handler()}
		from := func(address string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = address } }
		try := func(password, address string) int {
			return d.ask("GET", "/metrics", nil, func(r *http.Request) { r.SetBasicAuth("rita", password) }, from(address)).Code
		}
		for range 100 {
			if got := try("rita's password", "10.0.0.1:1"); got != 404 {
				t.Fatalf("the right one: %d", got)
			}
		}
		wrong := 0
		for n := range 1000 {
			if try(fmt.Sprint(n), fmt.Sprintf("10.0.0.1:%d", n+1)) == 401 {
				wrong++
			}
		}
		if wrong != guessesAtOnce {
			t.Errorf("%d guesses were looked at", wrong)
		}
		for address, want := range map[string]int{"10.0.0.1:9": 429, "10.0.0.2:9": 404} {
			if got := try("rita's password", address); got != want {
				t.Errorf("from %s: %d", address, got)
			}
		}
		if got := d.ask("GET", "/metrics", nil, withToken, from("10.0.0.1:1")).Code; got != 404 {
			t.Errorf("the token: %d", got)
		}
		time.Sleep(guessEvery)
		if got := try("rita's password", "10.0.0.1:9"); got != 404 {
			t.Errorf("after a while: %d", got)
		}
		for n := range 2 * maxGuessers {
			try("x", fmt.Sprintf("10.%d.%d.%d:1", 1+n>>16, n>>8&255, n&255))
		}
		if n := len(s.guesses.from); n > maxGuessers+1 {
			t.Errorf("%d addresses are remembered", n)
		}
		for n := range 20 {
			try("x", fmt.Sprintf("[2001:db8::%x]:1", n+1))
		}
		if got := try("rita's password", "[2001:db8::ffff]:1"); got != 429 {
			t.Errorf("another address of a network that guesses: %d", got)
		}
	})
}

// TestUploads: names lead nowhere, limits hold, and what is cut off leaves nothing.
func TestUploads(t *testing.T) {
	d := newDesk(t)
	post := func(query, body string, change ...func(*http.Request)) (Summary, int, string) {
		w := d.ask("POST", "/api/v1/documents?"+query, strings.NewReader(body), append(change, withToken)...)
		var s Summary
		_ = json.Unmarshal(w.Body.Bytes(), &s)
		return s, w.Code, w.Body.String()
	}
	n := 0
	for given, want := range map[string]string{"scan.pdf": "scan.pdf", "../../etc/passwd": "passwd", `C:\fakepath\scan.pdf`: "scan.pdf", `..\..\x.pdf`: "x.pdf",
		"/etc/cron.d/x": "x", "..": "", " ": "", "a/ ": "", ".": "", "/": "", `\`: "", "a/..": "", "": "", "a\x00.pdf": "", "a\nb.pdf": "", "\xff.pdf": "",
		strings.Repeat("a", 256): "", "<img src=x onerror=alert(1)>.pdf": "<img src=x onerror=alert(1)>.pdf", `".pdf`: `".pdf`, "Größe 日本.pdf": "Größe 日本.pdf"} {
		n++
		s, code, text := post(url.Values{"folder": {"desk"}, "name": {given}}.Encode(), fmt.Sprint("content ", n))
		if s.Name != want || s.Path != want || (want == "") != (code == 400) {
			t.Errorf("%q: %d %q %s", given, code, s.Name, text)
		}
		if want == "" {
			continue
		}
		w := d.ask("GET", "/api/v1/documents/"+s.DocumentID+"/original?inline=1", nil, withToken)
		if h := w.Header(); w.Code != 200 || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("Content-Type") != "application/octet-stream" ||
			strings.ContainsAny(h.Get("Content-Disposition"), "\r\n") {
			t.Errorf("%q: %d %v", given, w.Code, h)
		}
	}
	for name, c := range map[string]struct {
		query, body string
		change      []func(*http.Request)
		want        int
	}{
		"as large as may be":     {"folder=small&name=a", strings.Repeat("x", 1<<10), nil, 201},
		"too large":              {"folder=small&name=a", strings.Repeat("x", 1<<10+1), nil, 413},
		"too large, size untold": {"folder=small&name=a", strings.Repeat("x", 1<<10+1), []func(*http.Request){func(r *http.Request) { r.ContentLength = -1 }}, 413},
		"no folder":              {"name=a", "x", nil, 400},
		"unknown folder":         {"folder=../small&name=a", "x", nil, 400},
		"long key":               {"folder=small&name=a", "x", []func(*http.Request){header("Idempotency-Key", strings.Repeat("k", 256))}, 400},
		"form without file":      {"folder=small", "--b\r\n--b--\r\n", []func(*http.Request){header("Content-Type", "multipart/form-data; boundary=b")}, 400},
		"form that is none":      {"folder=small", "x", []func(*http.Request){header("Content-Type", "multipart/form-data")}, 400},
		"form that is cut off": {"folder=small", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\nhalf of it",
			[]func(*http.Request){header("Content-Type", "multipart/form-data; boundary=b")}, 400},
	} {
		if _, code, text := post(c.query, c.body, c.change...); code != c.want {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	_ = parts.WriteField("folder", "small")
	file, err := parts.CreateFormFile("file", "../../from a form.pdf")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(file, "in a form")
	_ = parts.Close()
	if s, code, text := post("", form.String(), header("Content-Type", parts.FormDataContentType())); code != 201 || s.Name != "from a form.pdf" || s.Folder != "small" || s.Size != 9 {
		t.Errorf("a form: %d %s", code, text)
	}
	// The same upload sent again is the same document; another under its key is refused.
	key := header("Idempotency-Key", "k1")
	one, code1, _ := post("folder=desk&name=k.pdf", "keyed", key)
	two, code2, _ := post("folder=desk&name=k.pdf", "keyed", key)
	_, code3, _ := post("folder=desk&name=k.pdf", "other", key)
	again, code4, _ := post("folder=desk&name=k.pdf", "keyed")
	if code1 != 201 || code2 != 201 || one.DocumentID != two.DocumentID || code3 != 422 || code4 != 200 || again.DuplicateOf != one.DocumentID {
		t.Errorf("%d %d %d %d, %+v, %+v, %+v", code1, code2, code3, code4, one, two, again)
	}
	left, err := os.ReadDir(filepath.Join(d.store.Dir(), "tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("half-written: %v, %v", left, err)
	}
}

// TestDownloads: ranges, unchanged files, and why there is none.
func TestDownloads(t *testing.T) {
	d := newDesk(t)
	s := d.sent("a.pdf", "%PDF-1.7 0123456789")
	path := "/api/v1/documents/" + s.DocumentID
	w := d.ask("GET", path+"/original?inline=1", nil, withToken, header("Range", "bytes=9-12"))
	if w.Code != 206 || w.Body.String() != "0123" || w.Header().Get("Content-Type") != "application/pdf" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "inline") {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if w := d.ask("GET", path+"/original", nil, withToken, header("If-None-Match", w.Header().Get("ETag"))); w.Code != 304 {
		t.Errorf("unchanged: %d", w.Code)
	}
	if w := d.ask("GET", path+"/original", nil, withToken, header("Range", "bytes=99-")); w.Code != 416 {
		t.Errorf("beyond its end: %d", w.Code)
	}
}

// TestEvents: those who follow are told; one who comes back is told what was
// missed, or that too much was.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	address := d.start()
	follow := func(last string) (next func() (id, kind string)) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		withToken(r)
		r.Header.Set("Last-Event-ID", last)
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode != 200 {
			t.Fatal(answer, err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		lines := bufio.NewScanner(answer.Body)
		return func() (id, kind string) {
			for lines.Scan() {
				switch name, value, _ := strings.Cut(lines.Text(), ": "); {
				case name == "id":
					id = value
				case name == "event":
					kind = value
				case name == "data":
					var h Happened
					if err := json.Unmarshal([]byte(value), &h); err != nil || kind == "moved" && (h.ID != id || h.Move != "receive" || h.To != "received" || h.Folder != "desk") {
						t.Errorf("%s, %v", value, err)
					}
				case name == "" && kind != "":
					return id, kind
				}
			}
			return "", "end"
		}
	}
	next := follow("")
	d.sent("a.pdf", "1")
	first, kind := next()
	if first == "" || kind != "moved" {
		t.Fatalf("%q %q", first, kind)
	}
	d.sent("b.pdf", "2")
	if second, _ := follow(first)(); second == "" || second == first {
		t.Errorf("missed: %q", second)
	}
	for _, unknown := range []string{"other-0", "nonsense", strings.Replace(first, "-0", "-99", 1)} {
		if _, kind := follow(unknown)(); kind != "reset" {
			t.Errorf("after %s: %q", unknown, kind)
		}
	}
	for n := range 20 { // the ring holds 16
		d.sent("c.pdf", fmt.Sprint("more ", n))
	}
	if _, kind := follow(first)(); kind != "reset" {
		t.Errorf("after a long absence: %q", kind)
	}
}

// TestSlowFollower: one that does not read is cut off, and holds nobody up; there
// are only so many.
func TestSlowFollower(t *testing.T) {
	e := NewEvents(4)
	_, _, slow := e.follow("")
	_, _, fast := e.follow("")
	for range behind + 1 {
		e.Observe(ledger.Event{}, ledger.Document{})
		<-fast
	}
	for range behind {
		<-slow
	}
	if _, more := <-slow; more {
		t.Error("the slow one was not cut off")
	}
	for range maxFollowers - 1 {
		e.follow("")
	}
	if _, _, one := e.follow(""); one != nil {
		t.Error("there is no end of followers")
	}
}

// TestSlowUpload: who falls silent is cut off, and who is slow but steady is not.
func TestSlowUpload(t *testing.T) {
	d := newDesk(t)
	d.silence = 3 * time.Second // a busy machine is silent for a moment, too
	address := d.start()
	send := func(pause time.Duration, pieces int) (string, time.Duration) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		began := time.Now()
		fmt.Fprintf(conn, "POST /api/v1/documents?folder=desk&name=slow.pdf HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer the right token of it\r\nContent-Length: 10\r\n\r\n", address)
		go func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for range pieces {
				<-tick.C
				_, _ = io.WriteString(conn, "x")
			}
		}()
		line, _ := bufio.NewReader(conn).ReadString('\n')
		return line, time.Since(began)
	}
	if line, took := send(400*time.Millisecond, 10); !strings.Contains(line, "201") {
		t.Errorf("slow but steady: %q after %s", line, took)
	}
	if line, took := send(time.Millisecond, 5); strings.Contains(line, "201") || took > silence-time.Second {
		t.Errorf("silent: %q after %s", line, took)
	}
}

// TestIdleConnections: hundreds that say nothing, or half a header, keep nobody
// from being served; past the limit they make room.
func TestIdleConnections(t *testing.T) {
	d := newDesk(t)
	address := d.start()
	for n := range maxConnections + 100 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("connection %d: %v", n, err)
		}
		defer conn.Close()
		if n%2 == 0 {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: ")
		}
		if n != 500 && n != maxConnections+99 {
			continue
		}
		began := time.Now()
		answer, err := http.Get("http://" + address + "/healthz")
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("among %d: %v, %v", n, answer, err)
		}
		_ = answer.Body.Close()
		t.Logf("among %d idle connections: answered in %s", n, time.Since(began).Round(time.Microsecond))
	}
}
