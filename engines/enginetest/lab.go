package enginetest

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Call is what a request to a provider's server is for.
type Call string

// Kinds of Call. CallUpload prepares a submission (a file put into a store);
// CallSubmit is the one request that starts, and bills, a job.
const (
	CallAny    Call = ""
	CallToken  Call = "token"
	CallUpload Call = "upload"
	CallSubmit Call = "submit"
	CallStatus Call = "status"
	CallFetch  Call = "fetch"
	CallDelete Call = "delete"
	CallOther  Call = "other"
)

// Outcome is how a job ends.
type Outcome string

// Outcomes. A service without a form for one answers as for Succeeds.
const (
	Succeeds   Outcome = ""
	Fails      Outcome = "fails"
	Hollow     Outcome = "hollow"      // success without a result
	LosesPages Outcome = "loses_pages" // success with fewer pages than were sent
)

// Service is one provider's server without its memory and its faults, which are
// the Lab's. Methods run in parallel.
type Service interface {
	// Call says what r is for.
	Call(r *http.Request) Call
	// Credential is what r carries, "" for none; whether it is right is checked by
	// the Lab against its Secret.
	Credential(r *http.Request) string
	// Answer does what r asks with the memory of lab. Addresses of its own begin
	// with lab.Address(r).
	Answer(lab *Lab, call Call, w http.ResponseWriter, r *http.Request)
	// Refuse answers as the provider does for f: one of FaultRate, FaultAuth,
	// FaultBroken, FaultBusy, FaultExpired and FaultQuota. message is to be in it.
	Refuse(w http.ResponseWriter, f Fault, message string)
}

// LabJob is one submission that was accepted.
type LabJob struct {
	ID string
	// Key is the idempotency key or our own mark on it; "" if there was none.
	Key      string
	Document []byte
	Outcome  Outcome
	polls    int
}

// Lab is a provider's server for tests and trials: a Service with memory, a clock
// of jobs, faults on demand and counters. It is an http.Handler; Start serves it in
// a test. Set the fields before the first request; methods are safe for parallel
// use.
type Lab struct {
	Service Service
	// Secret is the credential that is accepted. Every refusal shows it, as bad
	// servers do: no error may.
	Secret string
	// Polls is how often a job is running before it has ended.
	Polls int
	// Stall is how long FaultSlow holds an answer; 0 is ten seconds.
	Stall time.Duration
	// URL is the lab's address and ForeignURL that of a host which is not the
	// provider's; Start fills them.
	URL        string
	ForeignURL string

	mu       sync.Mutex
	planned  map[Call][]Fault
	chaos    *rand.Rand
	share    float64
	outcome  Outcome
	jobs     map[string]*LabJob
	order    []string
	byKey    map[string]int
	stored   map[string][]byte
	calls    map[Call]int
	injected map[Fault]int
	proven   map[Call]int
	abroad   []*http.Request
}

// NewLab is a Lab whose jobs are done at the first look.
func NewLab(s Service) *Lab {
	return &Lab{Service: s, Secret: Secret, planned: map[Call][]Fault{}, jobs: map[string]*LabJob{}, byKey: map[string]int{},
		stored: map[string][]byte{}, calls: map[Call]int{}, injected: map[Fault]int{}, proven: map[Call]int{}}
}

// Accept remembers a new job and names it. key may be "".
func (l *Lab) Accept(key string, document []byte) LabJob {
	l.mu.Lock()
	defer l.mu.Unlock()
	job := &LabJob{ID: fmt.Sprintf("3a5f0e9c-0000-4000-8000-%012d", len(l.order)+1), Key: key, Document: slices.Clone(document), Outcome: l.outcome}
	l.jobs[job.ID] = job
	l.order = append(l.order, job.ID)
	l.byKey[key]++
	return *job
}

// ByKey finds the job that was accepted with key.
func (l *Lab) ByKey(key string) (LabJob, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.order {
		if job := l.jobs[id]; job != nil && job.Key == key {
			return *job, true
		}
	}
	return LabJob{}, false
}

// Look turns the job's clock on by one poll; done is true from poll Polls+1 on. ok
// is false for a job that never was or is forgotten.
func (l *Lab) Look(id string) (job LabJob, done, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	if j == nil {
		return LabJob{}, false, false
	}
	j.polls++
	return *j, j.polls > l.Polls, true
}

// Job is a job without a turn of its clock.
func (l *Lab) Job(id string) (LabJob, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j := l.jobs[id]; j != nil {
		return *j, true
	}
	return LabJob{}, false
}

// Forget removes a job and its result; false if there is none.
func (l *Lab) Forget(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.jobs[id]
	delete(l.jobs, id)
	return ok
}

// Store keeps an uploaded file under name; nil removes it.
func (l *Lab) Store(name string, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if data == nil {
		delete(l.stored, name)
		return
	}
	l.stored[name] = data
}

// Stored is an uploaded file.
func (l *Lab) Stored(name string) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, ok := l.stored[name]
	return data, ok
}

// StoredNames lists what is in the store, sorted.
func (l *Lab) StoredNames() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.stored))
}

// EndJobs sets the outcome of jobs accepted from now on.
func (l *Lab) EndJobs(o Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcome = o
}

// Accepted is how many submissions were taken, which is how many are billed.
func (l *Lab) Accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.order)
}

// AcceptedByKey is how many were taken with each key.
func (l *Lab) AcceptedByKey() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.byKey)
}

// Calls is how many requests of a kind came, CallAny for all.
func (l *Lab) Calls(kind Call) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return count(l.calls, kind)
}

// Proven is how many requests of a kind carried the right credential.
func (l *Lab) Proven(kind Call) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return count(l.proven, kind)
}

func count(of map[Call]int, kind Call) int {
	if kind != CallAny {
		return of[kind]
	}
	sum := 0
	for _, n := range of {
		sum += n
	}
	return sum
}

// Abroad are the requests that came to the foreign host, where none belongs.
func (l *Lab) Abroad() []*http.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.abroad)
}

// Foreign is the handler of the host that is not the provider's.
func (l *Lab) Foreign() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.abroad = append(l.abroad, r)
		l.mu.Unlock()
		w.WriteHeader(http.StatusNotFound)
	})
}

// PagesOf guesses how many pages a document has: a lab decodes nothing.
func PagesOf(document []byte) int {
	leaves := regexp.MustCompile(`/Type\s*/Page[^s\w]`)
	return max(1, len(leaves.FindAll(document, -1)))
}

// readAll is a request's body, at most 512 MB of it.
func readAll(r *http.Request) []byte {
	data, err := io.ReadAll(io.LimitReader(r.Body, 512<<20))
	if err != nil {
		return nil
	}
	return data
}
