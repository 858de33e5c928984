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
// read side by side. On Linux the program sees to that in the library (see
// serial_linux.cpp); elsewhere the library reads OMP_THREAD_LIMIT when the process
// starts, so whoever starts it sets it. The command gets it from here.
package tesseract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"intray/engines"
)

// Kind is the factory's name in the configuration.
const Kind = "tesseract"

// options are the keys of [engine.NAME] that only this engine has.
type options struct {
	// Tessdata is the folder of language models, the only one then; "" is those that
	// were added (Settings.ModelDir), the program's own and the system's, in that
	// order.
	Tessdata string `toml:"tessdata"`
	// PageSegmentation is Tesseract's page segmentation mode, 1 or 3..13; 0 and
	// 2 find the layout only and read nothing.
	PageSegmentation int `toml:"page_segmentation"`
}

const defaultSegmentation = 1

// What readsWell asks for. English pages of the corpus have 0.97 and more of their
// letters in sure words when they stand upright, and 0.24 and less on their head.
const (
	sureWord   = 0.6
	wellRead   = 0.6
	fewLetters = 20
)

// withoutOrientation maps the modes that need the orientation model to the
// same mode without: automatic, and sparse text.
var withoutOrientation = map[int]int{1: 3, 12: 11}

// notLanguages are models that read no text: orientation, and formulas.
var notLanguages = []string{orientationModel, "equ"}

const orientationModel = "osd"

// Factory is the engine's entry in the list of all engines.
func Factory() engines.Factory {
	return engines.Factory{Kind: Kind, NewRecognizer: func(s engines.Settings) (engines.Recognizer, error) { return build(s, newReader) }}
}

// reader is what differs between the library and the command.
type reader interface {
	version() string
	// languages lists the installed models.
	languages() ([]string, error)
	// read reads one page in one way. Language models exist and
	// the image is not empty.
	read(ctx context.Context, page engines.Page, way how) (answer, error)
	// script is Tesseract's name of the script a page is written in, "" where it
	// cannot tell, and how sure it is. The orientation model is installed.
	script(ctx context.Context, page engines.Page) (name string, sure float64, err error)
	close() error
}

// answer is a page as hOCR and, where that leaves spaces open and there is one,
// as plain text.
type answer struct{ hocr, text string }

// Recognizer is one configured Tesseract.
type Recognizer struct {
	reader    reader
	mode      int  // page segmentation
	orients   bool // the orientation model is installed
	ownFolder bool // tessdata names the one folder of models
	caps      engines.Capabilities
	languages []string
}

func build(s engines.Settings, newReader func(options) reader) (engines.Recognizer, error) {
	o, err := decodeOptions(s)
	if err != nil {
		return nil, err
	}
	ownFolder := o.Tessdata != ""
	if !ownFolder {
		if o.Tessdata, err = modelFolder(s); err != nil {
			return nil, notThere("The language models cannot be put into one folder.", err)
		}
	}
	r := newReader(o)
	installed, err := r.languages()
	if err == nil && len(installed) == 0 {
		err = errors.New("there are no models")
	}
	if err != nil {
		return nil, notThere("Tesseract's language models cannot be listed; is it installed?", err)
	}
	if mode, ok := withoutOrientation[o.PageSegmentation]; ok && !slices.Contains(installed, orientationModel) {
		o.PageSegmentation = mode
		if s.Log != nil {
			s.Log.Warn("The model for orientation (osd) is not installed: pages that lie on their side will be read badly.",
				slog.String("engine", s.Name))
		}
	}
	languages := s.Languages
	if len(languages) == 0 {
		languages = []string{DefaultLanguage}
	}
	orients := slices.Contains(installed, orientationModel)
	installed = slices.DeleteFunc(installed, func(l string) bool { return !ReadsText(l) })
	return &Recognizer{reader: r, mode: o.PageSegmentation, orients: orients, ownFolder: ownFolder, languages: slices.Clone(languages), caps: engines.Capabilities{Kind: Kind, Version: r.version(), Languages: installed,
		Types: []string{"image/png", "image/jpeg", "image/tiff", "image/x-portable-anymap"}}}, nil
}

