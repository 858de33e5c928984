package web

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"intray/ledger"
)

// Happened is one move of a document, as those who follow are told it.
type Happened struct {
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	DocumentID string    `json:"document_id"`
	Folder     string    `json:"folder"`
	Name       string    `json:"name"`
	Move       string    `json:"move"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	Why        string    `json:"why"`
	Actor      string    `json:"actor"`
}

// Events passes on what happens to those who follow, and remembers the last of
// it for those who were cut off. It is safe for parallel use.
type Events struct {
	run string // tells this daemon's numbers from those before a restart

	mu        sync.Mutex
	ring      []Happened
	next      uint64 // the number of the next event; it goes to ring[next%len]
	followers map[chan Happened]bool
	closed    chan struct{}
}

const (
	maxFollowers = 64
	// behind is how many events a follower may lag before it is cut off; it comes
	// back and is told from the ring what it missed.
	behind = 64
	// heartbeat shows proxies and followers that the line holds; longestStream has
	// a follower prove anew who it is.
	heartbeat     = 15 * time.Second
	longestStream = 15 * time.Minute
)

// NewEvents remembers the last so many events.
func NewEvents(remember int) *Events {
	return &Events{run: rand.Text()[:8], ring: make([]Happened, remember), followers: map[chan Happened]bool{}, closed: make(chan struct{})}
}

// Observe is for ledger.Options; it waits for nobody.
func (e *Events) Observe(event ledger.Event, doc ledger.Document) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := Happened{ID: e.run + "-" + strconv.FormatUint(e.next, 10), At: event.At, DocumentID: event.DocumentID, Folder: doc.Folder, Name: doc.Name,
		Move: event.Move, From: string(event.From), To: string(event.To), Why: event.Why, Actor: event.Actor}
	e.ring[e.next%uint64(len(e.ring))] = h
	e.next++
	for f := range e.followers {
		select {
		case f <- h:
		default: // too slow
			delete(e.followers, f)
			close(f)
		}
	}
}

// Close ends all streams, now and later.
func (e *Events) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.closed:
	default:
		close(e.closed)
	}
}

// follow joins: missed is what came after the event with the id last, whole is
// false when that is not known any more. The channel is closed when its reader
// is too slow; it is nil when there are too many followers.
func (e *Events) follow(last string) (missed []Happened, whole bool, live chan Happened) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.followers) >= maxFollowers {
		return nil, false, nil
	}
	live = make(chan Happened, behind)
	e.followers[live] = true
	if last == "" {
		return nil, true, live
	}
	run, number, _ := strings.Cut(last, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || run != e.run || n >= e.next || e.next-n > uint64(len(e.ring)) {
		return nil, false, live
	}
	for n++; n < e.next; n++ {
		missed = append(missed, e.ring[n%uint64(len(e.ring))])
	}
	return missed, true, live
}

func (e *Events) leave(f chan Happened) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.followers, f)
}

// follow streams events (server-sent events, as the HTML standard has them).
// After "reset" the follower has missed some and looks anew at what it shows.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	if s.Events == nil {
		answerError(w, http.StatusNotFound, "Nothing is told here.")
		return
	}
	missed, whole, live := s.Events.follow(r.Header.Get("Last-Event-ID"))
	if live == nil {
		w.Header().Set("Retry-After", "30")
		answerError(w, http.StatusServiceUnavailable, "Too many follow already; try again later.")
		return
	}
	defer s.Events.leave(live)
	w.Header().Set("Content-Type", "text/event-stream")
	out := stream{w, http.NewResponseController(w)}
	ok := out.say("retry: 2000\n\n")
	if !whole {
		ok = ok && out.say("event: reset\ndata: {}\n\n")
	}
	for _, h := range missed {
		ok = ok && out.tell(h)
	}
	beat, end := time.NewTicker(heartbeat), time.NewTimer(longestStream)
	defer beat.Stop()
	defer end.Stop()
	for ok {
		select {
		case h, more := <-live:
			ok = more && out.tell(h)
		case <-beat.C:
			ok = out.say(": still here\n\n")
		case <-end.C:
			return
		case <-s.Events.closed:
			return
		case <-r.Context().Done():
			return
		}
	}
}

type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s stream) say(text string) bool {
	_, err := s.w.Write([]byte(text))
	return err == nil && s.control.Flush() == nil
}

func (s stream) tell(h Happened) bool {
	data, err := json.Marshal(h)
	return err == nil && s.say(fmt.Sprintf("id: %s\nevent: moved\ndata: %s\n\n", h.ID, data))
}
