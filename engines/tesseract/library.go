//go:build cgo

package tesseract

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/otiai10/gosseract/v2"

	"intray/engines"
)

func newReader(o options) reader {
	return &library{options: o, idle: map[string][]*gosseract.Client{}}
}

// library reads pages with gosseract. Loading a model takes long, so clients
// stay warm: idle ones wait here by their languages.
type library struct {
	options options

	mu     sync.Mutex
	idle   map[string][]*gosseract.Client
	closed bool
	hand   sync.WaitGroup
}

func (l *library) version() string { return gosseract.Version() }

func (l *library) languages() ([]string, error) {
	if l.options.Tessdata == "" {
		return gosseract.GetAvailableLanguages()
	}
	files, err := filepath.Glob(filepath.Join(l.options.Tessdata, "*.traineddata"))
	if err == nil && len(files) == 0 {
		_, err = os.Stat(l.options.Tessdata)
	}
	var out []string
	for _, f := range files {
		out = append(out, strings.TrimSuffix(filepath.Base(f), ".traineddata"))
	}
	slices.Sort(out)
	return out, err
}

// hocr runs the page in a goroutine of its own: the call cannot be stopped,
// but the caller can be let go. The busy client comes back when it is done.
func (l *library) hocr(ctx context.Context, page engines.Page) ([]byte, error) {
	key := strings.Join(page.Languages, "+")
	client, err := l.take(key, page.Languages)
	if err != nil {
		return nil, err
	}
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := read(client, page)
		l.give(key, client, err)
		done <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-done:
		return []byte(a.text), a.err
	}
}

func read(client *gosseract.Client, page engines.Page) (string, error) {
	if err := client.SetImageFromBytes(page.Image); err != nil {
		return "", damaged(err)
	}
	if !hasImage(client) {
		return "", damaged(errors.New("leptonica cannot read it"))
	}
	if err := client.SetVariable("user_defined_dpi", dpi(page)); err != nil {
		return "", unusable(err)
	}
	text, err := client.HOCRText()
	if err != nil {
		return "", unusable(err)
	}
	if !strings.Contains(text, "ocr_page") {
		return "", damaged(errors.New("no page in the answer"))
	}
	return text, nil
}

// hasImage is true when the library took the picture. It does not say so
// itself, and reading without one brings a warm client down.
func hasImage(client *gosseract.Client) bool {
	return !reflect.ValueOf(client).Elem().FieldByName("pixImage").IsNil()
}

func unusable(err error) *engines.Error {
	return &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable, Sentence: "Tesseract could not be started.", Cause: err}
}

func (l *library) take(key string, languages []string) (*gosseract.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, unusable(errors.New("the engine is closed"))
	}
	l.hand.Add(1)
	if waiting := l.idle[key]; len(waiting) > 0 {
		l.idle[key] = waiting[:len(waiting)-1]
		return waiting[len(waiting)-1], nil
	}
	client := gosseract.NewClient()
	client.Trim = false
	client.Languages = slices.Clone(languages)
	client.TessdataPrefix = l.options.Tessdata
	// As a variable and not by SetPageSegMode: the library forgets the latter
	// when it loads its models.
	client.Variables["tessedit_pageseg_mode"] = strconv.Itoa(l.options.PageSegmentation)
	client.Variables["debug_file"] = os.DevNull
	return client, nil
}

// give takes a client back; one that failed is not trusted again.
func (l *library) give(key string, client *gosseract.Client, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.hand.Done()
	if err != nil || l.closed {
		_ = client.Close() // always nil
		return
	}
	l.idle[key] = append(l.idle[key], client)
}

func (l *library) close() error {
	l.mu.Lock()
	l.closed = true
	idle := l.idle
	l.idle = map[string][]*gosseract.Client{}
	l.mu.Unlock()
	for _, clients := range idle {
		for _, c := range clients {
			_ = c.Close() // always nil
		}
	}
	l.hand.Wait()
	return nil
}
