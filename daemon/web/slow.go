package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// silence is how long a caller may send or take nothing before it is cut off.
const silence = 30 * time.Second

func (s *Server) patience() time.Duration {
	if s.silence > 0 {
		return s.silence
	}
	return silence
}

// steadyBody is a request's body whose sender must not fall silent.
type steadyBody struct {
	io.ReadCloser
	control *http.ResponseController
	silence time.Duration
}

func (b *steadyBody) extend() {
	_ = b.control.SetReadDeadline(time.Now().Add(b.silence)) // a recorder has none
}

func (b *steadyBody) Read(p []byte) (int, error) {
	b.extend()
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) { // all of it is here, and the answer may take its time
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// steadyWriter is an answer whose reader must not fall silent.
type steadyWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	silence time.Duration
}

// Unwrap is for http.ResponseController.
func (w *steadyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *steadyWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.silence)) // a recorder has none
	return w.ResponseWriter.Write(p)
}

// turnPatience is how long a caller waits for a turn before being sent away.
const turnPatience = 5 * time.Second

// few answers so many callers at once, of what reads much of the ledger: who has
// waited for a turn too long is told when to come again.
func few(most int, patience time.Duration, h http.HandlerFunc) http.HandlerFunc {
	turns := make(chan struct{}, most)
	return func(w http.ResponseWriter, r *http.Request) {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
			h(w, r)
		case <-timer.C:
			w.Header().Set("Retry-After", "10")
			answerError(w, http.StatusServiceUnavailable, "Intray is answering this for others just now; ask again in a few seconds.")
		case <-r.Context().Done():
		}
	}
}

// crowd bounds how many connections are open: past that, one that idles makes
// room for the new one, so that files are left for the work itself.
type crowd struct {
	most int

	mu   sync.Mutex
	idle map[net.Conn]bool
	open int
}

func (c *crowd) watch(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle == nil {
		c.idle = map[net.Conn]bool{}
	}
	switch state {
	case http.StateNew:
		c.open++
		if c.open > c.most {
			for other := range c.idle {
				delete(c.idle, other)
				go func() { _ = other.Close() }() // its end is told by StateClosed; TLS may take a while over it
				break
			}
		}
		c.idle[conn] = true
	case http.StateIdle:
		c.idle[conn] = true
	case http.StateActive:
		delete(c.idle, conn)
	case http.StateClosed, http.StateHijacked:
		delete(c.idle, conn)
		c.open--
	}
}
