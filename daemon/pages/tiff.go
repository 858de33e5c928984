package pages

import (
	"context"
	"fmt"
	"image"
	"os"

	"github.com/hhrutter/tiff"

	"intray/engines"
)

// tiffFile is a TIFF of one or many pages.
type tiffFile struct {
	f    *os.File
	dirs []directory
	// The page decoded last: Picture and Stored of one page follow each other.
	number int
	img    image.Image
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
	most := maxDirectories
	if limits.MaxPages > 0 {
		most = limits.MaxPages
	}
	dirs, err := walkDirectories(f, most)
	if err != nil {
		return nil, corrupt("The TIFF file is damaged: its list of pages cannot be followed to the end.", err)
	}
	if err := checkPages(len(dirs), limits); err != nil {
		return nil, err
	}
	for _, d := range dirs {
		if err := checkPixels(d.width, d.height, limits); err != nil {
			return nil, err
		}
	}
	return &tiffFile{f: f, dirs: dirs}, nil
}

func (t *tiffFile) Info() Info   { return Info{MIME: MIMETIFF, Pages: len(t.dirs)} }
func (t *tiffFile) Close() error { return t.f.Close() }

func (t *tiffFile) decode(number int) (image.Image, directory, error) {
	if err := checkNumber(number, len(t.dirs)); err != nil {
		return nil, directory{}, err
	}
	dir := t.dirs[number-1]
	if t.number == number {
		return t.img, dir, nil
	}
	if !dir.decodable() {
		return nil, dir, unsupportedPage(number, fmt.Errorf("photometric %d with %d samples a pixel", dir.photometric, dir.samples))
	}
	if _, err := t.f.Seek(0, 0); err != nil {
		return nil, dir, fmt.Errorf("rewind TIFF: %w", err)
	}
	img, err := tiff.DecodeAt(t.f, dir.offset)
	if err != nil {
		if _, unsupported := err.(tiff.UnsupportedError); unsupported {
			return nil, dir, unsupportedPage(number, err)
		}
		return nil, dir, corrupt(fmt.Sprintf("Page %d of the TIFF cannot be read: it is damaged, cut off, or stored in an unusual way.", number), err)
	}
	t.number, t.img = number, img
	return img, dir, nil
}

func (t *tiffFile) Picture(ctx context.Context, number int) (Picture, error) {
	img, dir, err := t.decode(number)
	if err != nil {
		return Picture{}, err
	}
	return picture(img, dir.xdpi, dir.ydpi, dir.orientation), ctx.Err()
}

func (t *tiffFile) Stored(number int) (Stored, error) {
	img, dir, err := t.decode(number)
	if err != nil {
		return Stored{}, err
	}
	out := Stored{Pixels: img, Width: img.Bounds().Dx(), Height: img.Bounds().Dy(), Orientation: dir.orientation}
	out.pageSize(dir.xdpi, dir.ydpi)
	return out, nil
}

func unsupportedPage(number int, cause error) *engines.Error {
	return &engines.Error{Kind: engines.Terminal, Code: engines.CodeUnsupported,
		Sentence: fmt.Sprintf("Page %d of the TIFF is stored in a way Intray cannot read.", number), Cause: cause}
}
