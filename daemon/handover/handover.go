// Package handover tells others what became of documents: receivers of webhooks,
// a command, a table of one line a document.
//
// What is to be told is written to the ledger's outbox with the move that led
// there (Messages), so that no crash loses it; a Desk takes it from there until
// it is told or given up. Nothing here touches the delivered files, and nothing
// is sent anywhere that the configuration does not name.
package handover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"intray/daemon/config"
	"intray/daemon/deliver"
	"intray/daemon/document"
	"intray/daemon/fault"
	"intray/ledger"
)

// The events a receiver may ask for.
const (
	Completed   = config.EventCompleted
	NeedsReview = config.EventNeedsReview
	Failed      = config.EventFailed
)

// Who is told. A receiver's name follows toReceiver.
const (
	toReceiver = "receiver "
	toCommand  = "command"
	toTable    = "table"
)

// Data is what is told about a document. Document is its JSON without pages and
// text; null where there is none.
type Data struct {
	DocumentID string          `json:"document_id"`
	State      string          `json:"state"`
	Folder     string          `json:"folder"`
	Path       string          `json:"path"`
	Name       string          `json:"name"`
	SHA256     string          `json:"sha256"`
	Pages      int             `json:"pages"`
	ReceivedAt time.Time       `json:"received_at"`
	FinishedAt time.Time       `json:"finished_at"`
	Outputs    []string        `json:"outputs"`
	Failure    *ledger.Failure `json:"failure"`
	Document   json.RawMessage `json:"document"`
}

func event(doc ledger.Document) string {
	switch doc.State {
	case ledger.Completed, ledger.CompletedWithWarnings:
		if doc.Split == nil { // its parts have events of their own
			return Completed
		}
	case ledger.NeedsHumanReview:
		return NeedsReview
	case ledger.FailedTerminal, ledger.DeadLetter, ledger.Rejected:
		return Failed
	}
	return ""
}

// Messages is for ledger.Options: what the configuration wants to be told when a
// document reaches a state.
func Messages(cfg *config.Config) func(ledger.Document, json.RawMessage) []ledger.Message {
	return func(doc ledger.Document, detail json.RawMessage) (out []ledger.Message) {
		what := event(doc)
		if what == "" {
			return nil
		}
		body, err := json.Marshal(Data{DocumentID: doc.ID, State: string(doc.State), Folder: doc.Folder, Path: doc.Path, Name: doc.Name,
			SHA256: doc.SHA256, Pages: doc.Pages, ReceivedAt: doc.ReceivedAt.UTC(), FinishedAt: doc.UpdatedAt.UTC(), Outputs: append([]string{}, doc.Outputs...),
			Failure: doc.Failure, Document: detail})
		if err != nil {
			body = nil // detail is no JSON, which only a slip here can bring about
		}
		add := func(to string) { out = append(out, ledger.Message{To: to, Event: what, Body: body}) }
		for _, r := range cfg.Receivers {
			if r.Wants(what) {
				add(toReceiver + r.Name)
			}
		}
		for _, f := range cfg.Folders {
			if f.Name != doc.Folder || what != Completed {
				continue
			}
			if f.CSV != "" {
				add(toTable)
			}
			if len(f.Hook) > 0 {
				add(toCommand)
			}
		}
		return out
	}
}

// Desk empties the outbox.
type Desk struct {
	Config *config.Config
	Ledger *ledger.Ledger
	Log    *slog.Logger
	// Client is for tests; nil is one that follows no redirects.
	Client *http.Client
	// Rest is for tests; 0 is restAfterError.
	Rest time.Duration
}

const (
	// atOnce is how many messages are taken from the outbox at once, and queueLength
	// how many of them for one target.
	atOnce, queueLength = 1024, 64
	// mostTries in pauses that grow to an hour take about a day.
	mostTries = 25
	// restAfterError keeps a ledger that fails from being asked in a tight loop.
	restAfterError = 10 * time.Second
)

// target is who is told, and how many messages may be on their way there at
// once.
func (d *Desk) target(m ledger.Message) (name string, most int) {
	if strings.HasPrefix(m.To, toReceiver) {
		return m.To, 4
	}
	var data struct{ Folder string }
	_ = json.Unmarshal(m.Body, &data) // tell says what is wrong with it
	if m.To == toTable {
		for _, f := range d.Config.Folders {
			if f.Name == data.Folder { // folders may share a table; one line at a time
				return m.To + " " + f.CSV, 1
			}
		}
	}
	return m.To + " " + data.Folder, 1
}

