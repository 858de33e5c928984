// Package engines says what an engine is and what it answers.
//
// An engine reads what is written on pages. There are two roles: a Recognizer
// (local, one page in, one page result out) and a Provider (a cloud service:
// submit, ask, fetch). Differences between engines are data (Capabilities), so
// no caller asks "are you Tesseract?".
//
// Every engine tries once. Waiting and trying again belong to the ledger;
// limits, time-outs and panic recovery are wrappers with the same interface.
// This package decodes no images and knows no configuration file, no other room of
// the program, and nothing of the disk but a secret's file.
package engines

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Capabilities describe an engine. They are constant for the life of the value.
type Capabilities struct {
	// Kind is the engine's factory name, such as "tesseract".
	Kind string
	// Version is the engine's own version, for the record; "" if unknown.
	Version string
	// Types are the MIME types of input the engine takes.
	Types []string
	// Languages are the installed language models (Tesseract codes such as
	// "eng"); empty means the engine detects languages itself.
	Languages []string
	// MaxBytes and MaxPages bound one submission; 0 means no limit is known.
	MaxBytes int64
	MaxPages int
	// Split is true when a longer document may be sent in parts: the provider then
	// takes PDFs, and what it says of some pages does not hang on the others.
	Split bool
	// Parallel is how many calls are useful at once; 0 means the caller decides.
	Parallel int
	// Cloud is true when pages leave this machine.
	Cloud bool
	// IdempotentSubmit, Webhook and Delete say what a Provider supports.
	IdempotentSubmit bool
	Webhook          bool
	Delete           bool
}

// Page is one page to be read: one upright-or-not raster image.
type Page struct {
	// Image is the encoded picture in one of Capabilities.Types. The engine
	// must not change it.
	Image []byte
	// DPI is the picture's resolution in dots per inch; 0 if unknown.
	DPI float64
	// Languages are the models to read with; empty means the engine's default.
	Languages []string
}

// Recognizer reads one page at a time on this machine.
//
// Recognize is synchronous. It returns the context's error soon after ctx is
// cancelled, an *Error for anything else, and never retries. A page without
// text is a result with no blocks, not an error. Calls may run in parallel.
// Close releases the engine; it may be called twice.
type Recognizer interface {
	Capabilities() Capabilities
	Recognize(ctx context.Context, page Page) (PageResult, error)
	Close() error
}

// ScriptTeller is implemented by recognizers that can tell what a page is written
// in without being able to read it. A page of which that cannot be told has no
// Code, and is no error.
type ScriptTeller interface {
	Script(ctx context.Context, page Page) (Script, error)
}

// Script is a writing system: its ISO 15924 code, such as "Cyrl", a name for people,
// and whether the languages that the page was to be read with are written in it.
type Script struct {
	Code string `json:"code"`
	Name string `json:"name"`
	Read bool   `json:"read"`
}

// PageResult is what one page says. All boxes are in pixels of the image that
// was given, origin at its top left, x to the right, y down.
type PageResult struct {
	// Width and Height are the image's size in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// Blocks are in reading order.
	Blocks []Block `json:"blocks"`
	// Languages are BCP 47 tags, the one with most text first; nil where the engine
	// does not say.
	Languages []string `json:"languages,omitempty"`
}

// Block is a region of lines that belong together. Kind is one of the Block*
// constants.
type Block struct {
	Kind  string `json:"kind"`
	Box   Box    `json:"box"`
	Lines []Line `json:"lines"`
}

// Kinds of Block.
const (
	BlockText    = "text"
	BlockHeading = "heading"
	BlockCaption = "caption"
	BlockTable   = "table"
)

// Line is one printed line.
type Line struct {
	Box Box `json:"box"`
	// Slope and Offset describe the baseline as hOCR does: the line through
	// (Box.X0, Box.Y1+Offset) with dy/dx = Slope in image pixels. They hold in
	// the reading direction's own frame when Angle is not 0; an engine that
	// gives no baseline leaves HasBaseline false.
	HasBaseline bool    `json:"has_baseline"`
	Slope       float64 `json:"slope"`
	Offset      float64 `json:"offset"`
	// Angle is the text direction in degrees, counter-clockwise from
	// left-to-right, as hOCR's textangle: 0, 90, 180 or 270.
	Angle float64 `json:"angle"`
	// Downwards is set for a column of upright characters that reads from top to
	// bottom; it has no baseline, and Angle is 0.
	Downwards bool `json:"downwards,omitempty"`
	// Size is the line's height (descender to ascender), Descenders the part
	// below the baseline, both in pixels; 0 if unknown.
	Size       float64 `json:"size"`
	Descenders float64 `json:"descenders"`
	// RightToLeft is set when the line's main direction is right to left. Words
	// are in logical (reading) order either way.
	RightToLeft bool `json:"right_to_left,omitempty"`
	// Handwritten is set where the engine says that most of the line is.
	Handwritten bool   `json:"handwritten,omitempty"`
	Words       []Word `json:"words"`
}

