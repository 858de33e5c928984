package web

import (
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"intray/daemon/web/access"
)

// How long a session lives without a request and at most, how long a sign-in
// link is good for, and how many of each there may be.
const (
	sessionIdle = 12 * time.Hour
	sessionLife = 7 * 24 * time.Hour
	codeLife    = 2 * time.Minute
	maxSessions = 1000
	maxCodes    = 100
)

// Sessions are who is signed in, and the codes of sign-in links that were given
// out. They live as long as the daemon, also from one Server to the next: after a
// restart everybody signs in anew. Keys are hashes, so that looking one up tells
// nothing by the time it takes. The zero value is ready, and may be used in parallel.
type Sessions struct {
	mu    sync.Mutex
	token [sha256.Size]byte // the token, hashed, and the users' roles that those without a password began under
	roles map[string]access.Role
	open  map[[sha256.Size]byte]session
	codes map[[sha256.Size]byte]session
}

type session struct {
	caller      access.Caller
	began, seen time.Time
	// password is the hash of that which the session began with, if it did so by one.
	byPassword bool
	password   [sha256.Size]byte
}

// under ends what began by a link, or by the token, where the token is another or a user
// is no more or has another role: whoever gave it out may have no say any more. Those
// who are added take nothing from anybody. What began by a password is checked with every request.
func (s *Sessions) under(token string, users []User) {
	hash, roles := sha256.Sum256([]byte(token)), map[string]access.Role{}
	for _, u := range users {
		roles[u.Name] = u.Role
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	same := s.token == hash
	for name, role := range s.roles {
		same = same && roles[name] == role
	}
	s.token, s.roles = hash, roles
	if !same {
		s.codes = nil
		maps.DeleteFunc(s.open, func(_ [sha256.Size]byte, one session) bool { return !one.byPassword })
	}
}

func (s session) over(now time.Time) bool {
	return now.Sub(s.seen) >= sessionIdle || now.Sub(s.began) >= sessionLife
}

func keyOf(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// begin opens a session under a name that nobody could know before.
func (s *Sessions) begin(c access.Caller) (id string) {
	return s.add(&s.open, session{caller: c}, maxSessions)
}

// beginWith opens a session that lasts no longer than the password.
func (s *Sessions) beginWith(c access.Caller, password string) (id string) {
	return s.add(&s.open, session{caller: c, byPassword: true, password: keyOf(password)}, maxSessions)
}

// invite makes a code that opens a session once.
func (s *Sessions) invite(c access.Caller) (code string) {
	return s.add(&s.codes, session{caller: c}, maxCodes)
}

func (s *Sessions) add(to *map[[sha256.Size]byte]session, one session, most int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *to == nil {
		*to = map[[sha256.Size]byte]session{}
	}
	for len(*to) >= most {
		var oldest [sha256.Size]byte
		var at time.Time
		for key, other := range *to {
			if at.IsZero() || other.seen.Before(at) {
				oldest, at = key, other.seen
			}
		}
		delete(*to, oldest)
	}
	secret, now := rand.Text(), time.Now()
	one.began, one.seen = now, now
	(*to)[keyOf(secret)] = one
	return secret
}

// of is the session with this name; not ok if there is none or it is over.
func (s *Sessions) of(id string) (one session, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, now := keyOf(id), time.Now()
	one, ok = s.open[key]
	if !ok {
		return session{}, false
	}
	if one.over(now) {
		delete(s.open, key)
		return session{}, false
	}
	one.seen = now
	s.open[key] = one
	return one, true
}

func (s *Sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, keyOf(id))
}

// redeem is whom a code lets in; the code is used up.
func (s *Sessions) redeem(code string) (access.Caller, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := keyOf(code)
	one, ok := s.codes[key]
	delete(s.codes, key)
	return one.caller, ok && time.Since(one.began) < codeLife
}

// guesses bounds how often somebody may be wrong: a few times at once, then
// once in a while.
type guesses struct {
	mu   sync.Mutex
	from map[string]time.Time // when all guesses made so far are forgiven
}

const (
	guessesAtOnce = 10
	guessEvery    = 6 * time.Second
	// maxGuessers bounds the memory; those beyond share one allowance.
	maxGuessers = 4096
)

// settle says whether the answer to a guess may be told: 0, or how long the address
// must wait instead, also with the right one. Only wrong ones count, so that a program
// that asks many things at once is in nobody's way.
func (g *guesses) settle(address string, right bool) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.from == nil {
		g.from = map[string]time.Time{}
	}
	if len(g.from) >= maxGuessers {
		maps.DeleteFunc(g.from, func(_ string, clear time.Time) bool { return clear.Before(now) })
	}
	key := g.bucket(address)
	clear := g.from[key]
	if clear.Before(now) {
		clear = now
	}
	if wait := clear.Sub(now) - (guessesAtOnce-1)*guessEvery; wait > 0 {
		return wait
	}
	if !right {
		g.from[key] = clear.Add(guessEvery)
	}
	return 0
}

func (g *guesses) bucket(address string) string {
	if _, known := g.from[address]; !known && len(g.from) >= maxGuessers {
		return ""
	}
	return address
}

// addressOf is where a request comes from; all of an IPv6 network's are one.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Is4() || ip.Is4In6() || ip.IsLoopback() {
		return host
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}
