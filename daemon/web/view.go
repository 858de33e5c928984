package web

import (
	"time"

	"intray/ledger"
)

// Summary is one document in a list, as the API and list --json show it.
type Summary struct {
	DocumentID  string     `json:"document_id"`
	State       string     `json:"state"`
	Folder      string     `json:"folder"`
	Path        string     `json:"path"`
	Name        string     `json:"name"`
	SHA256      string     `json:"sha256"`
	Size        int64      `json:"size"`
	MIME        string     `json:"mime"`
	ReceivedAt  time.Time  `json:"received_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	Attempts    int        `json:"attempts"`
	AttemptID   string     `json:"attempt_id"`
	Engine      string     `json:"engine"`
	DuplicateOf string     `json:"duplicate_of"`
	NotBefore   *time.Time `json:"not_before"`
	Outputs     []string   `json:"outputs"`
	Failure     *Failure   `json:"failure"`
	Reason      string     `json:"reason"`
}

// Failure is why a document failed, waits or is in review.
type Failure struct {
	Kind     string `json:"kind"`
	Code     string `json:"code"`
	Stage    string `json:"stage"`
	Sentence string `json:"sentence"`
	Detail   string `json:"detail"`
}

// Attempt is one engine run.
type Attempt struct {
	AttemptID string     `json:"attempt_id"`
	Number    int        `json:"number"`
	Engine    string     `json:"engine"`
	Started   time.Time  `json:"started"`
	Ended     *time.Time `json:"ended"`
	Outcome   string     `json:"outcome"`
	Counted   bool       `json:"counted"`
	Failure   *Failure   `json:"failure"`
}

// Event is one move of the state machine.
type Event struct {
	At        time.Time `json:"at"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	Move      string    `json:"move"`
	Why       string    `json:"why"`
	AttemptID string    `json:"attempt_id"`
	Actor     string    `json:"actor"`
}

// Detail is one document with its history, as the API and show --json show it.
type Detail struct {
	Summary
	AttemptList []Attempt `json:"attempt_list"`
	Events      []Event   `json:"events"`
	// Parent is the document of the file this is a part of; Split is what became
	// of a file that was taken apart.
	Parent string        `json:"parent"`
	Split  *ledger.Split `json:"split"`
	// Outbox are those who are still to be told of the document, or could not be.
	Outbox []Message `json:"outbox"`
	// Advice is a sentence about what to do for the document to go on; "" for nothing.
	Advice string `json:"advice"`
}

// Message is one of the outbox. Dead is true when it is not tried again by itself.
type Message struct {
	ID        string    `json:"id"`
	To        string    `json:"to"`
	Event     string    `json:"event"`
	Attempts  int       `json:"attempts"`
	NotBefore time.Time `json:"not_before"`
	Failure   string    `json:"failure"`
	Dead      bool      `json:"dead"`
}

// Untold is a message that is still to be told, with the document it is about.
type Untold struct {
	DocumentID string    `json:"document_id"`
	Path       string    `json:"path"`
	Since      time.Time `json:"since"`
	Message
}

// Outbox lists the messages of all documents, oldest first; never nil.
func Outbox(l Reader) ([]Untold, error) {
	out := []Untold{}
	messages, err := l.Messages("")
	for _, m := range messages {
		u := Untold{DocumentID: m.DocumentID, Since: m.At, Message: messageOf(m)}
		doc, err := l.Get(m.DocumentID)
		if err != nil {
			return nil, err
		}
		u.Path = doc.Path
		out = append(out, u)
	}
	return out, err
}

func messageOf(m ledger.Message) Message {
	return Message{m.ID, m.To, m.Event, m.Attempts, m.NotBefore, m.Failure, m.Dead}
}

// Summarize turns a ledger record into what people and programs see.
func Summarize(d ledger.Document) Summary {
	s := Summary{DocumentID: d.ID, State: string(d.State), Folder: d.Folder, Path: d.Path, Name: d.Name, SHA256: d.SHA256,
		Size: d.Size, MIME: d.MIME, ReceivedAt: d.ReceivedAt, UpdatedAt: d.UpdatedAt, Attempts: d.Attempts, AttemptID: d.AttemptID,
		Engine: d.Engine, DuplicateOf: d.DuplicateOf, NotBefore: moment(d.NotBefore), Outputs: d.Outputs, Failure: explain(d.Failure), Reason: d.Reason}
	if s.Outputs == nil {
		s.Outputs = []string{}
	}
	return s
}

// Summaries is Summarize for a list; never nil.
func Summaries(docs []ledger.Document) []Summary {
	out := make([]Summary, 0, len(docs))
	for _, d := range docs {
		out = append(out, Summarize(d))
	}
	return out
}

// Describe collects a document's record, attempts and events. advice says what to
// do for it to go on, "" for nothing; nil is that.
func Describe(l Reader, id string, advice func(ledger.Document) string) (Detail, error) {
	doc, err := l.Get(id)
	if err != nil {
		return Detail{}, err
	}
	attempts, err := l.Attempts(doc.ID)
	if err != nil {
		return Detail{}, err
	}
	events, err := l.Events(doc.ID)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Summary: Summarize(doc), AttemptList: make([]Attempt, 0, len(attempts)), Events: make([]Event, 0, len(events)),
		Split: doc.Split, Outbox: []Message{}}
	if advice != nil {
		d.Advice = advice(doc)
	}
	if len(doc.Pieces) > 0 {
		d.Parent = doc.Pieces[0].DocumentID
	}
	waiting, err := l.Messages(doc.ID)
	for _, m := range waiting {
		d.Outbox = append(d.Outbox, messageOf(m))
	}
	if err != nil {
		return d, err
	}
	for _, a := range attempts {
		d.AttemptList = append(d.AttemptList, Attempt{AttemptID: a.ID, Number: a.Number, Engine: a.Engine, Started: a.Started,
			Ended: moment(a.Ended), Outcome: string(a.Outcome), Counted: a.Counted, Failure: explain(a.Failure)})
	}
	for _, e := range events {
		d.Events = append(d.Events, Event{At: e.At, From: string(e.From), To: string(e.To), Move: e.Move, Why: e.Why,
			AttemptID: e.AttemptID, Actor: e.Actor})
	}
	return d, nil
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func explain(f *ledger.Failure) *Failure {
	if f == nil {
		return nil
	}
	return &Failure{Kind: f.Kind, Code: f.Code, Stage: f.Stage, Sentence: f.Sentence, Detail: f.Detail}
}
