package ledger

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Failure is why something did not work: Kind (retryable, terminal, review)
// and Code for programs, Sentence for people, Detail for developers.
type Failure struct {
	Kind     string `json:"kind"`
	Code     string `json:"code"`
	Stage    string `json:"stage"`
	Sentence string `json:"sentence"`
	Detail   string `json:"detail,omitempty"`
}

// SourceMark tells one drop of a file from the next under the same name. Size
// is in bytes; Inode is 0 where the file system has none.
type SourceMark struct {
	ModTime time.Time `json:"mod_time"`
	Size    int64     `json:"size"`
	Inode   uint64    `json:"inode,omitempty"`
}

// MarshalJSON writes the time as seconds and nanoseconds: a file may carry a
// date that RFC 3339 has no words for.
func (m SourceMark) MarshalJSON() ([]byte, error) {
	return json.Marshal([4]any{m.ModTime.Unix(), m.ModTime.Nanosecond(), m.Size, m.Inode})
}

// UnmarshalJSON is the other end of MarshalJSON.
func (m *SourceMark) UnmarshalJSON(data []byte) error {
	var seconds, nanoseconds int64
	if err := json.Unmarshal(data, &[4]any{&seconds, &nanoseconds, &m.Size, &m.Inode}); err != nil {
		return fmt.Errorf("source mark: %w", err)
	}
	m.ModTime = time.Unix(seconds, nanoseconds)
	return nil
}

// FilePath is the file's path inside its folder as the file system has it.
func (d Document) FilePath() string {
	if d.RawPath != nil {
		return string(d.RawPath)
	}
	return d.Path
}

func (m SourceMark) equal(o SourceMark) bool {
	return m.ModTime.Equal(o.ModTime) && m.Size == o.Size && m.Inode == o.Inode
}

// Document is one document's record.
type Document struct {
	ID    string `json:"id"`
	State State  `json:"state"`
	// Folder is the configured folder's name, Path the file's path inside it
	// with forward slashes, Name its last element.
	Folder string `json:"folder"`
	Path   string `json:"path"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	MIME   string `json:"mime"`
	Pages  int    `json:"pages"`

	ReceivedAt  time.Time `json:"received_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	DuplicateOf string    `json:"duplicate_of,omitempty"`

	// Attempts is how many attempts counted; AttemptID is the one in hand, else
	// the last.
	Attempts   int       `json:"attempts"`
	AttemptID  string    `json:"attempt_id,omitempty"`
	LeaseOwner string    `json:"lease_owner,omitempty"`
	LeaseUntil time.Time `json:"lease_until,omitzero"`
	// NotBefore is when a failed_retryable document is due, or when the provider is
	// asked about a submitted one.
	NotBefore time.Time `json:"not_before,omitzero"`

	Engine           string `json:"engine,omitempty"`
	ProviderJobID    string `json:"provider_job_id,omitempty"`
	IdempotencyToken string `json:"idempotency_token,omitempty"`

	// Submission is the last business with a provider, Answers are the raw answers
	// that are kept, and Route is the engine that the document was handed on to.
	Submission *Submission `json:"submission,omitempty"`
	Answers    []Answer    `json:"answers,omitempty"`
	Route      string      `json:"route,omitempty"`
	// Leftovers are jobs that providers still have and must delete. They outlive
	// everything else about the document.
	Leftovers []Leftover `json:"leftovers,omitempty"`
	// Comparison is a reading by another engine that is not over; nil for none.
	Comparison *Comparison `json:"comparison,omitempty"`

	Failure *Failure `json:"failure,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	// Delivery is the caller's plan of a delivery in hand. It survives a rescue.
	Delivery json.RawMessage `json:"delivery,omitempty"`
	Outputs  []string        `json:"outputs,omitempty"`

	Source        SourceMark `json:"source"`
	SourceCleared bool       `json:"source_cleared"`
	// Claim is the path under which the file waits to be removed from its
	// folder; RawPath is the file's path when Path, being UTF-8, is not it.
	Claim   []byte `json:"claim,omitempty"`
	RawPath []byte `json:"raw_path,omitempty"`
	// Pieces are what the document is made of, when it is a part of a file or its
	// fronts and backs came in two; SHA256, Path and Source are then the first's.
	Pieces []Piece `json:"pieces,omitempty"`
	// HalfUntil is until when fronts wait, or waited in vain, for their backs. They
	// wait as long as NotBefore says the same; whatever else delays them is no wait.
	HalfUntil time.Time `json:"half_until,omitzero"`
	// Split is what became of a file that was taken apart.
	Split *Split `json:"split,omitempty"`
	// Decision is a person's, on a document in review, while it is carried out.
	Decision *Decision `json:"decision,omitempty"`
	// BusinessKey is the digest of what makes the document one of a kind in
	// business, such as its seller and number; "" if nothing does.
	BusinessKey string `json:"business_key,omitempty"`
	// Postponed is how often in a row something around the document, not the
	// document, made an attempt end.
	Postponed int `json:"postponed,omitempty"`
	// PurgedFrom is the state a tombstone was in before.
	PurgedFrom State `json:"purged_from,omitempty"`
	// Forgotten are the parts that retention removed before the whole: "text", "raw".
	Forgotten []string `json:"forgotten,omitempty"`
	// Events is how many there are; the next one's sequence number.
	Events uint64 `json:"events"`
	// Tries is how many attempts there are, counted or not.
	Tries uint64 `json:"tries"`
}

// Attempt is one engine run. Ended is zero while it is in hand.
type Attempt struct {
	ID         string    `json:"id"`
	DocumentID string    `json:"document_id"`
	Number     int       `json:"number"`
	Engine     string    `json:"engine"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended,omitzero"`
	Outcome    State     `json:"outcome,omitempty"`
	Failure    *Failure  `json:"failure,omitempty"`
	// Counted is true when it used up one of the document's tries.
	Counted bool `json:"counted"`
}

