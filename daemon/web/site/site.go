// Package site is the pages that people look at in a browser: what came in,
// what waits for a decision, what failed and why, in English and German.
//
// Pages are made here, on the server, from templates inside the program. They
// work without script; a little script keeps them up to date and saves clicks.
// Whatever is shown of documents is somebody else's text and is escaped by
// html/template. The room decides nothing and decodes nothing: it asks the
// house by the functions of Site. Who asks is for the web server to prove.
package site

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"intray/daemon/document"
	"intray/daemon/web/access"
	"intray/ledger"
)

//go:embed pages static texts.toml
var embedded embed.FS

// Ledger is what the pages read.
type Ledger interface {
	Get(id string) (ledger.Document, error)
	List(q ledger.Query) (ledger.Page, error)
	Attempts(id string) ([]ledger.Attempt, error)
	Events(id string) ([]ledger.Event, error)
	Messages(id string) ([]ledger.Message, error)
	Counts() (map[ledger.State]int, error)
	FolderCounts() (map[string]map[ledger.State]int, error)
}

// Site is the pages. A function that is nil has its part left out. Functions
// may be called in parallel.
type Site struct {
	Ledger Ledger
	// Folders are the configured ones, in their order.
	Folders []string
	// Hot is how many files wait in each hot folder; Paused says why none are
	// taken in, "" while they are.
	Hot    func() map[string]int
	Paused func() string
	// Away are the hot folders that cannot be listed, each with the reason; nil is none.
	Away func() map[string]string
	// Held says what documents wait for that a person has to mend; nil is nothing.
	Held func() []string
	// Outdated says why the configuration as it is now is not in force, "" while it is.
	Outdated func() string

	// Upload takes a file in and says which document it became.
	Upload func(ctx context.Context, folder, name string, content io.Reader, by string) (id string, err error)
	// Retry has a document tried again, beginning with an engine, "" for the usual one;
	// ErrRefused when it cannot be. May are the engines that a person may choose.
	Retry func(id, by, engine string) (ledger.Document, error)
	May   func(ledger.Document) []string
	// Orphan is true for a document that waits for an engine which was taken out of
	// the configuration.
	Orphan func(ledger.Document) bool
	// Tell has the messages of these documents, or of all, told again.
	Tell func(ids []string) (int, error)

	// Reading is what a document was read as; the error matches fs.ErrNotExist when
	// that is not here (any more), and ErrTooLong. Its pages may lack their words: Words adds them.
	Reading func(doc ledger.Document) (document.Document, error)
	Words   func(doc ledger.Document, read document.Document, page int) (document.Page, error)
	// Draw writes a JPEG of a page, made by a worker, to the path.
	Draw func(ctx context.Context, doc ledger.Document, read document.Document, page int, out string) error

	// Desk is what there is to decide about a document in review, Decide carries a
	// decision out.
	Desk   func(doc ledger.Document) (Desk, error)
	Decide func(ctx context.Context, d Decision) (Verdict, error)

	// Search finds documents by words of their text or name, or field:value, and by the
	// query. Where it is nil the ledger's list serves.
	Search func(ctx context.Context, text string, q ledger.Query) (Found, error)

	Engines  func() ([]Engine, error)
	Settings func() []Setting
	Doctor   func(ctx context.Context) []Finding

	Log *slog.Logger
}

var (
	// ErrRefused is for a wish that the document's state does not allow. Its text
	// is for the person who asked.
	ErrRefused = errors.New("refused")
	// ErrChanged is for a decision on what is not as the person saw it any more.
	ErrChanged = errors.New("changed meanwhile")
	// ErrTooLong is for a document that is too long to be shown.
	ErrTooLong = errors.New("too long to be shown")
)

// server is a Site with what is made of it once.
type server struct {
	Site
	texts    *texts
	pages    map[string]*pageSet // by language
	pictures *pictures
	checks   checks
}

// Handler makes the pages ready. The error is one of the program's own templates.
func (s Site) Handler() (http.Handler, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	t, err := loadTexts()
	if err != nil {
		return nil, err
	}
	srv := &server{Site: s, texts: t, pages: map[string]*pageSet{}, pictures: newPictures()}
	for _, lang := range languages() {
		if srv.pages[lang], err = parsePages(t, lang); err != nil {
			return nil, err
		}
	}
	static, err := staticFiles()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/{file}", static)
	mux.Handle("GET /favicon.ico", http.RedirectHandler("/static/icon.svg", http.StatusMovedPermanently))
	srv.routes(mux)
	// A form of another site must not act in a clerk's name.
	return http.NewCrossOriginProtection().Handler(mux), nil
}

func (s *server) routes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /{$}": s.today, "GET /documents": s.documents, "GET /documents/{id}": s.document, "GET /documents/{id}/page/{file}": s.picture,
		"GET /documents/{id}/state": s.progress, "GET /review": s.queue, "GET /review/{id}": s.review, "GET /problems": s.problems,
		"GET /engines": s.engines, "GET /settings": s.settings, "GET /states": s.states,
	} {
		mux.Handle(pattern, s.guarded(access.Reader, h))
	}
	for pattern, h := range map[string]handler{"POST /review/{id}": s.decide, "POST /upload": s.upload} {
		mux.Handle(pattern, s.guarded(access.Reviewer, h))
	}
	for pattern, h := range map[string]handler{"POST /documents/{id}/retry": s.retry, "POST /problems/retry": s.retryAll, "POST /problems/tell": s.tellAll} {
		mux.Handle(pattern, s.guarded(access.Admin, h))
	}
	mux.Handle("GET /language", s.guarded(access.Nobody, s.language))
	mux.Handle("/", s.guarded(access.Reader, func(c *call) error { return fs.ErrNotExist }))
}

