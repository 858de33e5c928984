package pdf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/validate"
)

// AddText writes the PDF at in, with the layers' text over its pages, to the
// new file out. The original's bytes are kept and the text is appended; only a
// file whose cross-reference table is broken, whose header does not stand at
// its start or that is encrypted without needing a password is rewritten first.
// When no page is touched, out is a copy. n is the number of pages; raster draws
// a page whose layer says TreatForce.
func AddText(in, out string, n int, layers Layers, o Options, raster func(number int) (Picture, error)) (_ Outcome, err error) {
	defer func() {
		if r := recover(); r != nil { // the parser met something it did not expect
			err = fmt.Errorf("add text to PDF: parser failed: %v", r)
		}
	}()
	touched, err := touchedPages(n, layers)
	if err != nil {
		return Outcome{}, err
	}
	if len(touched) == 0 {
		return Outcome{}, Copy(in, out)
	}
	ctx, err := read(in)
	if err != nil {
		return Outcome{}, fmt.Errorf("read PDF: %w", err)
	}
	if reason := notExtendable(in, ctx); reason != nil {
		clean := out + ".rewritten"
		defer os.Remove(clean)
		if err := rewrite(in, clean); err != nil {
			return Outcome{}, fmt.Errorf("rewrite PDF (%w): %w", reason, err)
		}
		if ctx, err = read(clean); err != nil {
			return Outcome{}, fmt.Errorf("read rewritten PDF: %w", err)
		}
		in = clean
	}
	if err := Copy(in, out); err != nil {
		return Outcome{}, err
	}
	return Outcome{}, extend(out, ctx, touched, layers)
}

// touchedPages lists the pages that do not stay as they are.
func touchedPages(n int, layers Layers) ([]int, error) {
	var out []int
	for number := 1; number <= n; number++ {
		l, err := layers.of(number)
		if err != nil {
			return nil, err
		}
		if !l.untouched() {
			out = append(out, number)
		}
	}
	return out, nil
}

func read(path string) (*model.Context, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ctx, err := pdfcpu.Read(f, configuration())
	if err != nil {
		return nil, err
	}
	if err := ctx.EnsurePageCount(); err != nil {
		return nil, fmt.Errorf("count pages: %w", err)
	}
	return ctx, nil
}

func configuration() *model.Configuration {
	model.ConfigPath = "disable" // no configuration folder in the user's home
	conf := model.NewDefaultConfiguration()
	conf.ValidationMode = model.ValidationRelaxed
	return conf
}

// rewrite writes a repaired, decrypted copy.
func rewrite(in, out string) (err error) {
	ctx, err := read(in)
	if err != nil {
		return err
	}
	if err := validate.XRefTable(ctx); err != nil {
		return fmt.Errorf("validate: %w", err)
	}
	ctx.Encrypt, ctx.E, ctx.EncKey = nil, nil, nil
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	ctx.Write.Writer = bufio.NewWriter(f)
	return errors.Join(pdfcpu.WriteContext(ctx), ctx.Write.Flush())
}

var (
	startXRef   = regexp.MustCompile(`startxref\s+(\d+)\s+%%EOF\s*$`)
	objectStart = regexp.MustCompile(`^\s*(\d+)\s+(\d+)\s+obj`)
)

