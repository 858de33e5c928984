package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"intray/daemon/web/access"
)

// TestMistyped: what is not understood as a whole is not done in part.
func TestMistyped(t *testing.T) {
	d := newDesk(t)
	id := d.sent("a.pdf", "one").DocumentID
	approve := "/api/v1/documents/" + id + "/approve"
	for name, c := range map[string]struct {
		path, body, says string
		want             int
	}{
		"correction":        {approve, `{"feilds": {"total": "1.00"}}`, `"feilds"`, 400},
		"dry run":           {"/api/v1/purge", `{"dryrun": true}`, "ids and dry_run", 400},
		"second object":     {"/api/v1/purge", `{"dry_run": true} {"dry_run": false}`, "no JSON", 400},
		"invitation":        {"/api/v1/invitations", `{"rôle": "reader"}`, "name and role", 400},
		"long":              {approve, strings.Repeat(" ", longestRequest+1) + "{}", "longer", 413},
		"deep":              {approve, strings.Repeat(`{"fields":`, 90_000), "no JSON", 400},
		"nothing":           {approve, "", "", 200},
		"with a line's end": {approve, "{}\n", "", 200},
	} {
		events, err := d.ledger.Events(id)
		if err != nil {
			t.Fatal(err)
		}
		w := d.ask("POST", c.path, strings.NewReader(c.body), withToken)
		if w.Code != c.want || !strings.Contains(w.Body.String(), strings.ReplaceAll(c.says, `"`, `\"`)) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if after, err := d.ledger.Events(id); err != nil || c.want != 200 && len(after) != len(events) {
			t.Errorf("%s: something was done: %+v, %v", name, after, err)
		}
	}
}

// TestPacked: a packed body is neither unpacked nor stored.
func TestPacked(t *testing.T) {
	d := newDesk(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.Copy(z, strings.NewReader(strings.Repeat("0", 1<<20)))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/documents?folder=desk&name=a.pdf", "/api/v1/purge", "/sign-in", "/upload"} {
		w := d.ask("POST", path, bytes.NewReader(packed.Bytes()), withToken, header("Content-Encoding", "gzip"))
		if w.Code != 415 || w.Header().Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := d.ask("GET", "/api/v1/documents", nil, withToken); strings.TrimSpace(w.Body.String()) != "[]" {
		t.Errorf("taken in: %s", w.Body)
	}
	if w := d.ask("POST", "/api/v1/documents?folder=desk&name=a.pdf", strings.NewReader("one"), withToken, header("Content-Encoding", "Identity")); w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestScheme: the scheme of a proof is written in any case.
func TestScheme(t *testing.T) {
	d := newDesk(t)
	for proof, want := range map[string]int{"bearer the right token of it": 200, "BEARER  the right token of it": 200, "bearer no": 401, "bearer": 401, "Bearers the right token of it": 401} {
		if w := d.ask("GET", "/api/v1/stats", nil, header("Authorization", proof)); w.Code != want {
			t.Errorf("%q: %d %s", proof, w.Code, w.Body)
		}
	}
}

// TestManyAtOnce: a program that asks many things at once, with the right password,
// is none that guesses.
func TestManyAtOnce(t *testing.T) {
	in, all := sync.WaitGroup{}, sync.WaitGroup{}
	const many = 4 * guessesAtOnce
	in.Add(many)
	s := &Server{Log: slog.New(slog.DiscardHandler), Site: http.NotFoundHandler(), Users: []User{{"rita", access.Reader, func() (string, error) {
		in.Done()
		in.Wait() // until all are being looked at
		return "rita's password", nil
	}}}}
	d := &desk{t: t, Server: s, handler: s.Handler()}
	for range many {
		all.Go(func() {
			if w := d.ask("GET", "/anything", nil, as("rita")); w.Code != 404 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	all.Wait()
}

// TestOtherPassword: a session ends with the password that it began with; one by
// link or token has nothing to do with it.
func TestOtherPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		password, trouble := "first", error(nil)
		s := &Server{Token: "the right token of it", Log: slog.New(slog.DiscardHandler),
			Site:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, access.Of(r.Context()).Name) }),
			Users: []User{{"vera", access.Reviewer, func() (string, error) { return password, trouble }}}}
		d := &desk{t: t, Server: s, handler: s.Handler()}
		enter := func(secret string) *http.Cookie {
			body := strings.NewReader(url.Values{"name": {"vera"}, "secret": {secret}}.Encode())
			w := d.ask("POST", "/sign-in", body, header("Content-Type", "application/x-www-form-urlencoded"))
			if w.Code != 303 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			return w.Result().Cookies()[0]
		}
		in := func(c *http.Cookie) bool { return d.ask("GET", "/", nil, cookie(c)).Code == 200 }
		byPassword, byToken, byLink := enter("first"), enter("the right token of it"), d.session(access.Reader)
		if !in(byPassword) || !in(byToken) || !in(byLink) {
			t.Fatal("nobody is in")
		}
		trouble = fmt.Errorf("the share is away")
		if in(byPassword) || !in(byToken) {
			t.Error("with a password that cannot be read")
		}
		trouble = nil
		if !in(byPassword) {
			t.Error("a moment's trouble ended the session")
		}
		password = "second"
		if in(byPassword) || !in(byToken) || !in(byLink) {
			t.Error("with another password")
		}
		if password = "first"; in(byPassword) {
			t.Error("the session came back")
		}
	})
}

// TestNextServer: who is signed in stays it under the server that takes a server's place.
// What is not bound to a password ends where the token or the users are others.
func TestNextServer(t *testing.T) {
	sessions := &Sessions{}
	serve := func(token string, users ...string) *desk {
		s := &Server{Token: token, Log: slog.New(slog.DiscardHandler), Sessions: sessions, Site: http.NotFoundHandler()}
		for _, name := range users {
			s.Users = append(s.Users, User{name, access.Reviewer, func() (string, error) { return name + "'s password", nil }})
		}
		return &desk{t: t, Server: s, handler: s.Handler()}
	}
	first := serve("the right token of it", "vera", "rita")
	byLink := first.session(access.Reader)
	byPassword := &http.Cookie{Name: byLink.Name, Value: sessions.beginWith(access.Caller{Role: access.Reviewer, Name: "vera"}, "vera's password")}
	unused := sessions.invite(access.Caller{Role: access.Admin, Name: "late"})
	in := func(d *desk, c *http.Cookie) bool { return d.ask("GET", "/anything", nil, cookie(c)).Code == 404 }
	if next := serve("the right token of it", "vera", "rita"); !in(next, byLink) || !in(next, byPassword) {
		t.Error("signed out without a reason")
	}
	if next := serve("the right token of it", "vera", "rita", "anna"); !in(next, byLink) || !in(next, byPassword) {
		t.Error("signed out because somebody else may come, too")
	}
	if next := serve("another token of it", "vera", "rita"); in(next, byLink) || !in(next, byPassword) || next.ask("GET", "/sign-in?code="+unused, nil).Code != 401 {
		t.Error("with another token")
	}
	byLink = first.session(access.Reader)
	if next := serve("another token of it", "rita"); in(next, byLink) || in(next, byPassword) {
		t.Error("without the user")
	}
}
