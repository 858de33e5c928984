package servers

import (
	"fmt"
	"net/http"
)

// Visit is a request that a Lab answered, or a callback that it made.
type Visit struct {
	Method string
	// Path is a callback's whole address.
	Path string
	Call Call
	// Did is what came of it, in words.
	Did string
	// Status is what was answered, 0 where nothing or a refusal was.
	Status int
	// Fault is what went wrong with it on purpose, "" for nothing.
	Fault Fault
}

// String is a line for a person.
func (v Visit) String() string {
	line := fmt.Sprintf("%-6s %s: %s", v.Method, v.Path, v.Did)
	if v.Status != 0 {
		line += fmt.Sprintf(" (%d)", v.Status)
	}
	if v.Fault != "" {
		line += fmt.Sprintf(" [fault: %s]", v.Fault)
	}
	return line
}

func (l *Lab) tell(v Visit) {
	if l.Told == nil {
		return
	}
	l.telling.Lock()
	defer l.telling.Unlock()
	l.Told(v)
}

// did says what an answer is about.
func (l *Lab) did(kind Call, a *answer) string {
	if job, ok := l.Job(a.accepted); ok {
		return fmt.Sprintf("took job %s, %s of %d kB", job.ID, counted(PagesOf(job.Document), "page"), (len(job.Document)+1023)>>10)
	}
	if a.status >= http.StatusBadRequest {
		return "refused"
	}
	words := map[Call]string{CallToken: "gave a token", CallUpload: "stored a file", CallSubmit: "named the job it has of that key",
		CallStatus: "told of a job", CallFetch: "gave what it has", CallDelete: "forgot it"}
	if said := words[kind]; said != "" {
		return said
	}
	return "answered"
}

func counted(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