// call is one request in hand.
type call struct {
	*server
	w    http.ResponseWriter
	r    *http.Request
	lang string
	who  access.Caller
}

type handler func(*call) error

// guarded answers callers who may, and says what went wrong.
func (s *server) guarded(role access.Role, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{server: s, w: w, r: r, lang: languageOf(r), who: access.Of(r.Context())}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if w.Header().Get("Content-Security-Policy") == "" {
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
				"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		}
		err := fs.ErrPermission
		if c.who.May(role) {
			err = h(c)
		}
		if err != nil {
			c.fail(err)
		}
	})
}

func (c *call) fail(err error) {
	if c.r.Context().Err() != nil {
		return // nobody is there to be told
	}
	status, said := c.failure(err)
	switch status {
	case http.StatusServiceUnavailable:
		c.w.Header().Set("Retry-After", "30")
	case http.StatusInternalServerError:
		c.Log.Error("A page could not be shown.", "page", c.r.URL.Path, "error", err)
	}
	if c.wantsJSON() {
		err = c.json(status, refused{said.Sentence})
	} else {
		err = c.show(status, "message", said)
	}
	if err != nil {
		c.Log.Error("A page could not be shown.", "page", c.r.URL.Path, "error", err)
		http.Error(c.w, "Intray cannot show this page; its log says why.", http.StatusInternalServerError)
	}
}

// failure is an error as a person is told it.
func (c *call) failure(err error) (status int, said message) {
	switch {
	case errors.Is(err, ledger.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound, message{c.text("error.missing"), c.text("error.missing.what")}
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden, message{c.text("error.forbidden"), c.text("error.forbidden.what")}
	case errors.Is(err, ErrRefused), errors.Is(err, ledger.ErrConflict):
		return http.StatusConflict, message{c.text("error.refused"), refusal(err)}
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable, message{c.text("error.busy"), c.text("error.busy.what")}
	case errors.Is(err, ledger.ErrCursor), errors.Is(err, errBadRequest):
		return http.StatusBadRequest, message{c.text("error.request"), c.text("error.request.what")}
	}
	return http.StatusInternalServerError, message{c.text("error.internal"), c.text("error.internal.what")}
}

// refusal is what the house said with ErrRefused.
func refusal(err error) string { return strings.TrimPrefix(err.Error(), ErrRefused.Error()+": ") }

var errBadRequest = errors.New("the request cannot be read")

type message struct{ Title, Sentence string }

func (c *call) text(key string, args ...any) string { return c.texts.get(c.lang, key, args...) }

// page is what every template gets.
type page struct {
	Lang, Name, Path, Title string
	Who                     access.Caller
	Reviewer, Admin         bool
	// InReview and Failed are shown beside the links.
	InReview, Failed int
	Now              time.Time
	Body             any
}

// show renders a page as a whole before the first byte goes out.
func (c *call) show(status int, name string, body any) error {
	counts, err := c.Ledger.Counts()
	if err != nil {
		return err
	}
	p := page{Lang: c.lang, Name: name, Path: c.r.URL.RequestURI(), Title: c.text("title." + name), Who: c.who, Reviewer: c.who.May(access.Reviewer),
		Admin: c.who.May(access.Admin), InReview: counts[ledger.NeedsHumanReview], Failed: counts[ledger.DeadLetter] + counts[ledger.FailedTerminal],
		Now: time.Now(), Body: body}
	if m, ok := body.(message); ok {
		p.Title = m.Title
	}
	if c.r.Method != http.MethodGet {
		p.Path = "/"
	}
	var out bytes.Buffer
	if err := c.pages[c.lang].execute(&out, name, p); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", c.lang)
	h.Set("Vary", "Cookie, Accept-Language")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(out.Bytes()) // the caller has gone: nobody to tell
	return nil
}

func (c *call) redirect(to string) error {
	http.Redirect(c.w, c.r, to, http.StatusSeeOther)
	return nil
}

// staticFiles serves style and script, which browsers keep until they change.
func staticFiles() (http.Handler, error) {
	type file struct {
		data       []byte
		kind, etag string
	}
	files := map[string]file{}
	entries, err := fs.ReadDir(embedded, "static")
	if err != nil {
		return nil, fmt.Errorf("list style and script: %w", err)
	}
	for _, e := range entries {
		data, err := embedded.ReadFile(path.Join("static", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read style and script: %w", err)
		}
		sum := sha256.Sum256(data)
		kind := mime.TypeByExtension(path.Ext(e.Name()))
		switch path.Ext(e.Name()) { // Windows may have its own idea
		case ".js":
			kind = "text/javascript; charset=utf-8"
		case ".css":
			kind = "text/css; charset=utf-8"
		case ".svg":
			kind = "image/svg+xml"
		}
		files[e.Name()] = file{data, kind, `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.PathValue("file")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", f.kind)
		w.Header().Set("ETag", f.etag)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
	}), nil
}