// Event is one move of a document; its events are its audit trail.
type Event struct {
	Seq        uint64    `json:"seq"`
	DocumentID string    `json:"document_id"`
	At         time.Time `json:"at"`
	From       State     `json:"from,omitempty"`
	To         State     `json:"to"`
	Move       string    `json:"move"`
	Why        string    `json:"why,omitempty"`
	AttemptID  string    `json:"attempt_id,omitempty"`
	Actor      string    `json:"actor,omitempty"`
}

// NewID makes a UUIDv7 (RFC 9562): ids sort by the time they were made.
func NewID() string {
	return uuid.Must(uuid.NewV7()).String() // fails only when the system has no randomness
}

// tick is what the 12 bits after an id's milliseconds count: 1/4096 ms.
const tick = time.Millisecond / 4096

// documentID makes a UUIDv7 of the ledger's own time, later than all it made
// before: the 12 bits after the milliseconds continue them (RFC 9562, section
// 6.2, method 3), the rest is random.
func (l *Ledger) documentID(now time.Time) string {
	l.ids.Lock()
	defer l.ids.Unlock()
	if !now.After(l.lastID.Add(tick)) {
		now = l.lastID.Add(tick + 1)
	}
	l.lastID = now
	id := uuid.New()
	ms := uint64(max(now.UnixMilli(), 0))
	fraction := uint16(now.Sub(now.Truncate(time.Millisecond)) * 4096 / time.Millisecond)
	binary.BigEndian.PutUint64(id[:8], ms<<16|7<<12|uint64(fraction&0xFFF))
	return id.String()
}

func decode[T any](what string, data []byte) (T, error) {
	var v T
	if data == nil {
		return v, ErrNotFound
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", what, err)
	}
	return v, nil
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("ledger: encode %T: %v", v, err)) // our own types always encode
	}
	return data
}
