//go:build cgo

package tesseract

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/otiai10/gosseract/v2"

	"intray/engines"
)

// maxIdle is how many clients stay warm in one engine. A worker process reads
// one page at a time; more serve folders of other languages. Each holds its
// models, about 60 MB for one small language with the orientation model.
const maxIdle = 4

// loading is held while models are loaded. It has to be one for the process:
// gosseract 2.4.1 points the process's standard error at the null device
// meanwhile, and two loads at once leave it there for good.
var loading sync.Mutex

// thresholding is how grey becomes black and white, since Tesseract 5.
const thresholding gosseract.SettableVariable = "thresholding_method"

// blank is the smallest picture there is, a white portable greymap.
const blank = "P5 1 1 255 \xff"

func newReader(o options) reader { return &library{options: o, calls: newGate()} }

// library reads pages with gosseract. Loading models takes longer than reading
// a short page, so clients stay warm between pages. gosseract loads again only
// when languages change, so each client keeps its languages for life.
//
// gosseract 2.4.1 does not free the text of an answer: a warm process grows by
// the size of each page's hOCR, 10 to 60 KB. Whoever keeps the process for
// tens of thousands of pages should replace it now and then.
type library struct {
	options options
	calls   *gate

	mu   sync.Mutex
	idle []warmClient // longest idle first
}

type warmClient struct {
	languages string
	*gosseract.Client
}

func (l *library) version() string { return gosseract.Version() }

func (l *library) languages() ([]string, error) {
	if l.options.Tessdata == "" {
		return gosseract.GetAvailableLanguages()
	}
	if _, err := os.Stat(l.options.Tessdata); err != nil {
		return nil, err
	}
	return listModels(l.options.Tessdata), nil
}

// read runs the page in a goroutine of its own: the call cannot be stopped,
// but the caller can be let go. The busy client comes back when it is done.
func (l *library) read(ctx context.Context, page engines.Page, way how) (answer, error) {
	if err := l.calls.enter(); err != nil {
		return answer{}, err
	}
	picture, err := handOver(page.Image, builtIn() != nil)
	if err != nil {
		l.calls.leave()
		return answer{}, damaged(err)
	}
	page.Image = picture
	type outcome struct {
		answer
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		defer l.calls.leave()
		a, err := l.readNow(page, way)
		done <- outcome{a, err}
	}()
	select {
	case <-ctx.Done():
		return answer{}, ctx.Err()
	case o := <-done:
		return o.answer, o.err
	}
}

func (l *library) readNow(page engines.Page, way how) (answer, error) {
	languages := strings.Join(page.Languages, "+")
	client, ok := l.take(languages)
	if !ok {
		var err error
		if client, err = load(l.options, page.Languages); err != nil {
			return answer{}, err
		}
	}
	a, err := recognize(client.Client, page.Image, way, dpi(page))
	if err != nil {
		_ = client.Close() // always nil; one that failed is not trusted again
		return answer{}, err
	}
	l.give(client)
	return a, nil
}

// load makes a client and has it load its models, by showing it a blank page.
func load(o options, languages []string) (warmClient, error) {
	client := gosseract.NewClient()
	client.Trim = false
	client.Languages = slices.Clone(languages)
	client.TessdataPrefix = o.Tessdata
	client.Variables["debug_file"] = os.DevNull
	client.Variables["preserve_interword_spaces"] = "1" // concerns plain text only
	loading.Lock()
	defer loading.Unlock()
	if _, err := recognize(client, []byte(blank), how{mode: singleBlock}, "0"); err != nil {
		_ = client.Close()                 // always nil
		return warmClient{}, unusable(err) // whatever it is, it is not the document's fault
	}
	return warmClient{strings.Join(languages, "+"), client}, nil
}

func recognize(client *gosseract.Client, picture []byte, way how, dpi string) (answer, error) {
	if err := client.SetImageFromBytes(picture); err != nil {
		return answer{}, damaged(err)
	}
	if !hasImage(client) {
		return answer{}, notTaken(picture)
	}
	// The mode as a variable and not by SetPageSegMode: the library forgets the
	// latter when it loads its models.
	variables := map[gosseract.SettableVariable]string{"tessedit_pageseg_mode": strconv.Itoa(way.mode), "user_defined_dpi": dpi}
	if way.threshold != oneThreshold { // Tesseract 4 does not know it
		variables[thresholding] = strconv.Itoa(way.threshold)
		defer func() { _ = client.SetVariable(thresholding, strconv.Itoa(oneThreshold)) }() // it took the name before
	}
	for name, value := range variables {
		if err := client.SetVariable(name, value); err != nil {
			return answer{}, unusable(err)
		}
	}
	text, err := client.Text()
	if err != nil {
		return answer{}, unusable(err)
	}
	a := answer{hocr: words(client), text: text}
	if a.hocr == "" {
		return answer{}, damaged(errors.New("no page in the answer"))
	}
	return a, nil
}

// hasImage is true when the library took the picture. It does not say so
// itself, and reading without one brings a warm client down.
func hasImage(client *gosseract.Client) bool {
	return !reflect.ValueOf(client).Elem().FieldByName("pixImage").IsNil()
}

// take hands out the client of these languages that was used last.
func (l *library) take(languages string) (warmClient, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range slices.Backward(l.idle) {
		if c.languages == languages {
			l.idle = slices.Delete(l.idle, i, i+1)
			return c, true
		}
	}
	return warmClient{}, false
}

func (l *library) give(client warmClient) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, client)
	if len(l.idle) > maxIdle {
		_ = l.idle[0].Close() // always nil
		l.idle = slices.Delete(l.idle, 0, 1)
	}
}

// close waits for calls in hand, also those whose callers have gone.
func (l *library) close() error {
	l.calls.shut()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.idle {
		_ = c.Close() // always nil
	}
	l.idle = nil
	return nil
}
