package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is where a document stands on its journey.
type State string

// The states. What they mean and how one gets out of them is in the table below.
const (
	Received              State = "received"
	Validated             State = "validated"
	Submitting            State = "submitting"
	SubmittedToProvider   State = "submitted_to_provider"
	Processing            State = "processing"
	FailedRetryable       State = "failed_retryable"
	NeedsHumanReview      State = "needs_human_review"
	Completed             State = "completed"
	CompletedWithWarnings State = "completed_with_warnings"
	FailedTerminal        State = "failed_terminal"
	DeadLetter            State = "dead_letter"
	Rejected              State = "rejected"
	Duplicate             State = "duplicate"
	Purged                State = "purged"
)

type meaning struct {
	state State
	text  string
}

func meanings() []meaning {
	return []meaning{
		{Received, "original durable, hash known"},
		{Validated, "meets the folder's contract"},
		{Submitting, "intent and idempotency token recorded, outcome unknown"},
		{SubmittedToProvider, "the provider's job id is recorded"},
		{Processing, "a worker or the provider is at it, under a lease"},
		{FailedRetryable, "waits for its next try"},
		{NeedsHumanReview, "in the review folder"},
		{Completed, "delivered"},
		{CompletedWithWarnings, "delivered, with warnings"},
		{FailedTerminal, "in the failed folder with a reason"},
		{DeadLetter, "tried too often; in the failed folder with a reason"},
		{Rejected, "a person said no; in the failed folder with a reason"},
		{Duplicate, "repeats a known document; nothing delivered"},
		{Purged, "bytes gone; hash, ids and history stay"},
	}
}

// States lists the states in the order of the journey.
func States() []State {
	var out []State
	for _, m := range meanings() {
		out = append(out, m.state)
	}
	return out
}

// Meaning is the state in words; "" for a word that is no state.
func (s State) Meaning() string {
	for _, m := range meanings() {
		if m.state == s {
			return m.text
		}
	}
	return ""
}

// Transition is one legal change of state; Move names its constructor.
type Transition struct {
	Move     string
	From, To State
}

// row is one line of the machine: a move, where it may start, where it leads.
type row struct {
	move string
	from []State
	to   State
}

// machine is the state machine; everything else is derived from it.
func machine() []row {
	working := []State{SubmittedToProvider, Processing}
	attempting := []State{Submitting, SubmittedToProvider, Processing}
	return []row{
		{"validate", []State{Received}, Validated},
		{"repeat", []State{Received}, Duplicate},
		{"refuse", []State{Received}, FailedTerminal},
		{"start", []State{Validated}, Processing},
		{"submit", []State{Validated}, Submitting},
		{"submitted", []State{Submitting}, SubmittedToProvider},
		{"answered", []State{SubmittedToProvider}, Processing},
		{"complete", working, Completed},
		{"complete with warnings", working, CompletedWithWarnings},
		{"divide", working, Completed},
		{"doubt", working, NeedsHumanReview},
		{"retry later", attempting, FailedRetryable},
		{"interrupted", attempting, FailedRetryable},
		{"postponed", attempting, FailedRetryable},
		{"hand on", []State{Processing}, FailedRetryable},
		{"rescued", []State{Submitting, Processing}, FailedRetryable},
		{"lease expired", []State{Submitting, Processing}, FailedRetryable},
		{"fail", attempting, FailedTerminal},
		{"resume", []State{FailedRetryable}, Validated},
		{"exhausted", []State{FailedRetryable}, DeadLetter},
		{"approve", []State{NeedsHumanReview}, Completed},
		{"approve with warnings", []State{NeedsHumanReview}, CompletedWithWarnings},
		{"reject", []State{NeedsHumanReview}, Rejected},
		{"again", []State{NeedsHumanReview}, Validated},
		{"reprocess", []State{Completed, CompletedWithWarnings}, Validated},
		{"retry", []State{FailedTerminal, DeadLetter, Rejected}, Validated},
		{"release", []State{Duplicate}, Validated},
		{"purge", []State{Completed, CompletedWithWarnings, FailedTerminal, DeadLetter, Rejected, Duplicate}, Purged},
	}
}

func rowOf(move string) row {
	for _, r := range machine() {
		if r.move == move {
			return r
		}
	}
	return row{}
}

// Transitions lists every legal change of state.
func Transitions() []Transition {
	var out []Transition
	for _, r := range machine() {
		for _, from := range r.from {
			out = append(out, Transition{r.move, from, r.to})
		}
	}
	return out
}

