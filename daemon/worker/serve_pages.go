package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"intray/daemon/barcode"
	"intray/daemon/document"
	"intray/daemon/pages"
	"intray/daemon/pdf"
	"intray/engines"
)

// The requests a child answers. Paths are absolute; a child reads originals and
// writes only the files it was told to.
const (
	Inspect  = "inspect"
	Read     = "read"
	Assemble = "assemble"
	Verify   = "verify"
	Look     = "look"
	Cut      = "cut"
	Show     = "show"
	Invoice  = "invoice"
	Answer   = "answer"
)

// Source names an original: its path in the store and the type found by content.
type Source struct {
	Path   string       `json:"path"`
	MIME   string       `json:"mime"`
	Limits pages.Limits `json:"limits"`
	// Text is what is done with text that PDFs bring along: a pages.Text constant.
	Text string `json:"text,omitempty"`
}

// EngineSpec is everything a child needs to build an engine: the factory's
// kind, the section's name and its settings as TOML.
type EngineSpec struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Settings string `json:"settings"`
}

// ReadRequest asks for one page, numbered from 1.
type ReadRequest struct {
	Source    Source     `json:"source"`
	Number    int        `json:"number"`
	Engine    EngineSpec `json:"engine"`
	Languages []string   `json:"languages"`
	// Rotate is the share of letters, 0..1, that must agree for the page to be
	// turned upright; 0 turns no page.
	Rotate float64 `json:"rotate"`
	// Prepare are the steps of pages.Picture.Prepared by which the picture is
	// made better to read.
	Prepare []string `json:"prepare"`
	// Barcodes is true when the page's barcodes are read, too.
	Barcodes bool `json:"barcodes,omitempty"`
	// Raw are a provider's answers, from which the page's words are taken; none for
	// an engine that reads here.
	Raw []RawAnswer `json:"raw,omitempty"`
}

// ReadAnswer is what one page says.
type ReadAnswer struct {
	// Geometry is that of the page as it will be delivered, Turn included.
	Geometry document.Geometry `json:"geometry"`
	// Own is the text the page brings along and keeps, its boxes in points of the
	// upright page; nil if there is none.
	Own *engines.PageResult `json:"own,omitempty"`
	// Read is true when something was read; Result says what, in pixels.
	Read   bool               `json:"read"`
	Result engines.PageResult `json:"result"`
	Reason string             `json:"reason"`
	Treat  string             `json:"treat,omitempty"`
	Ink    float64            `json:"ink"`
	// Turn is the clockwise turn in degrees that made the page upright, on top of
	// what its file says, and Orientation how it was found.
	Turn        int                  `json:"turn,omitempty"`
	Orientation document.Orientation `json:"orientation"`
	// Thumb is the page in small as it was read; nil when not all of it was.
	Thumb         *pages.Thumb `json:"thumb,omitempty"`
	EngineVersion string       `json:"engine_version"`
	// Place maps the units of a provider's page to points of the page as Geometry
	// has it.
	Place document.Matrix `json:"place,omitzero"`
	// Barcodes have their boxes in points of the page as Geometry has it.
	Barcodes []document.Barcode `json:"barcodes,omitempty"`
	// Marks have theirs likewise.
	Marks    []document.Mark    `json:"marks,omitempty"`
	Warnings []document.Warning `json:"warnings"`
	// Script is what a page is written in that makes little sense; without a Code if
	// that is not known.
	Script engines.Script `json:"script,omitzero"`
}

// AssembleRequest asks for the searchable PDF. Out is written anew.
type AssembleRequest struct {
	Source Source `json:"source"`
	// Pages is the folder that holds a PageFile for every page that was read.
	Pages string `json:"page_files"`
	// Unread are pages that could not be read: their pictures are not touched
	// again, since one of them may be what killed the last worker.
	Unread  []int       `json:"unread"`
	Out     string      `json:"out"`
	Options pdf.Options `json:"options"`
}

// AssembleAnswer tells what the written PDF is. TextLayer is false when the
// original had to be delivered as it is, with Reason saying why.
type AssembleAnswer struct {
	Pages     int         `json:"pages"`
	TextLayer bool        `json:"text_layer"`
	Reason    string      `json:"reason"`
	Outcome   pdf.Outcome `json:"outcome"`
	// Warnings are what became of the file besides.
	Warnings []document.Warning `json:"warnings,omitempty"`
}

// Reader answers the requests above. It keeps the file it read last open and
// its engines warm. Like the child it lives in, it does one thing at a time.
type Reader struct {
	// CacheDir is where PDFium's compiled code is kept.
	CacheDir string
	// NewRecognizer builds an engine.
	NewRecognizer func(EngineSpec) (engines.Recognizer, error)
	// NewProvider builds one that only normalizes.
	NewProvider func(EngineSpec) (engines.Provider, error)

	answered    *answered
	opener      *pages.Opener
	barcodes    barcode.Reader
	source      Source
	document    pages.Document
	recognizers map[EngineSpec]engines.Recognizer
}

// Handlers is the table for ChildMain.
func (r *Reader) Handlers() map[string]Handler {
	return map[string]Handler{
		Inspect:  handle(r.inspect),
		Read:     handle(r.read),
		Assemble: handle(r.assemble),
		Verify:   handle(r.verify),
		Look:     handle(r.look),
		Cut:      handle(r.cut),
		Show:     handle(r.show),
		Invoice:  handle(r.invoice),
		Answer:   handle(r.answer),
	}
}

