// Package tesseract reads pages with Tesseract on this machine: through
// gosseract where the program is built with cgo, through the tesseract command
// otherwise, with the same answers.
//
// It recognizes each page once, as hOCR, which has baselines, confidences and
// text angles in one pass. It prepares no images and keeps no results. A call
// into the library cannot be stopped halfway; the worker process it runs in
// can.
//
// Tesseract must use one OpenMP thread, or it gets slower the more pages are
// read side by side. The library reads OMP_THREAD_LIMIT when the process
// starts, so whoever starts the process sets it; the command gets it from here.
package tesseract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"intray/engines"
)

// Kind is the factory's name in the configuration.
const Kind = "tesseract"

// options are the keys of [engine.NAME] that only this engine has.
type options struct {
	// Tessdata is the folder of language models; "" is Tesseract's own.
	Tessdata string `toml:"tessdata"`
	// PageSegmentation is Tesseract's page segmentation mode, 0..13.
	PageSegmentation int `toml:"page_segmentation"`
}

const (
	segmentAuto       = 3
	segmentAutoAndOSD = 1 // automatic, with orientation detection: turned pages are read too
	orientationModel  = "osd"
)

// Factory is the engine's entry in the list of all engines.
func Factory() engines.Factory {
	return engines.Factory{Kind: Kind, NewRecognizer: func(s engines.Settings) (engines.Recognizer, error) { return build(s, newReader) }}
}

// reader is what differs between the library and the command.
type reader interface {
	version() string
	// languages lists the installed models.
	languages() ([]string, error)
	// hocr reads one page. Language models exist and the image is not empty.
	hocr(ctx context.Context, page engines.Page) ([]byte, error)
	close() error
}

// Recognizer is one configured Tesseract.
type Recognizer struct {
	reader    reader
	caps      engines.Capabilities
	languages []string
}

func build(s engines.Settings, newReader func(options) reader) (engines.Recognizer, error) {
	o := options{PageSegmentation: segmentAutoAndOSD}
	if s.Decode != nil {
		if err := s.Decode(&o); err != nil {
			return nil, err
		}
	}
	if o.PageSegmentation < 0 || o.PageSegmentation > 13 {
		return nil, &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings,
			Sentence: fmt.Sprintf("page_segmentation of engine %q is %d; Tesseract knows 0 to 13.", s.Name, o.PageSegmentation)}
	}
	r := newReader(o)
	installed, err := r.languages()
	if err == nil && len(installed) == 0 {
		err = errors.New("there are no models")
	}
	if err != nil {
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable,
			Sentence: "Tesseract's language models cannot be listed; is it installed?", Cause: err}
	}
	if o.PageSegmentation == segmentAutoAndOSD && !slices.Contains(installed, orientationModel) {
		o.PageSegmentation = segmentAuto
		r = newReader(o)
		if s.Log != nil {
			s.Log.Warn("The model for orientation (osd) is not installed: pages that lie on their side will be read badly.",
				slog.String("engine", s.Name))
		}
	}
	languages := s.Languages
	if len(languages) == 0 {
		languages = []string{"eng"}
	}
	return &Recognizer{reader: r, languages: languages, caps: engines.Capabilities{Kind: Kind, Version: r.version(), Languages: installed,
		Types: []string{"image/png", "image/jpeg", "image/tiff", "image/x-portable-anymap"}}}, nil
}

// Capabilities are constant.
func (r *Recognizer) Capabilities() engines.Capabilities { return r.caps }

// Close waits for calls in hand. It may be called twice.
func (r *Recognizer) Close() error { return r.reader.close() }

// Recognize reads one page.
func (r *Recognizer) Recognize(ctx context.Context, page engines.Page) (engines.PageResult, error) {
	if err := ctx.Err(); err != nil {
		return engines.PageResult{}, err
	}
	if len(page.Image) == 0 {
		return engines.PageResult{}, damaged(nil)
	}
	if len(page.Languages) == 0 {
		page.Languages = r.languages
	}
	if err := r.checkLanguages(page.Languages); err != nil {
		return engines.PageResult{}, err
	}
	data, err := r.reader.hocr(ctx, page)
	if ctxErr := ctx.Err(); ctxErr != nil {
		return engines.PageResult{}, ctxErr
	}
	if err != nil {
		return engines.PageResult{}, err
	}
	result, err := parseHOCR(bytes.NewReader(data))
	if err != nil {
		return engines.PageResult{}, &engines.Error{Kind: engines.Retryable, Code: engines.CodeInternal,
			Sentence: "Tesseract's answer could not be understood.", Cause: err}
	}
	return result, nil
}

func (r *Recognizer) checkLanguages(wanted []string) error {
	for _, l := range wanted {
		if !slices.Contains(r.caps.Languages, l) {
			return &engines.Error{Kind: engines.Terminal, Code: engines.CodeNoLanguage,
				Sentence: fmt.Sprintf("The language %q is not installed for Tesseract; there are: %s. On Debian its package is tesseract-ocr-%s.",
					l, strings.Join(r.caps.Languages, ", "), strings.ReplaceAll(strings.ToLower(l), "_", "-"))}
		}
	}
	return nil
}

func damaged(cause error) *engines.Error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadImage,
		Sentence: "The page's picture is damaged or of a type Tesseract cannot read.", Cause: cause}
}

// dpi is user_defined_dpi's value: 0 lets Tesseract estimate.
func dpi(page engines.Page) string { return strconv.Itoa(int(page.DPI + 0.5)) }
