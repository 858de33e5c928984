// Package pdftest extracts the text of PDFs with the readers people use:
// Poppler, PDFium and pdf.js. It compares words, and files object by object with
// qpdf as the witness. It is for tests only and knows no room of ours.
package pdftest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Reader is one way to get at a PDF's text.
type Reader struct {
	Name string
	// Text is the whole text, a form feed after every page.
	Text func(path string) string
}

// Readers are those that this machine has; the reason for each that is missing
// is printed. PDFium is part of the program and always there; its compiled code
// is kept in the user's cache, since compiling takes seconds.
func Readers(t testing.TB) []Reader {
	t.Helper()
	readers := []Reader{{"PDFium", startPDFium(t)}}
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Log("without Poppler: pdftotext is not installed")
	} else {
		readers = append(readers,
			Reader{"Poppler", func(path string) string { return output(t, "pdftotext", path, "-") }},
			Reader{"Poppler -raw", func(path string) string { return output(t, "pdftotext", "-raw", path, "-") }})
	}
	if r, why := pdfJS(t); r.Text == nil {
		t.Log("without pdf.js: " + why)
	} else {
		readers = append(readers, r)
	}
	return readers
}

func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, errs.String())
	}
	return string(out)
}

// script prints the text as pdf.js's own viewer puts it together for a search.
const script = `const fs = require('fs');
(async () => {
  const name = process.argv[2], file = process.argv[3];
  const pdfjs = name.endsWith('.mjs') ? await import(require('url').pathToFileURL(name)) : require(name);
  const doc = await pdfjs.getDocument({data: new Uint8Array(fs.readFileSync(file)), verbosity: 0}).promise;
  for (let i = 1; i <= doc.numPages; i++) {
    const content = await (await doc.getPage(i)).getTextContent();
    process.stdout.write(content.items.map(item => item.str + (item.hasEOL ? '\n' : '')).join('') + '\f');
  }
})();
`

// pdfJS finds the pdfjs-dist that INTRAY_TEST_PDFJS names, or Debian's
// libjs-pdf, which is of 2022 and called "pdf.js 2".
func pdfJS(t testing.TB) (r Reader, why string) {
	if _, err := exec.LookPath("node"); err != nil {
		return r, "node is not installed"
	}
	r.Name = "pdf.js"
	library := filepath.Join(os.Getenv("INTRAY_TEST_PDFJS"), "legacy", "build", "pdf.mjs")
	if _, err := os.Stat(library); err != nil {
		r.Name, library = "pdf.js 2", "/usr/share/javascript/pdf/build/pdf.js"
	}
	if _, err := os.Stat(library); err != nil {
		return r, "libjs-pdf is not installed and INTRAY_TEST_PDFJS names no pdfjs-dist"
	}
	program := filepath.Join(t.TempDir(), "text.cjs")
	if err := os.WriteFile(program, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Text = func(path string) string { return output(t, "node", program, library, path) }
	return r, ""
}

func startPDFium(t testing.TB) func(path string) string {
	t.Helper()
	config := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling)
	if base, err := os.UserCacheDir(); err == nil {
		if cache, err := wazero.NewCompilationCacheWithDir(filepath.Join(base, "intray")); err == nil {
			config = config.WithCompilationCache(cache)
		}
	}
	pool, err := webassembly.Init(webassembly.Config{MinIdle: 1, MaxIdle: 1, MaxTotal: 1, RuntimeConfig: config, FSConfig: wazero.NewFSConfig()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	instance, err := pool.GetInstance(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return func(path string) string {
		text, err := pdfiumText(instance, path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return text
	}
}

func pdfiumText(instance pdfium.Pdfium, path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	doc, err := instance.OpenDocument(&requests.OpenDocument{File: &data})
	if err != nil {
		return "", err
	}
	defer func() {
		_, _ = instance.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: doc.Document}) // only read from
	}()
	count, err := instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: doc.Document})
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for i := range count.PageCount {
		page := requests.Page{ByIndex: &requests.PageByIndex{Document: doc.Document, Index: i}}
		text, err := pdfiumPage(instance, page)
		if err != nil {
			return "", err
		}
		out.WriteString(text + "\f")
	}
	return out.String(), nil
}

func pdfiumPage(instance pdfium.Pdfium, page requests.Page) (string, error) {
	text, err := instance.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: page})
	if err != nil {
		return "", err
	}
	defer func() {
		_, _ = instance.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage}) // only read from
	}()
	count, err := instance.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text.TextPage})
	if err != nil {
		return "", err
	}
	all, err := instance.FPDFText_GetText(&requests.FPDFText_GetText{TextPage: text.TextPage, Count: count.Count})
	if err != nil {
		return "", err
	}
	return strings.TrimRight(all.Text, "\x00"), nil
}