// Run delivers what is due until ctx is done. Each target has a queue of its
// own: one that is slow or dead must not hold up the others.
func (d *Desk) Run(ctx context.Context) error {
	ended := make(chan ledger.Message)
	inHand, waiting, queues := map[string]bool{}, map[string]int{}, map[string]chan ledger.Message{}
	take := func(m ledger.Message) bool {
		name, most := d.target(m)
		if inHand[m.ID] || waiting[name] == queueLength {
			return false
		}
		if queues[name] == nil {
			queues[name] = make(chan ledger.Message, queueLength)
			for range most {
				go d.work(ctx, queues[name], ended)
			}
		}
		inHand[m.ID] = true
		waiting[name]++
		queues[name] <- m
		return true
	}
	// release is true when nothing waits for the message's target any more.
	release := func(m ledger.Message) bool {
		name, _ := d.target(m)
		delete(inHand, m.ID)
		waiting[name]--
		return waiting[name] == 0
	}
	for ctx.Err() == nil {
		due, next, err := d.Ledger.DueMessages(time.Now(), atOnce, take)
		if err != nil {
			d.Log.Error("The outbox could not be read.", "error", err)
			next = time.Now().Add(d.rest())
		}
		if len(due) < atOnce { // else there may be more
			d.pause(ctx, next, ended, release)
		}
	}
	for len(inHand) > 0 {
		release(<-ended)
	}
	for _, queue := range queues {
		close(queue)
	}
	return nil
}

// pause returns when the outbox is worth another look.
func (d *Desk) pause(ctx context.Context, next time.Time, ended <-chan ledger.Message, release func(ledger.Message) bool) {
	var wake <-chan time.Time
	if !next.IsZero() {
		wake = time.After(time.Until(next))
	}
	for {
		select {
		case m := <-ended:
			if release(m) {
				return
			}
		case <-ctx.Done():
			return
		case <-d.Ledger.Outgoing():
			return
		case <-wake:
			return
		}
	}
}

// work tells one target.
func (d *Desk) work(ctx context.Context, queue <-chan ledger.Message, ended chan<- ledger.Message) {
	for m := range queue {
		if ctx.Err() == nil {
			d.deliver(ctx, m)
		}
		ended <- m
	}
}

func (d *Desk) rest() time.Duration {
	if d.Rest > 0 {
		return d.Rest
	}
	return restAfterError
}

// note writes to the ledger what became of a message, again and again until it
// is written: the message stays in hand meanwhile and is not told once more.
func (d *Desk) note(ctx context.Context, m ledger.Message, write func() error) {
	for err := write(); err != nil; err = write() {
		d.Log.Error("What became of a hand-over could not be noted yet; if Intray ends before it is, it is handed over again, under the same id.", "document", m.DocumentID, "to", m.To, "message", m.ID, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(d.rest()):
		}
	}
}

// errNoSuchTarget is for messages to somebody who left the configuration.
var errNoSuchTarget = errors.New("the configuration does not name it any more")

func (d *Desk) deliver(ctx context.Context, m ledger.Message) {
	err := d.tell(ctx, m)
	if ctx.Err() != nil && err != nil {
		return // it stays due
	}
	fault.Point("handover.told")
	if err == nil {
		d.note(ctx, m, func() error { return d.Ledger.Delivered(m) })
		return
	}
	retry := d.Config.Retry
	policy := ledger.Policy{Base: retry.Base.Std(), Cap: retry.Cap.Std(), MaxAttempts: mostTries, Jitter: retry.Jitter}
	again := time.Time{}
	if m.Attempts+1 < mostTries && !errors.Is(err, errNoSuchTarget) {
		again = policy.NextTry(time.Now(), m.Attempts+1, rand.Float64())
		d.Log.Warn("A document could not be handed over and will be again.", "document", m.DocumentID, "to", m.To, "event", m.Event, "why", sayable(err), "again", again.Format(time.TimeOnly))
	} else {
		d.Log.Error("A document could not be handed over; it is not tried again unless you ask (intray retry --untold).", "document", m.DocumentID, "to", m.To, "event", m.Event, "why", sayable(err))
	}
	d.note(ctx, m, func() error { return d.Ledger.Undelivered(m, again, err.Error()) })
}

func (d *Desk) tell(ctx context.Context, m ledger.Message) error {
	var data Data
	if err := json.Unmarshal(m.Body, &data); err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if name, ok := strings.CutPrefix(m.To, toReceiver); ok {
		for _, r := range d.Config.Receivers {
			if r.Name == name {
				return d.post(ctx, r, m)
			}
		}
		return errNoSuchTarget
	}
	for _, f := range d.Config.Folders {
		switch {
		case f.Name != data.Folder:
		case m.To == toTable && f.CSV != "":
			return appendRow(f, data, d.frame(data))
		case m.To == toCommand && len(f.Hook) > 0:
			return d.command(ctx, f, m, data)
		}
	}
	return errNoSuchTarget
}

// frame is the document without pages and text: what came with the message, else
// what the delivered JSON says.
func (d *Desk) frame(data Data) (doc document.Document) {
	if json.Unmarshal(data.Document, &doc) == nil && doc.Schema != "" {
		return doc
	}
	if f := openJSON(data); f != nil {
		defer f.Close()
		if whole, err := io.ReadAll(f); err == nil {
			doc, _ = document.Decode(whole)
		}
	}
	return doc
}

// openJSON opens the delivered JSON; nil if it is not there any more.
func openJSON(data Data) *os.File {
	for _, path := range data.Outputs {
		if filepath.Ext(path) == ".json" && deliver.IsOf(path, data.DocumentID) {
			if f, err := os.Open(path); err == nil {
				return f
			}
		}
	}
	return nil
}
