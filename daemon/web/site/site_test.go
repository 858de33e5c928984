package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"intray/daemon/document"
	"intray/daemon/review"
	"intray/daemon/web/access"
	"intray/ledger"
	"intray/ledger/ledgertest"
)

// hostile is a name that would be markup, and that turns the direction of writing.
const hostile = "<script>alert(1)</script>\"'\u202Egnp.exe"

func desk(t *testing.T) (*ledger.Ledger, Site) {
	t.Helper()
	l := ledgertest.Open(t, nil)
	return l, Site{Ledger: l, Folders: []string{"desk", "<b>back</b>"},
		Retry: func(id, by, _ string) (ledger.Document, error) { return l.Apply(id, ledger.Retry(by, "asked")) },
		Tell:  func([]string) (int, error) { return 0, nil },
		Upload: func(_ context.Context, folder, name string, content io.Reader, by string) (string, error) {
			data, err := io.ReadAll(content)
			if err != nil {
				return "", err
			}
			doc, err := l.Receive(ledger.Arrival{Folder: folder, Path: name, Name: name, SHA256: fmt.Sprintf("%064x", len(data)), Size: int64(len(data)), Actor: by})
			return doc.ID, err
		},
		Engines: func() ([]Engine, error) {
			return []Engine{{Name: hostile, Kind: "azure", Cloud: true, Paused: hostile}}, nil
		},
		Away:     func() map[string]string { return map[string]string{hostile: hostile} },
		Held:     func() []string { return []string{"In the folder " + hostile} },
		Settings: func() []Setting { return []Setting{{Key: "data_dir", Value: hostile, Line: 3}} },
		Doctor:   func(context.Context) []Finding { return []Finding{{What: "clock", Problem: hostile}} },
	}
}

func put(t *testing.T, l *ledger.Ledger, n int, moves ...ledger.Move) ledger.Document {
	t.Helper()
	doc, err := l.Receive(ledger.Arrival{Folder: "desk", Path: hostile, Name: hostile, SHA256: fmt.Sprintf("%064x", 1000+n)})
	for _, m := range moves {
		if err == nil {
			doc, err = l.Apply(doc.ID, m)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func toReview(attempt string) []ledger.Move {
	f := ledger.Failure{Kind: "review", Code: "validation", Sentence: hostile}
	return []ledger.Move{ledger.Validate("image/png", 1), ledger.Start(attempt, "local", "test", time.Now().Add(time.Hour)), ledger.Doubt(attempt, f, []string{"review/x"})}
}

func toDeadLetter(attempt string) []ledger.Move {
	f := ledger.Failure{Kind: "retryable", Code: "engine_crashed", Sentence: hostile}
	return []ledger.Move{ledger.Validate("image/png", 1), ledger.Start(attempt, "local", "test", time.Now().Add(time.Hour)), ledger.RetryLater(attempt, time.Now(), f), ledger.Exhausted(f)}
}

func (s Site) ask(t *testing.T, role access.Role, method, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Caller{Role: role, Name: "ann\u202Ea"})))
	return w
}

// TestNamesAreText: whatever documents are called, every page of every language
// shows it as text, and none has script or style within.
func TestNamesAreText(t *testing.T) {
	l, s := desk(t)
	waiting := put(t, l, 1, toReview("a1")...)
	put(t, l, 2, toDeadLetter("a2")...)
	read := document.Document{Class: document.Class{Name: hostile}, Pages: []document.Page{{Number: 1, Width: 500, Height: 700, Reason: hostile}},
		Fields:   []document.Field{{Name: hostile, Value: hostile, Page: 1, Box: document.Box{10, 10, 90, 20}}},
		Warnings: []document.Warning{{Message: hostile}}}
	s.Reading = func(ledger.Document) (document.Document, error) { return read, nil }
	s.Words = func(ledger.Document, document.Document, int) (document.Page, error) {
		p := read.Pages[0]
		p.Blocks = []document.Block{{Lines: []document.Line{{Words: []document.Word{{Text: hostile, Box: document.Box{10, 10, 90, 20}}}}}}}
		return p, nil
	}
	s.Draw = func(context.Context, ledger.Document, document.Document, int, string) error {
		return errors.New("none")
	}
	s.Desk = func(ledger.Document) (Desk, error) {
		return Desk{Sheet: review.Sheet{Document: read, Doubts: []review.Doubt{{Sentence: hostile}, {Field: hostile, Sentence: hostile}}}, Reason: hostile}, nil
	}
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:`)
	for _, path := range []string{"/", "/documents", "/documents?q=" + url.QueryEscape(hostile), "/documents/" + waiting.ID, "/review", "/review/" + waiting.ID,
		"/problems", "/engines", "/settings", "/states"} {
		for _, lang := range languages() {
			got := s.ask(t, access.Admin, http.MethodGet, path, nil, "Accept-Language", lang)
			body := got.Body.String()
			if got.Code != http.StatusOK || strings.Contains(body, "<script>alert") || inline.MatchString(body) || strings.Contains(body, "<b>back") {
				t.Errorf("%s in %s: %d, %q", path, lang, got.Code, inline.FindString(body))
			}
			if !strings.Contains(body, `<html lang="`+lang+`">`) || strings.Contains(strings.ReplaceAll(body, `value="`, ""), "ann\u202E") {
				t.Errorf("%s in %s is not in its language, or turns its direction", path, lang)
			}
			if policy := got.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") {
				t.Errorf("%s has the policy %q", path, policy)
			}
		}
	}
}