// notExtendable says why an incremental update would not be safe; nil if it is.
func notExtendable(path string, ctx *model.Context) error {
	if ctx.Encrypt != nil {
		return errors.New("encrypted")
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	at := func(offset int64, n int) []byte {
		b := make([]byte, n)
		got, _ := f.ReadAt(b, offset)
		return b[:got]
	}
	if !bytes.HasPrefix(at(0, 8), []byte("%PDF-")) {
		return errors.New("header not at the start")
	}
	start, err := lastXRef(f)
	if err != nil {
		return err
	}
	if head := at(start, 40); !bytes.HasPrefix(bytes.TrimLeft(head, "\r\n \t"), []byte("xref")) && !objectStart.Match(head) {
		return errors.New("startxref points nowhere")
	}
	for number, e := range ctx.Table {
		if e.Free || e.Compressed || e.Offset == nil || *e.Offset <= 0 {
			continue
		}
		m := objectStart.FindSubmatch(at(*e.Offset, 40))
		if m == nil || string(m[1]) != strconv.Itoa(number) {
			return fmt.Errorf("object %d is not where the cross-reference table says", number)
		}
	}
	return nil
}

func lastXRef(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	tail := make([]byte, min(info.Size(), 2048))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	m := startXRef.FindSubmatch(tail)
	if m == nil {
		return 0, errors.New("no startxref at the end")
	}
	return strconv.ParseInt(string(m[1]), 10, 64)
}

// extend appends the layers to the file at path, which ctx describes.
func extend(path string, ctx *model.Context, touched []int, layers Layers) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	previous, err := lastXRef(f)
	if err != nil {
		return err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	w := &writer{w: f, pos: end}
	if err := w.write([]byte("\n")); err != nil {
		return err
	}
	next := ctx.MaxObjNr + 1
	fontNumber := next
	next += fontObjectCount
	c := newCodes()
	for _, number := range touched {
		l, err := layers.of(number)
		if err != nil {
			return err
		}
		if next, err = extendPage(w, ctx, l, c, fontNumber, next); err != nil {
			return fmt.Errorf("page %d: %w", l.Page.Number, err)
		}
	}
	for _, o := range c.fontObjects(fontNumber) {
		if err := w.object(o); err != nil {
			return err
		}
	}
	trailer := trailerOf(ctx, previous)
	if ctx.Read.UsingXRefStreams {
		return w.crossStream(fmt.Sprintf("/Size %d %s", next+1, trailer), next)
	}
	return w.table(fmt.Sprintf("/Size %d %s", next, trailer), false)
}

func trailerOf(ctx *model.Context, previous int64) string {
	s := fmt.Sprintf("/Root %s /Prev %d", ctx.Root.PDFString(), previous)
	if ctx.Info != nil {
		s += " /Info " + ctx.Info.PDFString()
	}
	if len(ctx.ID) == 2 {
		s += " /ID " + ctx.ID.PDFString()
	}
	return s
}

// extendPage writes the page's text and a new version of its dictionary. The
// page's own content is wrapped in q and Q, so that whatever it leaves behind
// does not move the text.
func extendPage(w *writer, ctx *model.Context, l Layer, c *codes, font, next int) (int, error) {
	page, ref, inherited, err := ctx.PageDict(l.Page.Number, false)
	if err != nil {
		return next, fmt.Errorf("find page: %w", err)
	}
	page = maps.Clone(page)
	resource, err := addFont(ctx, page, inherited, font)
	if err != nil {
		return next, err
	}
	var text bytes.Buffer
	text.WriteString("\nQ\n")
	if err := l.write(&text, c, resource); err != nil {
		return next, err
	}
	opening := bytes.NewBufferString("q\n")
	if m, ok := l.straighten(); ok {
		opening.WriteString(concat(m))
	}
	before, after := next, next+1
	if err := errors.Join(
		w.object(object{number: before, body: stream("", opening.Bytes())}),
		w.object(object{number: after, body: stream("", text.Bytes())}),
	); err != nil {
		return next, err
	}
	contents := types.Array{*types.NewIndirectRef(before, 0)}
	contents = append(contents, pageContents(ctx, page)...)
	page["Contents"] = append(contents, *types.NewIndirectRef(after, 0))
	err = w.object(object{number: int(ref.ObjectNumber), generation: int(ref.GenerationNumber), body: []byte(page.PDFString())})
	return next + 2, err
}

// pageContents lists the page's content streams.
func pageContents(ctx *model.Context, page types.Dict) types.Array {
	o, found := page.Find("Contents")
	if !found {
		return nil
	}
	if resolved, err := ctx.Dereference(o); err == nil {
		if a, ok := resolved.(types.Array); ok {
			return a
		}
		if resolved == nil {
			return nil
		}
	}
	return types.Array{o}
}

// addFont gives the page resources of its own, with the invisible font under a
// name that is free.
func addFont(ctx *model.Context, page types.Dict, inherited *model.InheritedPageAttrs, font int) (string, error) {
	resources := types.Dict{}
	if own, found := page.Find("Resources"); found {
		d, err := ctx.DereferenceDict(own)
		if err != nil {
			return "", fmt.Errorf("resources: %w", err)
		}
		maps.Copy(resources, d)
	} else if inherited != nil {
		maps.Copy(resources, inherited.Resources)
	}
	fonts := types.Dict{}
	if o, found := resources.Find("Font"); found {
		d, err := ctx.DereferenceDict(o)
		if err != nil {
			return "", fmt.Errorf("fonts: %w", err)
		}
		maps.Copy(fonts, d)
	}
	name := "Intray"
	for i := 1; fonts[name] != nil; i++ {
		name = fmt.Sprintf("Intray%d", i)
	}
	fonts[name] = *types.NewIndirectRef(font, 0)
	resources["Font"] = fonts
	page["Resources"] = resources
	return name, nil
}

// Copy writes the PDF at in to the new file out, byte for byte.
func Copy(in, out string) (err error) {
	src, err := os.Open(in)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	_, err = io.Copy(dst, src)
	return err
}
