// Package servers has the servers of cloud OCR providers, for tests and for trials
// without an account.
//
// A Lab is one provider's server on this machine: it takes documents, names jobs,
// answers and calls back as the provider does, and goes wrong on demand. It reads
// nothing: every answer is synthesized after the provider's documentation and says
// the same of every document. Nothing in it is for tests only; the suite that holds
// engines to their promises is in enginetest.
package servers

import (
	"encoding/json"
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
	// Number counts submissions from 1.
	Number int
	// Callback is where its end is announced, "" for nowhere.
	Callback string
	// Spoiled is true when the answer to its submission was lost or unreadable.
	Spoiled bool
	polls   int
	ended   bool
}

// Lab is a provider's server for tests and trials: a Service with memory, a clock
// of jobs, faults on demand and counters. It is an http.Handler. Set the fields
// before the first request; methods are safe for parallel use.
type Lab struct {
	Service Service
	// Secret is the credential that is accepted. Every refusal shows it, as bad
	// servers do: no error may.
	Secret string
	// Polls is how often a job is running before it has ended.
	Polls int
	// Stall is how long FaultSlow holds an answer; 0 is ten seconds.
	Stall time.Duration
	// URL is the lab's address, "" for that which a request asks for, and ForeignURL
	// that of a host which is not the provider's.
	URL        string
	ForeignURL string
	// Says is a line on every page that it answers, "" for none.
	Says string
	// HookSecret signs callbacks, in the form of the service; Announce is how long
	// after its submission a job with a callback ends.
	HookSecret string
	Announce   time.Duration
	// Told gets each request that was answered and each callback, one by one.
	Told func(Visit)

	mu       sync.Mutex
	planned  map[Call][]Fault
	chaos    *rand.Rand
	share    float64
	outcome  Outcome
	jobs     map[string]*LabJob
	order    []string
	taken    []*LabJob
	byKey    map[string]int
	stored   map[string][]byte
	uploads  int
	calls    map[Call]int
	injected map[Fault]int
	proven   map[Call]int
	abroad   []*http.Request
	held     []chan struct{} // of callbacks that wait to be overtaken

	telling sync.Mutex
	calling sync.WaitGroup
	closed  chan struct{}
}

// Secret is the credential that a Lab accepts if no other is set.
const Secret = "sesame-0451"

// New is a Lab whose jobs are done at the first look.
func New(s Service) *Lab {
	return &Lab{Service: s, Secret: Secret, HookSecret: HookSecret, Announce: 100 * time.Millisecond, closed: make(chan struct{}), planned: map[Call][]Fault{}, jobs: map[string]*LabJob{}, byKey: map[string]int{},
		stored: map[string][]byte{}, calls: map[Call]int{}, injected: map[Fault]int{}, proven: map[Call]int{}}
}

// Close ends what is under way, such as callbacks. It may be called twice.
func (l *Lab) Close() {
	l.mu.Lock()
	if !l.isClosed() {
		close(l.closed)
	}
	l.mu.Unlock()
	l.calling.Wait()
}

func (l *Lab) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// later runs fn beside the requests, which Close waits for; not after it.
func (l *Lab) later(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isClosed() {
		l.calling.Go(fn)
	}
}

// Accept remembers a new job, whose submission is answered on w, and names it. key
// may be "", and so may callback, where the end is announced.
func (l *Lab) Accept(w http.ResponseWriter, key, callback string, document []byte) LabJob {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := len(l.order) + 1
	job := &LabJob{ID: fmt.Sprintf("3a5f0e9c-0000-4000-8000-%012d", number), Number: number, Key: key, Callback: callback,
		Document: slices.Clone(document), Outcome: l.outcome}
	if a, ok := w.(*answer); ok {
		a.accepted = job.ID
	}
	l.jobs[job.ID] = job
	l.order = append(l.order, job.ID)
	l.taken = append(l.taken, job)
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

// Patience sets Polls while requests come.
func (l *Lab) Patience(polls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Polls = polls
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
	return *j, j.ended || j.polls > l.Polls, true
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

// Jobs are all that were accepted, in order, those that are forgotten
// as well.
func (l *Lab) Jobs() []LabJob {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []LabJob
	for _, job := range l.taken {
		all = append(all, *job)
	}
	return all
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

// storeNew keeps an uploaded file under a name of its own, which it returns.
func (l *Lab) storeNew(data []byte) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uploads++
	name := fmt.Sprintf("file-%d", l.uploads)
	l.stored[name] = data
	return name
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

// number is a document number that no other job's document has.
func (j LabJob) number() string {
	if j.Number == 1 {
		return "4711"
	}
	return fmt.Sprintf("4711-%d", j.Number)
}

// lines are what stands on a page: text, and what the lab says of itself.
func (l *Lab) lines(text string) []string {
	if l.Says == "" {
		return []string{text}
	}
	return []string{text, l.Says}
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

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// RefuseJSON is a refusal for services without a form of their own: the HTTP status
// and a message.
func RefuseJSON(w http.ResponseWriter, f Fault, message string) {
	status := map[Fault]int{FaultRate: 429, FaultQuota: 402, FaultAuth: 401, FaultBroken: 500, FaultBusy: 503, FaultExpired: 404}[f]
	writeJSON(w, status, map[string]any{"message": message})
}
