package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"intray/daemon/originals"
	"intray/daemon/web/access"
	"intray/ledger"
	"intray/ledger/ledgertest"
)

// here is the host by which the tests ask, and port its port.
const here = "127.0.0.1:7423"

// desk is a server over a real ledger and store, with as much of a house as
// uploads and downloads need.
type desk struct {
	*Server
	t       *testing.T
	ledger  *ledger.Ledger
	store   *originals.Store
	handler http.Handler
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	store, err := originals.Open(filepath.Join(t.TempDir(), "originals"))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, store: store}
	events := NewEvents(16)
	d.ledger = ledgertest.OpenWith(t, ledger.Options{Observe: events.Observe})
	user := func(name string, role access.Role) User {
		return User{name, role, func() (string, error) { return name + "'s password", nil }}
	}
	d.Server = &Server{Ledger: d.ledger, Address: here, Token: "the right token of it", Events: events, Log: slog.New(slog.DiscardHandler),
		Users:   []User{user("rita", access.Reader), user("vera", access.Reviewer), user("adam", access.Admin)},
		Folders: []Folder{{"desk", 1 << 20}, {"small", 1 << 10}},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "figures 1\n") }),
		Site: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "for "+access.Of(r.Context()).Name)
		})}
	d.Actions = Actions{Upload: d.upload, File: d.file,
		Retry: func(id, actor, _ string) (ledger.Document, error) { return d.acted(id, "retry", actor) },
		Decide: func(ctx context.Context, id, verb string, _ DecisionRequest) (ledger.Document, error) {
			return d.acted(id, verb, access.Of(ctx).Name)
		},
		Tell:  func([]string) (int, error) { return 0, nil },
		Purge: func(context.Context, []string, bool) (any, error) { return []any{}, nil },
		Report: func(since, _ string) (any, error) {
			if since == "" {
				return map[string]any{"days": []any{}}, nil
			}
			return nil, &Said{ErrQuestion, "That is no day."}
		},
		Backup: d.ledger.Backup, Stats: func() (any, error) {
			return map[string]any{"running": true, "documents": map[string]int{}, "intake": nil, "ledger": map[string]int{},
				"quality": map[string]int{}, "cloud": map[string]int{}, "outbox": map[string]int{}, "held": []string{}}, nil
		}}
	d.handler = d.Handler()
	return d
}

// acted notes who did what, in the place of a house that does it.
func (d *desk) acted(id, verb, actor string) (ledger.Document, error) {
	doc, err := d.ledger.Get(id)
	if err == nil {
		err = d.ledger.Forget(id, verb, actor, "in a test")
	}
	return doc, err
}

func (d *desk) upload(ctx context.Context, u Upload) (Uploaded, error) {
	blob, err := d.store.Put(ctx, u.Body)
	if err != nil {
		return Uploaded{}, err
	}
	doc, replayed, err := d.ledger.ReceiveOnce(ledger.Arrival{Folder: u.Folder, Path: u.Name, Name: u.Name, SHA256: blob.SHA256, Size: blob.Size,
		MIME: http.DetectContentType(blob.Head), Actor: u.Actor, Uploaded: true, Key: u.Key})
	return Uploaded{doc, replayed}, err
}

func (d *desk) file(doc ledger.Document, what FileKind) (*os.File, error) {
	if what == FileOriginal {
		return d.store.Open(doc.SHA256)
	}
	return nil, &Said{ErrRefused, "It is not there yet."}
}

// ask sends a request that change has had a hand in.
func (d *desk) ask(method, path string, body io.Reader, change ...func(*http.Request)) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(method, path, body)
	r.Host = here
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

func withToken(r *http.Request) { r.Header.Set("Authorization", "Bearer the right token of it") }

func as(name string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(name, name+"'s password") }
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func cookie(c *http.Cookie) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(c) }
}

// session signs in by a link of this role.
func (d *desk) session(role access.Role) *http.Cookie {
	d.t.Helper()
	w := d.ask("GET", "/sign-in?code="+d.Sessions.invite(access.Caller{Role: role, Name: "somebody"}), nil)
	if len(w.Result().Cookies()) != 1 {
		d.t.Fatalf("no cookie: %d %s", w.Code, w.Body)
	}
	return w.Result().Cookies()[0]
}

