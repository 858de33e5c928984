package pdf

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"intray/daemon/document"
)

// FromPictures writes a new searchable PDF of n pages. page is asked for one
// page after another, so that one picture at a time is in memory.
func FromPictures(out string, n int, layers Layers, o Options, page func(number int) (Picture, error)) (Outcome, error) {
	outcome, err := fromPictures(out, n, layers, o, page)
	if err != nil {
		return outcome, err
	}
	return finish(out, o, outcome, false)
}

func fromPictures(out string, n int, layers Layers, o Options, page func(number int) (Picture, error)) (_ Outcome, err error) {
	f, err := os.Create(out)
	if err != nil {
		return Outcome{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := &writer{w: buffered}
	if err := w.write([]byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")); err != nil {
		return Outcome{}, err
	}
	b := &builder{w: w, codes: newCodes(), next: 4 + fontObjectCount, font: 4}
	var kids bytes.Buffer
	for number := 1; number <= n; number++ {
		p, err := page(number)
		if err != nil {
			return Outcome{}, fmt.Errorf("page %d: %w", number, err)
		}
		layer, err := layers.of(number)
		if err != nil {
			return Outcome{}, err
		}
		kid, err := b.page(p, layer, !layer.empty())
		if err != nil {
			return Outcome{}, fmt.Errorf("page %d: %w", number, err)
		}
		fmt.Fprintf(&kids, "%d 0 R ", kid)
	}
	now := time.Now()
	return settle(f, w, o, buffered.Flush, ending{write: func(claim bool) error { return b.finish(kids.Bytes(), n, o, now, claim) }})
}

// literal writes a string object of ASCII text.
func literal(s string) string {
	var b bytes.Buffer
	b.WriteByte('(')
	for _, c := range []byte(s) {
		if c == '(' || c == ')' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte(')')
	return b.String()
}

type builder struct {
	w          *writer
	codes      *codes
	next, font int
	profiles   map[[sha256.Size]byte]int // the colour profiles written, by content
}

func (b *builder) take() int {
	b.next++
	return b.next - 1
}

// page writes one page and returns its object number.
func (b *builder) page(p Picture, l Layer, hasText bool) (int, error) {
	if p.Stream == nil && p.Pixels == nil {
		return b.blank(p)
	}
	picture, err := b.picture(p)
	if err != nil {
		return 0, err
	}
	var content bytes.Buffer
	m, width, height := turnedPlacement(p, l.Turn)
	l.UserToPage = document.Matrix{1, 0, 0, -1, 0, height}
	if straight, ok := l.straighten(); ok && hasText {
		m = m.Then(straight)
	}
	content.WriteString("q\n" + concat(m) + "/Im0 Do\nQ\n")
	fonts := ""
	if hasText {
		if err := l.write(&content, b.codes, "Intray"); err != nil {
			return 0, err
		}
		fonts = fmt.Sprintf("/Font << /Intray %d 0 R >> ", b.font)
	}
	contents, page := b.take(), b.take()
	return page, errors.Join(
		b.w.object(object{number: contents, body: stream("", content.Bytes())}),
		b.w.object(object{number: page, body: fmt.Appendf(nil,
			"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %s %s] /Resources << %s/XObject << /Im0 %d 0 R >> >> /Contents %d 0 R >>",
			number(width), number(height), fonts, picture, contents)}))
}

// blank writes an empty page.
func (b *builder) blank(p Picture) (int, error) {
	page := b.take()
	return page, b.w.object(object{number: page, body: fmt.Appendf(nil,
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %s %s] /Resources << >> >>", number(p.PageWidth), number(p.PageHeight))})
}

// placement maps the image's unit square to the upright page, undoing the
// stored orientation.
func placement(p Picture) document.Matrix {
	turn := map[int]document.Matrix{
		2: {-1, 0, 0, 1, 1, 0},
		3: {-1, 0, 0, -1, 1, 1},
		4: {1, 0, 0, -1, 0, 1},
		5: {0, -1, -1, 0, 1, 1},
		6: {0, -1, 1, 0, 0, 1},
		7: {0, 1, 1, 0, 0, 0},
		8: {0, 1, -1, 0, 1, 0},
	}
	m, turned := turn[p.Orientation]
	if !turned {
		m = document.Identity()
	}
	return m.Then(document.Scale(p.PageWidth, p.PageHeight))
}