// Legal is true when some move leads from one state to the other.
func Legal(from, to State) bool {
	return slices.ContainsFunc(Transitions(), func(t Transition) bool { return t.From == from && t.To == to })
}

// Move is one change of state, made by the constructors below and applied by
// Ledger.Apply. There is no other way to change a state.
type Move struct {
	name    string
	attempt string // the attempt it belongs to; "" for moves outside one
	why     string
	actor   string
	failure *Failure
	outputs []string
	detail  json.RawMessage // for messages
	change  func(*Document, time.Time)
	tallies []Tally
	// opens and closes tell what happens to the attempt's own record.
	opens, closes, counts bool
	// spends are pages booked under allowances; refunds gives the last ones back.
	// needs is how many must be left.
	spends  int
	needs   int
	under   []Allowance
	refunds bool
}

// Validate accepts a received document: its type and, if known, its pages.
func Validate(mime string, pages int) Move {
	return Move{name: "validate", change: func(d *Document, _ time.Time) { d.MIME, d.Pages = mime, pages }}
}

// Repeat marks a received document as the repetition of another.
func Repeat(of string) Move {
	return Move{name: "repeat", why: "same content as " + of, change: func(d *Document, _ time.Time) { d.DuplicateOf = of }}
}

// Surrender gives a received document up because another Intray took its file
// over, and with it the work.
func Surrender() Move {
	return Move{name: "repeat", actor: "intake", why: "another Intray took the file over", change: func(d *Document, _ time.Time) {
		d.Claim, d.SourceCleared = nil, true
	}}
}

// Refuse ends a document before any attempt.
func Refuse(f Failure) Move { return Move{name: "refuse", why: f.Sentence, failure: &f} }

// Start begins an attempt on this machine under a lease until the given time.
func Start(attempt, engine, owner string, until time.Time) Move {
	return Move{name: "start", attempt: attempt, opens: true, change: func(d *Document, _ time.Time) {
		d.Engine, d.LeaseOwner, d.LeaseUntil = engine, owner, until
	}}
}

// Complete ends an attempt whose bundle is delivered.
func Complete(attempt string, outputs []string) Move {
	return Move{name: "complete", attempt: attempt, closes: true, counts: true, outputs: outputs}
}

// CompleteWithWarnings is Complete for a document with warnings.
func CompleteWithWarnings(attempt string, outputs []string) Move {
	return Move{name: "complete with warnings", attempt: attempt, closes: true, counts: true, outputs: outputs}
}

// Doubt ends an attempt whose result a person should look at.
func Doubt(attempt string, f Failure, outputs []string) Move {
	return Move{name: "doubt", attempt: attempt, closes: true, counts: true, why: f.Sentence, failure: &f, outputs: outputs}
}

// RetryLater ends an attempt that failed and may succeed from the given time on.
func RetryLater(attempt string, at time.Time, f Failure) Move {
	return Move{name: "retry later", attempt: attempt, closes: true, counts: true, why: f.Sentence, failure: &f,
		change: func(d *Document, _ time.Time) { d.NotBefore = at }}
}

// Interrupted ends an attempt that was stopped through no fault of the
// document; it costs none of its tries.
func Interrupted(attempt, why string) Move {
	return Move{name: "interrupted", attempt: attempt, closes: true, why: why, change: dueNow}
}

// Postponed ends an attempt that something around the document kept from its
// end, such as a full disk. It costs none of its tries.
func Postponed(attempt string, at time.Time, f Failure) Move {
	return Move{name: "postponed", attempt: attempt, closes: true, why: f.Sentence, failure: &f,
		change: func(d *Document, _ time.Time) {
			d.NotBefore = at
			d.Postponed++
		}}
}

// Rescued sets a document free whose daemon died. It costs none of its tries:
// the daemon opens no file itself, so it was not the document that killed it.
func Rescued(attempt string) Move {
	return Move{name: "rescued", attempt: attempt, closes: true, why: "the daemon ended without finishing it", change: dueNow}
}

// leaseExpired ends an attempt that nobody kept alive.
func leaseExpired(attempt string) Move {
	f := Failure{Kind: "retryable", Code: "lease_expired", Stage: "process", Sentence: "The work on it stopped without a word."}
	return Move{name: "lease expired", attempt: attempt, closes: true, counts: true, why: f.Sentence, failure: &f, change: dueNow}
}