// decodeOptions reads the keys that only this engine has.
func decodeOptions(s engines.Settings) (options, error) {
	o := options{PageSegmentation: defaultSegmentation}
	if s.Decode != nil {
		if err := s.Decode(&o); err != nil {
			return o, fmt.Errorf("read settings of engine %q: %w", s.Name, err)
		}
	}
	if m := o.PageSegmentation; m < 1 || m == 2 || m > 13 {
		return o, &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadSettings,
			Sentence: fmt.Sprintf("page_segmentation of engine %q is %d; it must be 1 or 3 to 13 for Tesseract to read.", s.Name, m)}
	}
	return o, nil
}

// notThere is an engine that is not installed, or not whole: documents wait for it,
// as they wait for a full disk.
func notThere(sentence string, cause error) *engines.Error {
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeEnvironment, Sentence: sentence, Cause: cause}
}

// Capabilities are constant. Languages leaves out models that read no text.
func (r *Recognizer) Capabilities() engines.Capabilities { return r.caps }

// Close waits for calls in hand, and for those the library could not stop. It
// may be called twice; a page that comes later is a retryable error.
func (r *Recognizer) Close() error { return r.reader.close() }

// Recognize reads one page; of a TIFF file of many pages it reads the first.
// When ctx ends it returns at once, though the library may read on behind.
//
// In a mode that finds out which way is up, a page that reads well as it is need
// not be asked: that takes a third of a second, as long as half a page of text.
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
	if err := checkPicture(page.Image); err != nil {
		return engines.PageResult{}, err
	}
	plain, asks := withoutOrientation[r.mode]
	if !asks {
		return r.read(ctx, page, how{mode: r.mode})
	}
	result, err := r.read(ctx, page, how{mode: plain})
	if err == nil && !readsWell(result) {
		result, err = r.read(ctx, page, how{mode: r.mode})
	}
	if err == nil && r.mode == defaultSegmentation && isStrip(result) {
		return r.betterStrip(ctx, page, result)
	}
	return result, err
}

// read recognizes the page in one way.
func (r *Recognizer) read(ctx context.Context, page engines.Page, way how) (engines.PageResult, error) {
	a, err := r.reader.read(ctx, page, way)
	if ctxErr := ctx.Err(); ctxErr != nil {
		return engines.PageResult{}, ctxErr
	}
	if err != nil {
		return engines.PageResult{}, err
	}
	result, err := parseHOCR(strings.NewReader(a.hocr))
	if err != nil {
		return engines.PageResult{}, &engines.Error{Kind: engines.Retryable, Code: engines.CodeInternal,
			Sentence: "Tesseract's answer could not be understood.", Cause: err}
	}
	joinAsPrinted(&result, a.text)
	return result, nil
}

// readsWell is true for a page that cannot stand on its head or lie on its side:
// enough of its letters are in words that Tesseract is sure of, in lines that
// are wider than high. (Text that runs up the page it reads in any mode, but
// says which way only when asked.)
func readsWell(p engines.PageResult) bool {
	letters, sure := 0, 0
	for _, b := range p.Blocks {
		for _, l := range b.Lines {
			lies := l.Angle == 0 && l.Box.X1-l.Box.X0 > l.Box.Y1-l.Box.Y0
			for _, w := range l.Words {
				n := utf8.RuneCountInString(w.Text)
				letters += n
				if lies && w.Confidence >= sureWord {
					sure += n
				}
			}
		}
	}
	return sure >= fewLetters && float64(sure) >= wellRead*float64(letters)
}

func (r *Recognizer) checkLanguages(wanted []string) error {
	for _, l := range wanted {
		if slices.Contains(r.caps.Languages, l) {
			continue
		}
		return &engines.Error{Kind: engines.Retryable, Code: engines.CodeNoLanguage,
			Sentence: fmt.Sprintf("The language %q is not installed for Tesseract; there are: %s. %s",
				l, strings.Join(r.caps.Languages, ", "), HowToInstall(l, r.ownFolder))}
	}
	return nil
}

func damaged(cause error) *engines.Error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeBadImage,
		Sentence: "The page's picture is damaged or of a type Tesseract cannot read.", Cause: cause}
}

func unusable(cause error) *engines.Error {
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable, Sentence: "Tesseract could not be started.", Cause: cause}
}

// dpi is user_defined_dpi's value: 0 lets Tesseract estimate.
func dpi(page engines.Page) string {
	if !(page.DPI > 0 && page.DPI < math.MaxInt16) {
		return "0"
	}
	return strconv.Itoa(int(page.DPI + 0.5))
}
