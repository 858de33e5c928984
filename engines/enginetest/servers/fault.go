package servers

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Fault is something that goes wrong with one request.
type Fault string

// Faults. Those up to FaultExpired are the provider's own refusals.
const (
	FaultRate      Fault = "rate"       // too many requests, no word how long to wait
	FaultRateAfter Fault = "rate_after" // too many requests, Retry-After: 7
	FaultQuota     Fault = "quota"      // no more for days, Retry-After: two of them
	FaultAuth      Fault = "auth"
	FaultBroken    Fault = "broken" // 500
	FaultBusy      Fault = "busy"   // 503
	FaultExpired   Fault = "expired"
	FaultLost      Fault = "lost" // done, then the connection is cut
	FaultCut       Fault = "cut"  // the connection is cut before anything is done
	FaultSlow      Fault = "slow"
	FaultTruncated Fault = "truncated"
	FaultHuge      Fault = "huge" // HugeBody bytes
	FaultNotJSON   Fault = "not_json"
	FaultWrongType Fault = "wrong_type" // 200 and a web page, as of a proxy that wants a login
	FaultForeign   Fault = "foreign"    // addresses in the answer are at another host
	FaultSkew      Fault = "skew"       // too many requests, Retry-After as a date by a clock that is a day ahead
)

// Faults of callbacks.
const (
	FaultEarly     Fault = "early"     // before the answer to the submission
	FaultDuplicate Fault = "duplicate" // twice
	FaultLate      Fault = "late"      // long after the job ended
	FaultForged    Fault = "forged"    // signed with another key, and no other comes
	FaultReordered Fault = "reordered" // after that of a later job
	FaultOldTime   Fault = "old_time"  // signed a day ago
)

// How long a client is asked to wait by FaultRateAfter, FaultQuota and FaultSkew.
const (
	RetryAfter  = 7 * time.Second
	QuotaAfter  = 48 * time.Hour
	SkewedAfter = 5 * time.Second
)

// HugeBody is the length in bytes of a huge answer. A provider under test gets a
// smaller limit.
const HugeBody = 4 << 20

// Fail plans a fault for each of the next times requests of a kind.
func (l *Lab) Fail(kind Call, f Fault, times int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range times {
		l.planned[kind] = append(l.planned[kind], f)
	}
}

// Calm forgets all planned faults and the chaos.
func (l *Lab) Calm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.planned)
	l.chaos = nil
}

// Chaos gives that share of all requests (0..1) a fault that passes, the same ones
// for the same seed and order of requests.
func (l *Lab) Chaos(share float64, seed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.share, l.chaos = share, rand.New(rand.NewPCG(seed, 0))
}

// Injected is how often each fault was served.
func (l *Lab) Injected() map[Fault]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.injected)
}

// passing are the faults that Chaos gives to a kind of request: those after which
// the same document can still be read. To be asked to wait comes half as often as
// the others: every time all documents wait.
func passing(kind Call) []Fault {
	others := []Fault{FaultBroken, FaultBusy, FaultLost, FaultCut, FaultSlow, FaultTruncated, FaultHuge, FaultNotJSON, FaultWrongType}
	all := slices.Concat(others, others, []Fault{FaultRate, FaultRateAfter, FaultSkew})
	switch kind {
	case CallStatus, CallFetch:
		return append(all, FaultExpired)
	case CallBack:
		return []Fault{FaultEarly, FaultDuplicate, FaultLate, FaultForged, FaultReordered, FaultOldTime}
	}
	return all
}

// next counts the request and decides its fault; "" for none.
func (l *Lab) next(kind Call, proven bool) Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[kind]++
	if proven {
		l.proven[kind]++
	}
	var f Fault
	for _, k := range []Call{kind, CallAny} {
		if planned := l.planned[k]; len(planned) > 0 {
			f, l.planned[k] = planned[0], planned[1:]
			break
		}
	}
	if f == "" && l.chaos != nil && l.chaos.Float64() < l.share {
		some := passing(kind)
		f = some[l.chaos.IntN(len(some))]
	}
	if f != "" {
		l.injected[f]++
	}
	return f
}

