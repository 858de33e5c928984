package web

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"intray/daemon/web/access"
)

// User is somebody with a password of their own.
type User struct {
	Name string
	Role access.Role
	// Password reads the password now.
	Password func() (string, error)
}

// contentPolicy is for everything that is served: nothing but what comes from
// here, no script or style within a page, and no page of others around ours.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// hardened gives each answer the headers that keep browsers in order. The pages
// may allow their own files to be cached.
func (s *Server) hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if s.secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// ourName refuses requests for a name that is not ours: a hostile page may let
// its own name resolve to our address (DNS rebinding). With a certificate, the
// names in it are ours.
func (s *Server) ourName(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Host
		if h, _, err := net.SplitHostPort(r.Host); err == nil {
			name = h
		}
		name = strings.ToLower(strings.Trim(name, "[]"))
		if name != "localhost" && !slices.ContainsFunc(s.Hosts, func(h string) bool { return strings.EqualFold(h, name) }) &&
			net.ParseIP(name) == nil && !s.certified(name) {
			answerError(w, http.StatusForbidden, "This address is not meant for Intray. IT can allow the name with web.hosts.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownPages refuses what pages of others have a browser send: every change, and
// any look at the API.
func (s *Server) ownPages(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answerError(w, http.StatusForbidden, "A page of another site asked for this; Intray answers its own pages only.")
	})
	guard.SetDenyHandler(refuse)
	protected := guard.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/metrics" {
			look := r.WithContext(r.Context()) // a copy, as if it changed something
			look.Method = http.MethodPost
			if guard.Check(look) != nil {
				refuse(w, r)
				return
			}
		}
		protected.ServeHTTP(w, r)
	})
}

// known finds out who asks and puts it into the request's context. One who
// proves nothing is nobody; a wrong proof is refused at once.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, ok := s.prove(w, r)
		if !ok {
			return
		}
		next.ServeHTTP(w, r.WithContext(access.With(r.Context(), caller)))
	})
}

// prove is who asks; not ok when the request was answered already.
func (s *Server) prove(w http.ResponseWriter, r *http.Request) (caller access.Caller, ok bool) {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") { // in any case (RFC 9110, 11.1)
		if s.isToken(strings.TrimLeft(token, " ")) {
			return access.Caller{Role: access.Admin, Name: "api"}, true
		}
		return caller, true // nobody: each route says what it needs
	}
	if name, password, basic := r.BasicAuth(); basic {
		caller, wait := s.signIn(r, name, password)
		if wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			answerError(w, http.StatusTooManyRequests, "Too many wrong passwords came from this machine; wait a minute and try again.")
		}
		return caller, wait == 0
	}
	if cookie, err := r.Cookie(s.cookieName()); err == nil {
		return s.inSession(cookie.Value), true
	}
	return caller, true
}

func (s *Server) isToken(given string) bool {
	return len(s.Token) > 0 && subtle.ConstantTimeCompare([]byte(given), []byte(s.Token)) == 1
}

// signIn checks a name and a password; without a name it is the token that is
// asked for. A wrong one is nobody; who guesses too often must wait.
func (s *Server) signIn(r *http.Request, name, password string) (caller access.Caller, wait time.Duration) {
	if s.isToken(password) { // cannot be guessed, so nobody's guesses are in its way
		return access.Caller{Role: access.Admin, Name: cmp.Or(name, "token")}, 0
	}
	from := addressOf(r)
	caller, _ = s.userWith(name, keyOf(password)) // an error was logged; then nobody is let in
	if wait := s.guesses.settle(from, caller.Role != access.Nobody); wait > 0 {
		return access.Caller{}, wait
	}
	if caller.Role == access.Nobody {
		s.Log.Warn("A sign-in with a wrong name or password was refused.", "from", from)
	}
	return caller, 0
}

// inSession is whose session this is. One that began with a password ends when the
// password is another; while it cannot be read, the session is nobody's.
func (s *Server) inSession(id string) access.Caller {
	one, ok := s.Sessions.of(id)
	if !ok || !one.byPassword {
		return one.caller
	}
	caller, err := s.userWith(one.caller.Name, one.password)
	if err == nil && caller.Role == access.Nobody {
		s.Sessions.end(id)
	}
	return caller
}

// userWith is the user with this name and the password with this hash; nobody if
// there is none. The error, which is logged, is for a password that cannot be read.
func (s *Server) userWith(name string, password [sha256.Size]byte) (caller access.Caller, err error) {
	for _, u := range s.Users {
		if u.Name != name {
			continue
		}
		right, err := u.Password()
		if err != nil {
			s.Log.Error("The password of a user of the page cannot be read.", "user", u.Name, "error", err)
			return caller, err
		}
		want := keyOf(right)
		if subtle.ConstantTimeCompare(password[:], want[:]) == 1 {
			return access.Caller{Role: u.Role, Name: u.Name}, nil
		}
	}
	return caller, nil
}

// needs lets callers with the role pass.
func (s *Server) needs(role access.Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch caller := access.Of(r.Context()); {
		case caller.May(role):
			next.ServeHTTP(w, r)
		case caller.Role == access.Nobody:
			w.Header().Set("WWW-Authenticate", "Bearer")
			answerError(w, http.StatusUnauthorized, "Sign in first, with `intray open`; programs send the token from the file api-token in data_dir.")
		default:
			answerError(w, http.StatusForbidden, caller.Name+" may not do this; it takes the role "+role.String()+".")
		}
	})
}

// patient bounds how long one may be silent while sending or receiving; a long
// upload or download as such is none of its business.
func (s *Server) patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Time{}) // that of the connection's last answer; a recorder has none
		if r.Body != nil && r.Body != http.NoBody {
			b := &steadyBody{ReadCloser: r.Body, control: control, silence: s.patience()}
			b.extend()
			r.Body = b
		}
		next.ServeHTTP(&steadyWriter{ResponseWriter: w, control: control, silence: s.patience()}, r)
	})
}
