package pdf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"intray/daemon/document"
	"intray/daemon/pdf/objects"
)

// ErrRewrite is the answer to a PDF that an incremental update would not do
// justice: its cross-reference table does not fit its objects, or it is
// encrypted. A reader that can make sense of it writes it anew, and that can be
// extended.
var ErrRewrite = errors.New("the PDF must be rewritten before text can be added")

// AddText writes the PDF at in, with the layers' text over its pages, to the
// new file out. The original's bytes are kept and what is new is appended;
// ErrRewrite says that this cannot be. When no page is touched, out is a copy. n
// is the number of pages; raster draws a page whose layer says TreatForce:
// upright as its layer's page is, Turn included, and all of it.
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
		outcome, err := untouched(in, out, o)
		if err != nil || outcome.Conformance != "" || o.PDFA != PDFARequire {
			return outcome, err
		}
	}
	src, err := objects.Open(in)
	if err != nil {
		return Outcome{}, rewriteFirst(err)
	}
	defer src.Close()
	if err := extendable(src); err != nil {
		return Outcome{}, rewriteFirst(err)
	}
	pages, err := src.Pages(n)
	if err != nil {
		return Outcome{}, rewriteFirst(err)
	}
	// What stands before the header is no part of the PDF; its offsets count from
	// there.
	if err := copyFrom(in, out, src.Base); err != nil {
		return Outcome{}, err
	}
	u := &update{src: src, pages: pages, layers: layers, raster: raster, codes: newCodes(), done: map[int]bool{}}
	outcome, err := u.extend(out, touched, o)
	if err != nil {
		return outcome, err
	}
	outcome, err = finish(out, o, outcome, u.forced > 0)
	outcome.Warnings = u.warnings
	return outcome, err
}

// finish linearizes a file that is large enough for it; one that has become
// smaller within is written anew without what nothing refers to. What the file
// claimed before must hold for the file that is delivered.
func finish(path string, o Options, outcome Outcome, smaller bool) (Outcome, error) {
	info, err := os.Stat(path)
	if err != nil {
		return outcome, err
	}
	done := false
	if o.LinearizeAbove > 0 && info.Size() >= o.LinearizeAbove {
		done, err = linearize(path)
	}
	if err == nil && !done && smaller {
		done, err = compact(path)
	}
	if err != nil || !done || outcome.Conformance == "" {
		return outcome, err
	}
	after, err := Judge(path, o)
	if err == nil && after.Conformance != outcome.Conformance {
		err = fmt.Errorf("written anew, the file is not %s any more: %s", outcome.Conformance, after.Why)
	}
	return after, err
}

// untouched copies a file to which nothing is added. It claims what it claims;
// only where PDF/A is required is the claim a reason to touch it.
func untouched(in, out string, o Options) (Outcome, error) {
	if err := Copy(in, out); err != nil {
		return Outcome{}, err
	}
	if o.PDFA == PDFARequire {
		o.PDFA = PDFAAuto // it may yet be brought to it
	}
	return Judge(out, o)
}

// rewriteFirst tells apart files that another reader may make sense of from
// disks that fail.
func rewriteFirst(err error) error {
	if errors.Is(err, objects.ErrDamaged) || errors.Is(err, objects.ErrEncrypted) {
		return fmt.Errorf("%w: %w", ErrRewrite, err)
	}
	return err
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

// extendable says why an incremental update would not be safe; nil if it is.
// Readers that find a wrong entry rebuild the table from what they see, each in
// a way of its own, and an update must not depend on that.
func extendable(src *objects.File) error {
	if src.Encrypted() {
		return objects.ErrEncrypted
	}
	return src.CheckPlaces()
}

// update is what is appended to a PDF.
type update struct {
	src    *objects.File
	pages  []objects.Page
	layers Layers
	raster func(number int) (Picture, error)
	codes  *codes
	*builder
	// tagged is true where what is not in the structure must be marked.
	tagged bool
	done   map[int]bool // page objects that are written
	forced int          // pages whose content a picture has replaced
	// warnings are what else became of the pages.
	warnings []document.Warning
}

// extend appends to the file at path, a copy of the source.
func (u *update) extend(path string, touched []int, o Options) (_ Outcome, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return Outcome{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return Outcome{}, err
	}
	root, err := u.src.Dict(u.src.Trailer.Get("Root"))
	if err != nil {
		return Outcome{}, rewriteFirst(err)
	}
	u.tagged = root.Get("StructTreeRoot") != nil
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := &writer{w: buffered, pos: end}
	next := u.src.Next()
	u.builder = &builder{w: w, codes: u.codes, font: next, next: next + fontObjectCount}
	if err := w.write([]byte("\n")); err != nil {
		return Outcome{}, err
	}
	for _, number := range touched {
		if err := u.page(number); err != nil {
			return Outcome{}, fmt.Errorf("page %d: %w", number, err)
		}
	}
	if err := u.countPages(root); err != nil {
		return Outcome{}, err
	}
	var fonts []object
	if len(touched) > 0 {
		fonts = u.codes.fontObjects(u.font)
	}
	for _, o := range fonts {
		if err := w.object(o); err != nil {
			return Outcome{}, err
		}
	}
	h, err := u.whole(o)
	if err != nil {
		return Outcome{}, err
	}
	h.ending.write = func(claim bool) error { return u.write(h, claim) }
	return settle(f, w, o, buffered.Flush, h.ending)
}

// countPages writes the page tree's root anew where it does not say how many
// pages there are: some readers see none then.
func (u *update) countPages(root objects.Dict) error {
	ref, ok := root.Get("Pages").Ref()
	tree, err := u.src.Dict(root.Get("Pages"))
	if err != nil || !ok || tree.Get("Kids") == nil || tree.Get("Count") != nil {
		return err
	}
	all, err := u.src.Pages(maxCounted)
	if err != nil {
		return rewriteFirst(err)
	}
	return u.w.object(object{number: ref.Number, generation: ref.Generation, body: tree.With("Count", fmt.Append(nil, len(all))).Value()})
}

// maxCounted is how many pages are counted at most.
const maxCounted = 1_000_000

// end writes the cross-reference section in the form of the source's last one.
// The trailer says what that one says (ISO 32000-1, 7.5.6).
func (u *update) end() error {
	trailer := plainTrailer(u.src).With("Prev", fmt.Append(nil, u.src.Start)).With("ID", u.fileID())
	if u.src.CrossStreams {
		number := u.take()
		return u.w.crossStream(fmt.Sprintf("/Size %d %s", u.next, trailer.Entries()), number)
	}
	return u.w.table(fmt.Sprintf("/Size %d %s", u.next, trailer.Entries()), false)
}

// Copy writes the PDF at in to the new file out, byte for byte.
func Copy(in, out string) error { return copyFrom(in, out, 0) }

func copyFrom(in, out string, offset int64) (err error) {
	src, err := os.Open(in)
	if err != nil {
		return err
	}
	defer src.Close()
	if _, err := src.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	dst, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	_, err = io.Copy(dst, src)
	return err
}