// TestTooLong: the page of a document that is too long says so and where to find it.
func TestTooLong(t *testing.T) {
	l, s := desk(t)
	doc := put(t, l, 1, toReview("a1")...)
	s.Reading = func(ledger.Document) (document.Document, error) {
		return document.Document{}, fmt.Errorf("%w: 1 GB", ErrTooLong)
	}
	got := s.ask(t, access.Reader, http.MethodGet, "/documents/"+doc.ID, nil)
	for _, want := range []string{"too long", `<a href="/api/v1/documents/` + doc.ID + `/pdf">`} {
		if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), want) {
			t.Errorf("%d without %s", got.Code, want)
		}
	}
}

// TestOrphan: a document whose engine was taken out of the configuration says what to
// do, and until when.
func TestOrphan(t *testing.T) {
	l, s := desk(t)
	until := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	doc := put(t, l, 1, ledger.Validate("image/png", 1), ledger.Submit("a1", "azure", "me", "token", time.Now().Add(time.Hour)), ledger.Submitted("a1", "job").Asking("", until, until))
	for orphan, want := range map[bool]bool{true: true, false: false} {
		s.Orphan = func(d ledger.Document) bool { return orphan && d.ID == doc.ID }
		for lang, text := range map[string]string{"en": "Engine azure has this document", "de": "Die Texterkennung azure hat"} {
			got := s.ask(t, access.Reader, http.MethodGet, "/documents/"+doc.ID, nil, "Accept-Language", lang).Body.String()
			if strings.Contains(got, text) != want || strings.Contains(got, "2031-02-03T04:05:06Z") != want {
				t.Errorf("%s, taken out %v: %s", lang, orphan, got)
			}
		}
	}
}

func TestWhoMay(t *testing.T) {
	l, s := desk(t)
	dead := put(t, l, 1, toDeadLetter("a1")...)
	for _, c := range []struct {
		role         access.Role
		method, path string
		form         url.Values
		want         int
	}{
		{access.Nobody, "GET", "/", nil, 403}, {access.Reader, "GET", "/", nil, 200}, {access.Reader, "GET", "/nowhere", nil, 404},
		{access.Reader, "GET", "/documents/none", nil, 404}, {access.Reader, "GET", "/documents?cursor=%21", nil, 400}, {access.Reader, "GET", "/documents?since=x", nil, 400},
		{access.Reader, "POST", "/review/" + dead.ID, url.Values{}, 403}, {access.Reader, "POST", "/upload", url.Values{}, 403},
		{access.Reviewer, "POST", "/documents/" + dead.ID + "/retry", url.Values{}, 403}, {access.Reviewer, "POST", "/problems/retry", url.Values{}, 403},
		{access.Nobody, "GET", "/static/style.css", nil, 200}, {access.Nobody, "GET", "/static/..%2fsite.go", nil, 404},
		{access.Reader, "GET", "/documents/" + dead.ID + "/page/1.jpg", nil, 404}, {access.Reader, "GET", "/documents/" + dead.ID + "/page/x", nil, 404},
		{access.Admin, "POST", "/problems/retry", url.Values{"state": {"completed"}, "code": {"x"}}, 400},
		{access.Admin, "POST", "/problems/retry", url.Values{"state": {"dead_letter"}, "code": {"engine_crashed"}}, 303},
	} {
		if got := s.ask(t, c.role, c.method, c.path, c.form); got.Code != c.want {
			t.Errorf("%s %s as %d: %d, not %d", c.method, c.path, c.role, got.Code, c.want)
		}
	}
	if doc, err := l.Get(dead.ID); err != nil || doc.State != ledger.Validated {
		t.Errorf("after all were tried again it is %s, %v", doc.State, err)
	}
	if got := s.ask(t, access.Admin, "POST", "/problems/tell", url.Values{}, "Sec-Fetch-Site", "cross-site"); got.Code != http.StatusForbidden {
		t.Errorf("a form of another site: %d", got.Code)
	}
}