// Fail ends a document whose attempt showed that it can never succeed.
func Fail(attempt string, f Failure) Move {
	return Move{name: "fail", attempt: attempt, closes: true, counts: true, why: f.Sentence, failure: &f}
}

// Resume lets a waiting document be tried again.
func Resume() Move {
	return Move{name: "resume", change: func(d *Document, _ time.Time) { d.NotBefore = time.Time{} }}
}

// ResumeBy is Resume on a person's request, which also gives up a delivery that
// waits for a place to come back: the document is read and delivered anew.
func ResumeBy(actor, why string) Move {
	m := Resume()
	m.actor, m.why = actor, why
	m.change = func(d *Document, _ time.Time) { d.NotBefore, d.Delivery = time.Time{}, nil }
	return m
}

// Exhausted ends a document whose tries are used up.
func Exhausted(f Failure) Move { return Move{name: "exhausted", why: f.Sentence, failure: &f} }

// Into tells where the move's bundle was delivered.
func (m Move) Into(outputs []string) Move {
	m.outputs = outputs
	return m
}

// Approve is a person's yes to a document in review.
func Approve(actor string, warnings bool, outputs []string) Move {
	name := "approve"
	if warnings {
		name = "approve with warnings"
	}
	return Move{name: name, actor: actor, outputs: outputs, change: func(d *Document, _ time.Time) { d.Failure = nil }}
}

// Reject is a person's no.
func Reject(actor, reason string) Move {
	return Move{name: "reject", actor: actor, why: reason, change: func(d *Document, _ time.Time) { d.Reason = reason }}
}

// Again sends a document in review back to be read anew.
func Again(actor, why string) Move { return afresh("again", actor, why) }

// Reprocess reads a delivered document anew.
func Reprocess(actor, why string) Move { return afresh("reprocess", actor, why) }

// Retry gives a failed document all its tries back.
func Retry(actor, why string) Move { return afresh("retry", actor, why) }

// Release processes a duplicate after all.
func Release(actor, why string) Move { return afresh("release", actor, why) }

// Purge leaves a tombstone: hash, size, ids, when and why. Names go, they may
// say as much as the content.
func Purge(actor, why string) Move {
	return Move{name: "purge", actor: actor, why: why, change: func(d *Document, _ time.Time) {
		d.Reason, d.Delivery, d.Outputs, d.Failure = why, nil, nil, nil
		d.Path, d.Name, d.RawPath, d.Claim, d.SourceCleared, d.Decision = "", "", nil, nil, true, nil
		d.Split, d.Pieces = nil, nil
		d.Submission, d.Answers, d.Route, d.ProviderJobID = nil, nil, "", ""
	}}
}

func afresh(name, actor, why string) Move {
	return Move{name: name, actor: actor, why: why, change: func(d *Document, _ time.Time) {
		d.Attempts, d.Failure, d.Delivery, d.Outputs, d.NotBefore, d.Reason = 0, nil, nil, nil, time.Time{}, why
		d.DuplicateOf, d.Postponed = "", 0
		d.Submission, d.Answers, d.Route, d.ProviderJobID, d.IdempotencyToken = nil, nil, "", "", ""
	}}
}

// Towards has a document that is read afresh begin with an engine of its folder;
// "" is the usual one.
func (m Move) Towards(engine string) Move {
	return m.and(func(d *Document) { d.Route = engine })
}

func dueNow(d *Document, now time.Time) { d.NotBefore = now }

// Text draws the machine as a table.
func Text() string {
	var b strings.Builder
	for _, m := range meanings() {
		fmt.Fprintf(&b, "%s\n    %s\n", m.state, m.text)
		for _, t := range Transitions() {
			if t.From == m.state {
				fmt.Fprintf(&b, "    -> %-24s %s\n", t.To, t.Move)
			}
		}
	}
	return b.String()
}

// Mermaid draws the machine as a Mermaid state diagram.
func Mermaid() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> received\n")
	for _, t := range Transitions() {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", t.From, t.To, t.Move)
	}
	b.WriteString("    purged --> [*]\n")
	return b.String()
}

// Dot draws the machine for Graphviz.
func Dot() string {
	var b strings.Builder
	b.WriteString("digraph states {\n    rankdir=LR;\n    node [shape=box];\n")
	for _, t := range Transitions() {
		fmt.Fprintf(&b, "    %s -> %s [label=%q];\n", t.From, t.To, t.Move)
	}
	b.WriteString("}\n")
	return b.String()
}
