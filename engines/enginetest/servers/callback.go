package servers

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// HookSecret is what a Lab signs callbacks with if no other is set; the part after
// the first underscore is base64, as Standard Webhooks want it.
const HookSecret = "whsec_bGFiLWxhYi1sYWItbGFi"

// CallBack is the lab's own call to whoever wants to know of a job's end.
const CallBack Call = "callback"

// Times of callbacks that go wrong.
const (
	callTime  = 5 * time.Second // bounds one
	lateBy    = 3 * time.Second
	heldBy    = 3 * time.Second // one that nothing overtakes
	signedAgo = 24 * time.Hour
)

// Announcer is a Service that calls back when a job has ended.
type Announcer interface {
	// Announcement is the body for a job and the headers that prove it, made with
	// secret at a time.
	Announcement(job LabJob, secret string, at time.Time) (body []byte, header http.Header)
}

// callBack announces the end of a job that was accepted, where somebody wants to
// know of it: before it returns if early, else later.
func (l *Lab) callBack(id string) {
	service, able := l.Service.(Announcer)
	job, ok := l.Job(id)
	if !able || !ok || job.Callback == "" {
		return
	}
	f := l.next(CallBack, false)
	at, secret := time.Now(), l.HookSecret
	switch f {
	case FaultForged:
		secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("somebody else's"))
	case FaultOldTime:
		at = at.Add(-signedAgo)
	}
	body, header := service.Announcement(job, secret, at)
	post := func() { l.post(job, f, body, header) }
	if f == FaultEarly {
		l.end(id)
		post()
		return
	}
	l.later(func() {
		if !l.pass(l.Announce) {
			return
		}
		l.end(id)
		switch f {
		case FaultDuplicate:
			post()
			post()
		case FaultLate:
			if l.pass(lateBy) {
				post()
			}
		case FaultReordered:
			l.hold(post)
		default:
			post()
			l.overtaken()
		}
	})
}

// pass waits; false when the lab is closed meanwhile.
func (l *Lab) pass(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.closed:
		return false
	}
}

// end makes a job done, however often it was looked at.
func (l *Lab) end(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if job := l.jobs[id]; job != nil {
		job.ended = true
	}
}

// hold keeps a callback until a later one has been made, or for a time.
func (l *Lab) hold(post func()) {
	done := make(chan struct{})
	l.mu.Lock()
	l.held = append(l.held, done)
	l.mu.Unlock()
	t := time.NewTimer(heldBy)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	case <-l.closed:
		return
	}
	post()
}

// overtaken lets those go that were held.
func (l *Lab) overtaken() {
	l.mu.Lock()
	held := l.held
	l.held = nil
	l.mu.Unlock()
	for _, release := range held {
		close(release)
	}
}

// post makes one callback and tells what came of it. A lab does not try again:
// polling finds out what a lost one would have said.
func (l *Lab) post(job LabJob, f Fault, body []byte, header http.Header) {
	visit := Visit{Method: http.MethodPost, Path: job.Callback, Call: CallBack, Fault: f}
	defer func() { l.tell(visit) }()
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, job.Callback, bytes.NewReader(body))
	if err != nil {
		visit.Did = "no call back: " + err.Error()
		return
	}
	r.Header = header.Clone()
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		visit.Did = "called back about job " + job.ID + " and was not heard: " + err.Error()
		return
	}
	_ = answer.Body.Close()
	visit.Status, visit.Did = answer.StatusCode, "called back about job "+job.ID
}

func marshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of texts and numbers
	}
	return body
}

func sign(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// Announcement has the result's id and a signature in hex over the raw body.
func (MindeeService) Announcement(job LabJob, secret string, _ time.Time) ([]byte, http.Header) {
	body := marshal(madeUp{"inference": madeUp{"id": job.ID, "job": madeUp{"id": job.ID}, "model": madeUp{"id": "m"}}})
	return body, http.Header{"X-Signature": {hex.EncodeToString(sign([]byte(secret), body))}}
}

// Announcement follows Standard Webhooks 1.0.0.
func (PlainService) Announcement(job LabJob, secret string, at time.Time) ([]byte, http.Header) {
	body := marshal(madeUp{"type": "job.done", "timestamp": at.UTC().Format(time.RFC3339), "data": madeUp{"id": job.ID}})
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		key = []byte(secret)
	}
	id, stamp := "msg_"+job.ID, fmt.Sprint(at.Unix())
	signature := base64.StdEncoding.EncodeToString(sign(key, []byte(id+"."+stamp+"."), body))
	return body, http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {"v1," + signature}}
}
