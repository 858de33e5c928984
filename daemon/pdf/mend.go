package pdf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"intray/daemon/pdf/objects"
)

// Mend puts back what a reader lost when it wrote the PDF at copied out of the
// damaged one at original: where it had to look for the objects itself, PDFium
// leaves out the information dictionary (title, author, dates), to which nothing
// but the trailer leads. What cannot be found again is no error.
func Mend(original, copied string) (err error) {
	src, err := objects.Open(copied)
	if err != nil {
		return rewriteFirst(err)
	}
	defer src.Close()
	info, ok := src.Trailer.Get("Info").Ref()
	if !ok || src.Exists(info) || src.Encrypted() {
		return nil
	}
	v, err := findObject(original, info)
	if _, isDict := v.Dict(); err != nil || !isDict {
		return err
	}
	f, err := os.OpenFile(copied, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := &writer{w: f}
	if w.pos, err = f.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	return errors.Join(w.object(object{number: info.Number, generation: info.Generation, body: v}),
		w.table(fmt.Sprintf("/Size %d %s", max(src.Next(), info.Number+1), plainTrailer(src).With("Prev", fmt.Append(nil, src.Start)).Entries()), false))
}

// maxInfo bounds the information dictionary, in bytes.
const maxInfo = 1 << 20

// findObject looks through a file for the last object of that number, whatever
// the file's own table says. It is nil where there is none.
func findObject(path string, r objects.Ref) (objects.Value, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	last, err := lastHead(f, r)
	if err != nil || last < 0 {
		return nil, err
	}
	body := make([]byte, maxInfo)
	n, err := f.ReadAt(body, last)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	v, err := (&objects.Lexer{Data: body[:n]}).Value()
	if err != nil {
		return nil, nil
	}
	return v, nil
}

// searched is how much of a file is looked through at once, and overlap how long
// the words before an object may be, in bytes.
const (
	searched = 1 << 20
	overlap  = 256
)

// lastHead is where the last "N G obj" for r ends in a file; -1 is nowhere.
func lastHead(f io.Reader, r objects.Ref) (int64, error) {
	head := regexp.MustCompile(fmt.Sprintf(`[\r\n\t ]%d[ \r\n\t]+%d[ \r\n\t]+obj`, r.Number, r.Generation))
	buf := make([]byte, searched)
	buf[0] = '\n' // as if a line ended before the file
	last, at, kept := int64(-1), int64(-1), 1
	for {
		n, err := io.ReadFull(f, buf[kept:])
		data := buf[:kept+n]
		if found := head.FindAllIndex(data, -1); found != nil {
			last = at + int64(found[len(found)-1][1])
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return last, nil
		}
		if err != nil {
			return 0, err
		}
		kept = copy(buf, data[len(data)-overlap:])
		at += int64(len(data) - kept)
	}
}
