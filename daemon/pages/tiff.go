package pages

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"os"

	"intray/daemon/document"
	"intray/engines"
)

// tiffFile is a TIFF of one or many pages.
type tiffFile struct {
	f      *os.File
	reader *tiffReader
	dirs   []directory
	// cut is why the list of pages ends too early; one more page, which cannot be
	// read, stands for all that may be missing.
	cut error
	// The page decoded last: Picture and Stored of one page follow each other.
	number int
	last   tiffPage
}

// tiffPage is a decoded page, and its stream where PDF knows the coding.
type tiffPage struct {
	img      image.Image
	stream   *Stream
	icc      []byte
	warnings []document.Warning
}

func openTIFF(path string, limits Limits) (_ Document, err error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("stat original: %w", err)
	}
	reader, err := newTIFFReader(f, info.Size())
	if err != nil {
		return nil, corrupt("The file starts like a TIFF but is damaged.", err)
	}
	most := maxDirectories
	if limits.MaxPages > 0 {
		most = 2*limits.MaxPages + 16 // thumbnails are no pages
	}
	dirs, err := reader.directories(most)
	if errors.Is(err, errManyDirectories) {
		// What is left out of the list might be pages.
		return nil, &engines.Error{Kind: engines.Terminal, Code: engines.CodeTooLarge, Cause: err,
			Sentence: fmt.Sprintf("The TIFF file has more than %d pictures; too many for a limit of %d pages (limits.max_pages).", len(dirs)-1, limits.MaxPages)}
	}
	if err != nil && len(dirs) == 0 {
		return nil, corrupt("The TIFF file is damaged: its list of pages cannot be followed to the end.", err)
	}
	t := &tiffFile{f: f, reader: reader, dirs: pagesOf(dirs), cut: err}
	if err := checkPages(t.Info().Pages, limits); err != nil {
		return nil, err
	}
	for _, d := range t.dirs {
		if err := checkPixels(d.width, d.height, limits); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// pagesOf leaves out what is no page of its own: masks, and small copies of a
// larger picture. A directory that merely says so is a page.
func pagesOf(dirs []directory) []directory {
	var out []directory
	for i, d := range dirs {
		copied := false
		for j, other := range dirs {
			near := j >= i-1 && j <= i+1 // a thumbnail stands beside its picture
			copied = copied || near && d.thumbnail && !other.thumbnail && d.reduces(other)
		}
		if !copied && !(d.mask && len(dirs) > 1) {
			out = append(out, d)
		}
	}
	return out
}

// reduces is true for a directory that may be a small copy of other: it has
// about its proportions, to a tenth and the pixel that was rounded off.
func (d directory) reduces(other directory) bool {
	if d.width >= other.width || d.height >= other.height {
		return false
	}
	want := float64(d.width) * float64(other.height) / float64(other.width)
	return math.Abs(want-float64(d.height)) <= float64(d.height)/10+1
}

func (t *tiffFile) Info() Info {
	info := Info{MIME: MIMETIFF, Pages: len(t.dirs)}
	if t.cut != nil {
		info.Pages++
	}
	return info
}

func (t *tiffFile) Close() error { return t.f.Close() }

func (t *tiffFile) decode(number int) (tiffPage, directory, error) {
	if t.cut != nil && number == len(t.dirs)+1 {
		return tiffPage{}, directory{}, corrupt(fmt.Sprintf("The TIFF's list of pages is damaged or cut off after page %d: there may have been more pages.", len(t.dirs)), t.cut)
	}
	if err := checkNumber(number, len(t.dirs)); err != nil {
		return tiffPage{}, directory{}, err
	}
	dir := t.dirs[number-1]
	if t.number == number {
		return t.last, dir, nil
	}
	t.number, t.last = 0, tiffPage{}
	page, err := t.reader.page(dir)
	if reason, unusual := errors.AsType[unusual](err); unusual {
		return tiffPage{}, dir, &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
			Sentence: fmt.Sprintf("Page %d of the TIFF is stored in a way Intray cannot read (%s).", number, reason)}
	}
	if err != nil {
		return tiffPage{}, dir, corrupt(fmt.Sprintf("Page %d of the TIFF cannot be read: it is damaged or cut off.", number), err)
	}
	t.number, t.last = number, page
	return page, dir, nil
}

func (t *tiffFile) Picture(ctx context.Context, number int) (Picture, error) {
	page, dir, err := t.decode(number)
	if err != nil {
		return Picture{}, err
	}
	p := picture(page.img, dir.look())
	p.Warnings = append(p.Warnings, page.warnings...)
	return p, ctx.Err()
}

func (t *tiffFile) Stored(number int) (Stored, error) {
	page, dir, err := t.decode(number)
	if err != nil {
		return Stored{}, err
	}
	out := Stored{Stream: page.stream, ICC: page.icc, Width: dir.width, Height: dir.height}
	if page.stream == nil {
		out.Pixels = page.img
	}
	out.place(dir.look())
	return out, nil
}