// Word is one printed word. Text is never empty; Confidence is 0..1.
type Word struct {
	Text       string  `json:"text"`
	Box        Box     `json:"box"`
	Confidence float64 `json:"confidence"`
}

// Box is a rectangle in image pixels: X0 <= X1, Y0 <= Y1.
type Box struct {
	X0 float64 `json:"x0"`
	Y0 float64 `json:"y0"`
	X1 float64 `json:"x1"`
	Y1 float64 `json:"y1"`
}

// Document is a whole file handed to a Provider.
type Document struct {
	// ID is our document id, for logs only.
	ID string
	// MIME is the type found by content, one of Capabilities.Types.
	MIME string
	// Pages is the number of pages sent; the answer must have as many.
	Pages int
	// Content is the file. The engine must not change it.
	Content   []byte
	Languages []string
	// CallbackURL is where the provider may announce the end; "" for polling.
	CallbackURL string
	// Again is true when it may have been taken before under the same key: its job,
	// and what that needs, may be there.
	Again bool
}

// Job names a submission at the provider.
type Job struct {
	// ID is the provider's own name for it (provider_job_id).
	ID string
	// URL is where to ask, for providers that answer with an address.
	URL string
	// Wait is how long the provider asked us to wait before the first question; 0 if
	// it said nothing. It is not kept.
	Wait time.Duration
}

// JobState is how far a provider's job is.
type JobState string

// States of a Job.
const (
	JobRunning   JobState = "running"
	JobSucceeded JobState = "succeeded"
	JobFailed    JobState = "failed"
)

// JobStatus is a provider's answer to "how far is it?". RetryAfter is what the
// provider asked us to wait before asking again; 0 if it said nothing. Err
// explains JobFailed.
type JobStatus struct {
	State      JobState
	RetryAfter time.Duration
	Err        *Error
}

// Provider is a cloud OCR service. Each method is one attempt: an SDK's own
// retry loop is switched off. Submit with the same idempotency key twice names
// the same job where Capabilities.IdempotentSubmit says so. Normalize is pure
// and may be called at any time on a stored raw answer.
type Provider interface {
	Capabilities() Capabilities
	Submit(ctx context.Context, doc Document, idempotencyKey string) (Job, error)
	Status(ctx context.Context, job Job) (JobStatus, error)
	Fetch(ctx context.Context, job Job) (raw []byte, err error)
	Normalize(raw []byte) (Result, error)
	Close() error
}

// WebhookVerifier is implemented by providers that call back. It checks the
// signature over the raw body and says which job it is about; the answer is a
// hint to look, never the result itself.
type WebhookVerifier interface {
	VerifyWebhook(body []byte, header http.Header) (jobID string, err error)
}

// Deleter is implemented by providers that can forget a job on request.
type Deleter interface {
	Delete(ctx context.Context, job Job) error
}

// Settings are one [engine.NAME] section. Decode fills a struct of the engine's
// own from it and reports keys the struct does not have; Languages are common
// to all engines.
type Settings struct {
	Name      string
	Languages []string
	// Decode is nil when the engine has no settings of its own.
	Decode func(into any) error
	// CacheDir is a folder for files that the engine can make anew at any time;
	// it need not exist. Other processes with the same engine use it too. "" means
	// that there is none.
	CacheDir string
	// ModelDir is a folder of models that were added to those that the engine finds by
	// itself; it need not exist, and is only read. "" means that there is none.
	ModelDir string
	Log      *slog.Logger
}

// Factory builds engines of one kind. Exactly one of NewRecognizer and
// NewProvider is set.
type Factory struct {
	Kind          string
	NewRecognizer func(Settings) (Recognizer, error)
	NewProvider   func(Settings) (Provider, error)
}