func TestLanguageGoesHome(t *testing.T) {
	for to, want := range map[string]string{"/documents?q=a": "/documents?q=a", "//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/", "": "/", "/\t/evil.example": "/"} {
		if got := homeward(to); got != want {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

// TestTexts: both languages say everything, the templates ask for nothing else,
// and every state and move of the machine has its words.
func TestTexts(t *testing.T) {
	texts, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	verbs := regexp.MustCompile(`%[a-z]`)
	for key, all := range texts.all {
		if len(all) != len(languages()) || slices.Contains(all, "") {
			t.Errorf("%s has not all languages: %q", key, all)
			continue
		}
		if !slices.Equal(verbs.FindAllString(all[0], -1), verbs.FindAllString(all[1], -1)) {
			t.Errorf("%s is not told the same: %q", key, all)
		}
	}
	asked := map[string]bool{}
	for _, s := range ledger.States() {
		asked["state."+string(s)] = true
	}
	for _, m := range ledger.Transitions() {
		asked["move."+strings.ReplaceAll(m.Move, " ", "_")] = true
	}
	for pattern, files := range map[string]string{`\bt "([^"]+)"`: "pages/*.html", `text\("([^"]+[^".])"`: "*.go"} {
		found, err := filepath.Glob(files)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(data), -1) {
				asked[m[1]] = true
			}
		}
	}
	for name := range must(parsePages(texts, "en")).all {
		asked["title."+name] = true
	}
	if len(asked) < 100 {
		t.Fatalf("only %d keys were seen", len(asked))
	}
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		if texts.all[key] == nil {
			t.Errorf("there is no text %s", key)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestDiagram draws every state once, in a place of its own, and every way from
// one to another.
func TestDiagram(t *testing.T) {
	d := diagram(map[ledger.State]int{ledger.Completed: 7}, func(s ledger.State) string { return string(s) })
	at := map[[2]float64]ledger.State{}
	for _, b := range d.Boxes {
		if other, taken := at[[2]float64{b.X, b.Y}]; taken {
			t.Errorf("%s stands on %s", b.State, other)
		}
		at[[2]float64{b.X, b.Y}] = b.State
		if b.State == ledger.Completed && b.Count != 7 {
			t.Errorf("completed counts %d", b.Count)
		}
	}
	if len(at) != len(ledger.States()) {
		t.Errorf("%d boxes", len(at))
	}
	for _, m := range ledger.Transitions() {
		if !slices.ContainsFunc(d.Arrows, func(a arrow) bool { return a.From == m.From && a.To == m.To && slices.Contains(a.Moves, m.Move) }) {
			t.Errorf("no arrow for %s from %s to %s", m.Move, m.From, m.To)
		}
	}
}

// TestPicturesAreShared: many who ask at once have a page drawn once, a failure
// is not kept, and memory is bounded.
func TestPicturesAreShared(t *testing.T) {
	p, drawn := newPictures(), atomic.Int32{}
	key := func(n int) pictureKey { return pictureKey{page: n} }
	draw := func(_ context.Context, out string) error {
		drawn.Add(1)
		return os.WriteFile(out, make([]byte, 4<<20), 0o600)
	}
	failed := errors.New("no luck")
	if _, err := p.get(t.Context(), key(0), func(context.Context, string) error { return failed }); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	results := make(chan error)
	for range 8 {
		go func() {
			_, err := p.get(t.Context(), key(0), draw)
			results <- err
		}()
	}
	for range 8 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if drawn.Load() != 1 {
		t.Errorf("drawn %d times", drawn.Load())
	}
	for n := range 20 {
		if _, err := p.get(t.Context(), key(n), draw); err != nil {
			t.Fatal(err)
		}
	}
	if p.bytes > mostKept || len(p.kept) > mostKept/(4<<20) {
		t.Errorf("%d pictures with %d bytes are kept", len(p.kept), p.bytes)
	}
}

// TestPicturesWaitNotForEver: who asks while all that draw are busy, or have no
// worker, is told to come again, and the next who asks has it drawn.
func TestPicturesWaitNotForEver(t *testing.T) {
	p := newPictures()
	p.patience = 10 * time.Millisecond
	stuck := func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return ctx.Err()
	}
	if _, err := p.get(t.Context(), pictureKey{page: 1}, stuck); !errors.Is(err, errBusy) {
		t.Errorf("no worker: %v", err)
	}
	for range drawnAtOnce {
		p.drawing <- struct{}{}
	}
	draw := func(_ context.Context, out string) error { return os.WriteFile(out, []byte("x"), 0o600) }
	if _, err := p.get(t.Context(), pictureKey{page: 1}, draw); !errors.Is(err, errBusy) {
		t.Errorf("no turn: %v", err)
	}
	for range drawnAtOnce {
		<-p.drawing
	}
	p.patience = drawPatience
	if _, err := p.get(t.Context(), pictureKey{page: 1}, draw); err != nil {
		t.Error(err)
	}

	l, s := desk(t)
	doc := put(t, l, 1, toReview("a1")...)
	s.Reading = func(ledger.Document) (document.Document, error) { return document.Document{}, errBusy }
	s.Draw = func(context.Context, ledger.Document, document.Document, int, string) error { return nil }
	got := s.ask(t, access.Reader, http.MethodGet, "/documents/"+doc.ID+"/page/1.jpg", nil)
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), "too much to do") {
		t.Errorf("%d %v", got.Code, got.Header())
	}
}

