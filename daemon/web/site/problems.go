package site

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"intray/ledger"
)

type problemsBody struct {
	Groups []group
	Untold []untold
	// More is true when there are more than were looked at.
	More bool
	// Retried and Told are how many of the last wish were; -1 for no wish.
	CanRetry bool
}

// group is the documents that failed for one cause.
type group struct {
	Code, State string
	Waiting     bool
	Sentence    string // of the newest
	Todo        string
	Count       int
	Documents   []ledger.Document
}

// untold are the messages to one receiver that were given up or wait.
type untold struct {
	To, Failure   string
	Dead, Waiting int
}

const (
	// mostGrouped bounds how many documents of a state are looked at, mostNamed how
	// many of a group are named.
	mostGrouped = 500
	mostNamed   = 10
)

// failedStates are those whose documents are looked at, the worst first.
func failedStates() []ledger.State {
	return []ledger.State{ledger.DeadLetter, ledger.FailedTerminal, ledger.FailedRetryable}
}

func (s *server) problems(c *call) error {
	b := problemsBody{CanRetry: s.Retry != nil}
	for _, state := range failedStates() {
		list, err := s.Ledger.List(ledger.Query{State: state, Limit: mostGrouped})
		if err != nil {
			return err
		}
		b.More = b.More || list.Next != ""
		b.Groups = append(b.Groups, groupsOf(c, state, list.Documents)...)
	}
	messages, err := s.Ledger.Messages("")
	if err != nil {
		return err
	}
	b.Untold = untoldOf(messages)
	return c.show(http.StatusOK, "problems", b)
}

func codeOf(d ledger.Document) string {
	if d.Failure == nil {
		return "unknown"
	}
	return d.Failure.Code
}

func groupsOf(c *call, state ledger.State, docs []ledger.Document) (out []group) {
	for _, d := range docs {
		code := codeOf(d)
		at := slices.IndexFunc(out, func(g group) bool { return g.Code == code })
		if at < 0 {
			g := group{Code: code, State: string(state), Waiting: state == ledger.FailedRetryable, Todo: todo(c, code)}
			if d.Failure != nil {
				g.Sentence = d.Failure.Sentence
			}
			out = append(out, g)
			at = len(out) - 1
		}
		out[at].Count++
		if len(out[at].Documents) < mostNamed {
			out[at].Documents = append(out[at].Documents, d)
		}
	}
	slices.SortStableFunc(out, func(a, b group) int { return cmp.Compare(b.Count, a.Count) })
	return out
}

// todo is what to do about a cause.
func todo(c *call, code string) string {
	if text, ok := c.texts.find(c.lang, "todo."+code); ok {
		return text
	}
	return c.text("todo")
}

func untoldOf(messages []ledger.Message) (out []untold) {
	for _, m := range messages {
		at := slices.IndexFunc(out, func(u untold) bool { return u.To == m.To && u.Failure == m.Failure })
		if at < 0 {
			out = append(out, untold{To: m.To, Failure: m.Failure})
			at = len(out) - 1
		}
		if m.Dead {
			out[at].Dead++
		} else {
			out[at].Waiting++
		}
	}
	return out
}

// retryAll has all documents of one group tried again, as many as were looked at.
func (s *server) retryAll(c *call) error {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, longestForm)
	if err := c.r.ParseForm(); err != nil {
		return errBadRequest
	}
	state, code := ledger.State(c.r.PostForm.Get("state")), c.r.PostForm.Get("code")
	if s.Retry == nil || !slices.Contains(failedStates(), state) {
		return errBadRequest
	}
	list, err := s.Ledger.List(ledger.Query{State: state, Limit: mostGrouped})
	if err != nil {
		return err
	}
	for _, d := range list.Documents {
		if codeOf(d) != code {
			continue
		}
		// One that moved on by itself, or whose original is gone, does not keep the
		// others from being tried.
		if _, err := s.Retry(d.ID, c.who.Name, ""); err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ledger.ErrConflict) {
			return err
		}
	}
	return c.redirect("/problems")
}

func (s *server) tellAll(c *call) error {
	if s.Tell == nil {
		return ErrRefused
	}
	if _, err := s.Tell(nil); err != nil {
		return err
	}
	return c.redirect("/problems")
}
