package engines

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Answers are the last answers of a service that answers at once, until they are
// fetched: in memory, so that they die with the process. The zero value is ready;
// it is safe for parallel use.
type Answers struct {
	mu    sync.Mutex
	raw   map[string][]byte
	order []string
	size  int
}

const (
	// mostAnswers and mostBytes bound the answers in memory.
	mostAnswers = 64
	mostBytes   = 2 * DefaultMaxAnswer
	// answerName begins the name of a job whose answer is in memory.
	answerName = "now-"
)

// InMemory tells such a job by its name, so that a change of settings loses no job
// in hand.
func InMemory(job Job) bool { return strings.HasPrefix(job.ID, answerName) }

// Keep stores an answer under a new name; the oldest makes room.
func (a *Answers) Keep(raw []byte) Job {
	id := answerName + rand.Text()
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.order) > 0 && (len(a.order) >= mostAnswers || a.size+len(raw) > mostBytes) {
		a.drop(a.order[0])
	}
	if a.raw == nil {
		a.raw = map[string][]byte{}
	}
	a.raw[id], a.order = raw, append(a.order, id)
	a.size += len(raw)
	return Job{ID: id}
}

// Get is an answer of the service, or CodeExpired (retryable).
func (a *Answers) Get(service string, job Job) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	raw, ok := a.raw[job.ID]
	if !ok {
		return nil, &Error{Kind: Retryable, Code: CodeExpired,
			Sentence: fmt.Sprintf("%s's answer was lost before it was stored. The document has to be submitted again.", service)}
	}
	return bytes.Clone(raw), nil
}

// Forget drops an answer; what is gone is no error.
func (a *Answers) Forget(job Job) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(job.ID)
}

// drop forgets an answer, under the lock.
func (a *Answers) drop(id string) {
	a.size -= len(a.raw[id])
	delete(a.raw, id)
	a.order = slices.DeleteFunc(a.order, func(known string) bool { return known == id })
}

// Clear drops all.
func (a *Answers) Clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.raw, a.order, a.size = nil, nil, 0
}