func (d *desk) sent(name, content string) Summary {
	d.t.Helper()
	w := d.ask("POST", "/api/v1/documents?folder=desk&name="+name, strings.NewReader(content), withToken)
	var s Summary
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != 201 {
		d.t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	return s
}

// TestRoles walks the table: each role on each route, by password and by session.
func TestRoles(t *testing.T) {
	d := newDesk(t)
	id := d.sent("a.pdf", "one").DocumentID
	gone, leave := context.WithCancel(t.Context())
	leave() // so that the stream of events ends at once
	for _, route := range d.routes() {
		if route.path == "/sign-out" || route.path == "/sign-in" {
			continue // they are about the session itself
		}
		path := strings.ReplaceAll(route.path, "{id}", id)
		for role, name := range []string{"", "rita", "vera", "adam"} {
			proofs := map[string]func(*http.Request){"nothing": func(*http.Request) {}}
			if name != "" {
				proofs = map[string]func(*http.Request){"password": as(name), "session": cookie(d.session(access.Role(role)))}
			}
			for how, proof := range proofs {
				w := d.ask(route.method, path, nil, proof, func(r *http.Request) { *r = *r.WithContext(gone) })
				allowed := access.Role(role) >= route.needs
				if refused := w.Code == 401 || w.Code == 403; refused == allowed || !allowed && role == 0 && w.Code != 401 || w.Code >= 500 && w.Code != 503 {
					t.Errorf("%s %s as %q by %s: %d %s", route.method, path, name, how, w.Code, w.Body)
				}
			}
		}
	}
	for path, want := range map[string]int{"/": 200, "/anything": 200} {
		if w := d.ask("GET", path, nil, as("rita")); w.Code != want || w.Body.String() != "for rita" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := d.ask("POST", "/anything", nil, as("rita")); w.Code != 403 {
		t.Errorf("a reader changes something on a page: %d", w.Code)
	}
	other := d.sent("b.pdf", "two").DocumentID
	d.ask("POST", "/api/v1/documents/"+other+"/approve", nil, as("vera"))
	events, err := d.ledger.Events(other)
	if err != nil || !slices.ContainsFunc(events, func(e ledger.Event) bool { return strings.HasPrefix(e.Why, "approve") && e.Actor == "vera" }) {
		t.Errorf("who approved is not in the history: %+v, %v", events, err)
	}
}

// TestOpenAPI: every route is described with its role, and nothing else is; every
// schema is one; and real answers are as described.
func TestOpenAPI(t *testing.T) {
	d := newDesk(t)
	var api struct {
		Paths map[string]map[string]struct {
			Role string `json:"x-role"`
		}
	}
	text := d.ask("GET", "/api/v1/openapi.json", nil).Body.Bytes()
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	routes := map[string]string{}
	for _, r := range d.routes() {
		routes[strings.ToLower(r.method)+" "+r.path] = r.needs.String()
		if got, ok := api.Paths[r.path][strings.ToLower(r.method)]; !ok || got.Role != r.needs.String() {
			t.Errorf("%s %s is described as for %q, it is for %s", r.method, r.path, got.Role, r.needs)
		}
	}
	for path, methods := range api.Paths {
		for method := range methods {
			if _, ok := routes[method+" "+path]; !ok {
				t.Errorf("%s %s is described and not there", method, path)
			}
		}
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("api.json", whole); err != nil {
		t.Fatal(err)
	}
	pointer := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	check := func(method, route string, w *httptest.ResponseRecorder, want int) {
		t.Helper()
		kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		if w.Code != want {
			t.Errorf("%s %s: %d %s", method, route, w.Code, w.Body)
		}
		schema, err := compiler.Compile("api.json#/paths/" + pointer.Replace(route) + "/" + method + "/responses/" + strconv.Itoa(w.Code) +
			"/content/" + pointer.Replace(kind) + "/schema")
		if err != nil {
			t.Errorf("%s %s %d %s is not described: %v", method, route, w.Code, kind, err)
			return
		}
		v, err := jsonschema.UnmarshalJSON(w.Body)
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			t.Errorf("%s %s %d: %v", method, route, w.Code, err)
		}
	}
	first := d.ask("POST", "/api/v1/documents?folder=desk&name=a.pdf", strings.NewReader("one"), withToken)
	id := strings.TrimPrefix(first.Header().Get("Location"), "/api/v1/documents/")
	check("post", "/api/v1/documents", first, 201)
	check("post", "/api/v1/documents", d.ask("POST", "/api/v1/documents?folder=desk&name=b.pdf", strings.NewReader("one"), withToken), 200)
	check("post", "/api/v1/documents", d.ask("POST", "/api/v1/documents?folder=none&name=b.pdf", strings.NewReader("one"), withToken), 400)
	check("get", "/api/v1/documents", d.ask("GET", "/api/v1/documents", nil, withToken), 200)
	check("get", "/api/v1/documents", d.ask("GET", "/api/v1/documents?text=x", nil, withToken), 501)
	check("get", "/api/v1/documents", d.ask("GET", "/api/v1/documents", nil), 401)
	check("get", "/api/v1/documents/{id}", d.ask("GET", "/api/v1/documents/"+id, nil, withToken), 200)
	check("get", "/api/v1/documents/{id}", d.ask("GET", "/api/v1/documents/none", nil, withToken), 404)
	check("get", "/api/v1/documents/{id}/pdf", d.ask("GET", "/api/v1/documents/"+id+"/pdf", nil, withToken), 409)
	check("post", "/api/v1/documents/{id}/approve", d.ask("POST", "/api/v1/documents/"+id+"/approve", strings.NewReader("{}"), withToken), 200)
	check("post", "/api/v1/documents/{id}/approve", d.ask("POST", "/api/v1/documents/"+id+"/approve", strings.NewReader("{}"), as("rita")), 403)
	check("post", "/api/v1/documents/{id}/approve", d.ask("POST", "/api/v1/documents/"+id+"/approve", strings.NewReader("no"), withToken), 400)
	check("get", "/api/v1/stats", d.ask("GET", "/api/v1/stats", nil, withToken), 200)
	check("get", "/api/v1/outbox", d.ask("GET", "/api/v1/outbox", nil, withToken), 200)
	check("post", "/api/v1/outbox/retry", d.ask("POST", "/api/v1/outbox/retry", nil, withToken), 200)
	check("post", "/api/v1/purge", d.ask("POST", "/api/v1/purge", nil, withToken), 200)
	check("post", "/api/v1/invitations", d.ask("POST", "/api/v1/invitations", nil, withToken), 200)
}

// start serves on a port and returns its address.
func (d *desk) start() string {
	d.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	d.Address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- d.Serve(ctx, l) }()
	d.t.Cleanup(func() {
		stop()
		if err := <-served; err != nil && !errors.Is(err, fs.ErrClosed) {
			d.t.Error(err)
		}
	})
	return d.Address
}
