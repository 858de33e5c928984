package web

import (
	_ "embed"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"

	"intray/daemon/web/access"
)

//go:embed signin.html
var signInPage string

//go:embed signin.css
var signInStyle string

// signInTexts is the sign-in page in one language.
type signInTexts struct {
	Lang, Title, Why, Link, Name, NameHint, Secret, Enter string
	// Wrong, Used and Slow are what went wrong before.
	Wrong, Used, Slow string
}

func signInLanguages() []signInTexts {
	return []signInTexts{
		{"en", "Intray: sign in", "You are not signed in.", "On the machine where Intray runs, type this; it opens the page and signs you in:",
			"Name", "Leave it empty to sign in with the token from the file api-token in Intray's data folder.", "Password or token", "Sign in",
			"The name or the password is wrong.", "This link was used already or is too old. `intray open` makes a new one.", "Too many wrong passwords came from this machine. Wait a minute and try again."},
		{"de", "Intray: Anmeldung", "Sie sind nicht angemeldet.", "Geben Sie dies auf dem Rechner ein, auf dem Intray läuft; es öffnet die Seite und meldet Sie an:",
			"Name", "Leer lassen, um sich mit dem Token aus der Datei api-token in Intrays Datenordner anzumelden.", "Passwort oder Token", "Anmelden",
			"Name oder Passwort ist falsch.", "Dieser Link wurde schon benutzt oder ist zu alt. `intray open` macht einen neuen.", "Zu viele falsche Passwörter kamen von diesem Rechner. Warten Sie eine Minute."},
	}
}

// preferred is the place of the language that the visitor likes best: English, German.
func preferred(r *http.Request) int {
	_, i := language.MatchStrings(language.NewMatcher([]language.Tag{language.English, language.German}), r.Header.Get("Accept-Language"))
	return i
}

// writePage fills a page for those who are not signed in.
func (s *Server) writePage(w http.ResponseWriter, text string, status int, lang string, shown any) {
	page, err := template.New("page").Parse(text)
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang)
	w.Header().Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	_ = page.Execute(w, shown) // the visitor has gone: nobody to tell
}

// showSignIn is the page for those who are not signed in; then is where they
// wanted to go, wrong what went wrong.
func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, status int, then string, wrong func(signInTexts) string) {
	texts := signInLanguages()[preferred(r)]
	shown := struct {
		signInTexts
		Then, Problem string
		Users         bool
	}{texts, then, "", len(s.Users) > 0}
	if wrong != nil {
		shown.Problem = wrong(texts)
	}
	s.writePage(w, signInPage, status, texts.Lang, shown)
}

func (s *Server) signInStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = io.WriteString(w, signInStyle)
}

// withLink signs in by a code.
func (s *Server) withLink(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Query().Get("code")
	if code == "" {
		s.showSignIn(w, r, http.StatusOK, localPath(r.URL.Query().Get("then")), nil)
		return
	}
	caller, ok := s.Sessions.redeem(code)
	if !ok {
		s.showSignIn(w, r, http.StatusUnauthorized, "/", func(t signInTexts) string { return t.Used })
		return
	}
	s.enter(w, r, caller, s.Sessions.begin(caller))
	// The cookie is kept from a request that another site led to, also when it
	// was redirected; one that a page of ours asks for gets it.
	w.Header().Set("Refresh", "0; url=/")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!doctype html><meta charset=utf-8><title>Intray</title><a href=\"/\">Intray</a>\n")
}

// withPassword signs in by the form.
func (s *Server) withPassword(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		answerError(w, http.StatusBadRequest, "The form cannot be read.")
		return
	}
	then, secret := localPath(r.PostForm.Get("then")), strings.TrimSpace(r.PostForm.Get("secret"))
	caller, wait := s.signIn(r, strings.TrimSpace(r.PostForm.Get("name")), secret)
	if wait > 0 {
		s.showSignIn(w, r, http.StatusTooManyRequests, then, func(t signInTexts) string { return t.Slow })
		return
	}
	if caller.Role == access.Nobody {
		s.showSignIn(w, r, http.StatusUnauthorized, then, func(t signInTexts) string { return t.Wrong })
		return
	}
	session := ""
	if s.isToken(secret) {
		session = s.Sessions.begin(caller)
	} else {
		session = s.Sessions.beginWith(caller, secret)
	}
	s.enter(w, r, caller, session)
	http.Redirect(w, r, then, http.StatusSeeOther)
}

// enter gives the browser the caller's session and ends the one that it had.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, caller access.Caller, session string) {
	if old, err := r.Cookie(s.cookieName()); err == nil {
		s.Sessions.end(old.Value)
	}
	http.SetCookie(w, s.cookie(session, int(sessionLife/time.Second)))
	s.Log.Info("Somebody signed in to the page.", "name", caller.Name, "role", caller.Role.String(), "from", addressOf(r))
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if old, err := r.Cookie(s.cookieName()); err == nil {
		s.Sessions.end(old.Value)
	}
	http.SetCookie(w, s.cookie("", -1))
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// cookieName has the port in it: browsers keep the cookies of all ports of a
// machine together, and there may be two Intrays.
func (s *Server) cookieName() string {
	name := "intray"
	if s.port != "" {
		name += "-" + s.port
	}
	if s.secure() {
		return "__Host-" + name
	}
	return name
}

func (s *Server) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: s.cookieName(), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteStrictMode}
}

// localPath is a path on this page; what leads elsewhere becomes "/".
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.ContainsFunc(path, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }) {
		return "/"
	}
	return path
}

// InviteRequest asks for a sign-in link for somebody: a name for the history, and
// a role; without one it is the asker's own.
type InviteRequest struct {
	Name string `json:"name"`
	Role string `json:"role"`
}

// Invitation is a link's path and when it ends.
type Invitation struct {
	Path      string    `json:"path"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (s *Server) invite(w http.ResponseWriter, r *http.Request) {
	var q InviteRequest
	if !readRequest(w, r, &q, "name and role") {
		return
	}
	caller := access.Of(r.Context())
	if q.Role != "" {
		role, ok := access.Named(q.Role)
		if !ok || !caller.May(role) {
			answerError(w, http.StatusBadRequest, "The role must be reader, reviewer or admin, and not above your own.")
			return
		}
		caller.Role = role
	}
	if q.Name != "" {
		if len(q.Name) > 100 || strings.ContainsFunc(q.Name, unicode.IsControl) {
			answerError(w, http.StatusBadRequest, "The name must have at most 100 letters.")
			return
		}
		caller.Name = q.Name
	}
	path := "/sign-in?code=" + s.Sessions.invite(caller)
	answer(w, http.StatusOK, Invitation{path, time.Now().Add(codeLife)})
}

// site is the pages, for those who are signed in.
func (s *Server) site() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, look := access.Of(r.Context()), r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case caller.Role == access.Nobody && look:
			s.showSignIn(w, r, http.StatusUnauthorized, localPath(r.URL.RequestURI()), nil)
		case s.Site == nil:
			answerError(w, http.StatusNotFound, "There is no such page.")
		case look:
			s.needs(access.Reader, s.Site).ServeHTTP(w, r)
		default:
			s.needs(access.Reviewer, s.Site).ServeHTTP(w, r)
		}
	})
}