// TestLostRace: a decision that came second says who was first and keeps what
// was typed.
func TestLostRace(t *testing.T) {
	l, s := desk(t)
	doc := put(t, l, 1, toReview("a1")...)
	s.Desk = func(ledger.Document) (Desk, error) { return Desk{}, nil }
	s.Decide = func(context.Context, Decision) (Verdict, error) { return Verdict{}, ErrChanged }
	if _, err := l.Apply(doc.ID, ledger.Reject("berta", "not ours")); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"verb": {"approve"}, "events": {fmt.Sprint(doc.Events)}, "field.total": {"119,00"}, "reason": {"typed"}}
	got := s.ask(t, access.Reviewer, http.MethodPost, "/review/"+doc.ID, form)
	for _, want := range []string{"berta was first: rejected", `value="119,00"`} {
		if !strings.Contains(got.Body.String(), want) || got.Code != http.StatusConflict {
			t.Errorf("%d without %q", got.Code, want)
		}
	}
	if strings.Contains(got.Body.String(), `name="verb"`) {
		t.Error("what is decided can be decided again")
	}
}

// TestRefusedDecision: where nobody was first, nobody is blamed.
func TestRefusedDecision(t *testing.T) {
	l, s := desk(t)
	doc := put(t, l, 1, toReview("a1")...)
	s.Desk = func(ledger.Document) (Desk, error) { return Desk{}, nil }
	s.Decide = func(context.Context, Decision) (Verdict, error) {
		return Verdict{}, fmt.Errorf("%w: this engine may not read it", ErrRefused)
	}
	form := url.Values{"verb": {"again"}, "events": {fmt.Sprint(doc.Events)}, "field.total": {"119,00"}}
	got := s.ask(t, access.Reviewer, http.MethodPost, "/review/"+doc.ID, form)
	for _, want := range []string{"<p>this engine may not read it</p>", `value="119,00"`, `name="verb"`} {
		if !strings.Contains(got.Body.String(), want) || got.Code != http.StatusConflict {
			t.Errorf("%d without %q", got.Code, want)
		}
	}
	if strings.Contains(got.Body.String(), `id="lost"`) {
		t.Error("somebody is said to have been first")
	}
}

func BenchmarkToday(b *testing.B) {
	l := ledgertest.Open(b, nil)
	h := must(Site{Ledger: l}.Handler())
	for n := range 600 {
		must(l.Receive(ledger.Arrival{Folder: "desk", Path: fmt.Sprint(n), Name: fmt.Sprint(n), SHA256: fmt.Sprintf("%064x", n)}))
	}
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Caller{Role: access.Reader})))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}

// TestRejectedSaysWhy: of a rejected document it is shown what the person said.
func TestRejectedSaysWhy(t *testing.T) {
	l, s := desk(t)
	doc := put(t, l, 1, append(toReview("a1"), ledger.Reject("anna", "We did not order this."))...)
	for _, path := range []string{"/", "/documents/" + doc.ID} {
		w := s.ask(t, access.Reader, http.MethodGet, path, nil)
		standing, _, _ := strings.Cut(w.Body.String(), `id="history"`)
		if w.Code != http.StatusOK || !strings.Contains(standing, "We did not order this.") {
			t.Errorf("%s: %d %s", path, w.Code, standing)
		}
	}
}