// handle decodes a request before fn sees it.
func handle[Request, Answer any](fn func(context.Context, Request) (Answer, error)) Handler {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var request Request
		if err := json.Unmarshal(raw, &request); err != nil {
			return nil, fmt.Errorf("decode request: %w", err)
		}
		return fn(ctx, request)
	}
}

// Close ends the engines and closes the file.
func (r *Reader) Close() error {
	var errs []error
	for _, e := range r.recognizers {
		errs = append(errs, e.Close())
	}
	r.recognizers = nil
	errs = append(errs, r.closeDocument(), r.barcodes.Close())
	if r.opener != nil {
		errs = append(errs, r.opener.Close())
	}
	return errors.Join(errs...)
}

func (r *Reader) closeDocument() error {
	if r.document == nil {
		return nil
	}
	err := r.document.Close()
	r.document = nil
	return err
}

func (r *Reader) open(ctx context.Context, s Source) (pages.Document, error) {
	if r.document != nil && r.source == s {
		return r.document, nil
	}
	if err := r.closeDocument(); err != nil {
		return nil, fmt.Errorf("close previous document: %w", err)
	}
	o := r.readyOpener()
	o.Limits, o.Text = s.Limits, s.Text
	d, err := o.Open(ctx, s.Path, s.MIME)
	if err != nil {
		return nil, err
	}
	r.document, r.source = d, s
	return d, nil
}

func (r *Reader) readyOpener() *pages.Opener {
	if r.opener == nil {
		r.opener = &pages.Opener{CacheDir: r.CacheDir}
	}
	return r.opener
}

func (r *Reader) inspect(ctx context.Context, s Source) (pages.Info, error) {
	d, err := r.open(ctx, s)
	if err != nil {
		return pages.Info{}, err
	}
	return d.Info(), nil
}

func (r *Reader) read(ctx context.Context, q ReadRequest) (ReadAnswer, error) {
	d, err := r.open(ctx, q.Source)
	if err != nil {
		return ReadAnswer{}, err
	}
	picture, err := d.Picture(ctx, q.Number)
	if err != nil {
		return ReadAnswer{}, err
	}
	answer, err := r.readPicture(ctx, q, picture)
	if e, ok := engines.AsError(err); ok && e.Code == engines.CodeNoLanguage {
		r.forget(q.Engine)
	}
	if err != nil || !q.Barcodes {
		return answer, err
	}
	answer.Barcodes, err = r.barcodesOf(ctx, d, q.Number, picture, answer.Turn)
	return answer, err
}

func (r *Reader) readPicture(ctx context.Context, q ReadRequest, picture pages.Picture) (ReadAnswer, error) {
	answer := ReadAnswer{Geometry: picture.Geometry, Own: picture.Text, Reason: picture.Reason, Treat: picture.Treat,
		Ink: picture.Ink, Warnings: picture.Warnings}
	for i := range answer.Warnings {
		answer.Warnings[i].Page = q.Number
	}
	if len(q.Raw) > 0 {
		return r.readAnswered(q, picture, answer)
	}
	if picture.Image == nil {
		return answer, nil
	}
	engine, err := r.recognizer(q.Engine)
	if err != nil {
		return ReadAnswer{}, err
	}
	if answer.Reason == "" {
		answer.Reason = "The page is a picture and brings no text along, so it was read."
	}
	answer.Read, answer.EngineVersion = true, engine.Capabilities().Version
	recognize := func(p pages.Picture) (engines.PageResult, error) {
		return engine.Recognize(ctx, engines.Page{Image: p.Image, DPI: p.DPI, Languages: q.Languages})
	}
	prepared := picture.Prepared(q.Prepare)
	answer.Geometry = prepared.Geometry
	if picture.Text != nil || picture.Geometry.Locked {
		if answer.Result, err = recognize(prepared); err == nil {
			err = answer.tellScript(ctx, engine, prepared, q.Languages)
		}
		return answer, err
	}
	err = answer.readUpright(prepared, q.Rotate, recognize)
	if err == nil && prepared.Levelled {
		err = answer.doubtLevel(picture, q, recognize)
	}
	thumb := picture.Turned(answer.Turn).Thumb()
	answer.Thumb = &thumb
	if err == nil {
		err = answer.tellScript(ctx, engine, prepared.Turned(answer.Turn), q.Languages)
	}
	return answer, err
}

// forget ends an engine that lacks a language: the next one sees what was installed
// since this one was built.
func (r *Reader) forget(spec EngineSpec) {
	if e, ok := r.recognizers[spec]; ok {
		delete(r.recognizers, spec)
		_ = e.Close() // it read nothing for the one who asked
	}
}

func (r *Reader) recognizer(spec EngineSpec) (engines.Recognizer, error) {
	if e, ok := r.recognizers[spec]; ok {
		return e, nil
	}
	e, err := r.NewRecognizer(spec)
	if err != nil {
		return nil, err
	}
	if r.recognizers == nil {
		r.recognizers = map[EngineSpec]engines.Recognizer{}
	}
	r.recognizers[spec] = e
	return e, nil
}