// foreignKey marks a request whose answer names the foreign host.
type foreignKey struct{}

// Address is where the answer to r says that its own addresses are.
func (l *Lab) Address(r *http.Request) string {
	if r.Context().Value(foreignKey{}) != nil {
		return l.ForeignURL
	}
	if l.URL != "" {
		return l.URL
	}
	return "http://" + r.Host
}

// ServeHTTP answers as the provider does, or wrongly as planned.
func (l *Lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, credential := l.Service.Call(r), l.Service.Credential(r)
	f := l.next(kind, credential == l.Secret)
	visit := Visit{Method: r.Method, Path: r.URL.Path, Call: kind, Fault: f}
	message := "Something is wrong with " + credential + "."
	switch f {
	case FaultCut:
		visit.Did = "cut the connection"
		l.tell(visit)
		panic(http.ErrAbortHandler)
	case FaultRate, FaultRateAfter, FaultQuota, FaultSkew, FaultAuth, FaultBroken, FaultBusy, FaultExpired:
		visit.Did = "refused"
		l.tell(visit)
		l.refuse(w, f, message)
		return
	case FaultForeign:
		r = r.WithContext(context.WithValue(r.Context(), foreignKey{}, true))
	}
	if credential != l.Secret {
		visit.Did = "refused: the key is not the lab's"
		l.tell(visit)
		l.Service.Refuse(w, FaultAuth, message)
		return
	}
	answer := &answer{header: http.Header{}, status: http.StatusOK}
	l.Service.Answer(l, kind, answer, r)
	l.callBack(answer.accepted)
	visit.Status, visit.Did = answer.status, l.did(kind, answer)
	l.tell(visit)
	if answer.accepted != "" && spoils(f) {
		l.spoil(answer.accepted)
	}
	l.send(w, r, f, answer)
}

// refuse answers for one of the faults that are the provider's own refusals.
func (l *Lab) refuse(w http.ResponseWriter, f Fault, message string) {
	switch f {
	case FaultRateAfter:
		f = FaultRate
		w.Header().Set("Retry-After", strconv.Itoa(int(RetryAfter/time.Second)))
	case FaultQuota:
		w.Header().Set("Retry-After", strconv.Itoa(int(QuotaAfter/time.Second)))
	case FaultSkew:
		f = FaultRate
		theirs := time.Now().Add(24 * time.Hour).UTC()
		w.Header().Set("Date", theirs.Format(http.TimeFormat))
		w.Header().Set("Retry-After", theirs.Add(SkewedAfter).Format(http.TimeFormat))
	}
	l.Service.Refuse(w, f, message)
}

// spoils is true for faults after which the client cannot know what was answered.
func spoils(f Fault) bool {
	switch f {
	case FaultLost, FaultTruncated, FaultHuge, FaultNotJSON, FaultWrongType:
		return true
	}
	return false
}

func (l *Lab) spoil(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, job := range l.taken {
		if job.ID == id {
			job.Spoiled = true
		}
	}
}

// send gives the answer to the client, spoiled as f says.
func (l *Lab) send(w http.ResponseWriter, r *http.Request, f Fault, a *answer) {
	body := a.body.Bytes()
	switch f {
	case FaultLost:
		panic(http.ErrAbortHandler)
	case FaultSlow:
		stall := l.Stall
		if stall == 0 {
			stall = 10 * time.Second
		}
		select {
		case <-time.After(stall):
		case <-l.closed:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	case FaultHuge:
		body = bytes.Repeat([]byte(" "), HugeBody)
	case FaultNotJSON:
		body = []byte(`{"status": succeeded`)
	case FaultWrongType:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><title>Please log in</title></html>"))
		return
	}
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if a.status == http.StatusNoContent {
		w.Header().Del("Content-Length")
	}
	if f == FaultTruncated && len(body) < 2 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.status)
	if f == FaultTruncated {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

// answer is a service's answer before it is sent.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	// accepted is the job that it is about, if it is a new one.
	accepted string
}

func (a *answer) Header() http.Header            { return a.header }
func (a *answer) WriteHeader(status int)         { a.status = status }
func (a *answer) Write(data []byte) (int, error) { return a.body.Write(data) }
