package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
)

// object is one indirect object to be written; body is what stands between
// "obj" and "endobj".
type object struct {
	number, generation int
	body               []byte
}

// stream compresses data into a stream object's body; entries are further
// dictionary entries.
func stream(entries string, data []byte) []byte {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(data) // a bytes.Buffer does not fail
	_ = z.Close()
	return rawStream(entries+" /Filter /FlateDecode", packed.Bytes())
}

func rawStream(entries string, data []byte) []byte {
	out := fmt.Appendf(nil, "<< /Length %d %s >>\nstream\n", len(data), entries)
	out = append(out, data...)
	return append(out, "\nendstream"...)
}

// writer writes objects and remembers where they stand.
type writer struct {
	w       io.Writer
	pos     int64
	entries []entry
}

type entry struct {
	number, generation int
	offset             int64
}

func (w *writer) write(b []byte) error {
	n, err := w.w.Write(b)
	w.pos += int64(n)
	return err
}

func (w *writer) object(o object) error {
	w.entries = append(w.entries, entry{o.number, o.generation, w.pos})
	return errors.Join(w.write(fmt.Appendf(nil, "%d %d obj\n", o.number, o.generation)), w.write(o.body), w.write([]byte("\nendobj\n")))
}

// streamed writes a stream object whose data, a picture's, may be too large to
// be copied first.
func (w *writer) streamed(number int, entries string, data []byte) error {
	w.entries = append(w.entries, entry{number: number, offset: w.pos})
	return errors.Join(w.write(fmt.Appendf(nil, "%d 0 obj\n<< /Length %d %s >>\nstream\n", number, len(data), entries)),
		w.write(data), w.write([]byte("\nendstream\nendobj\n")))
}

// sorted are the entries by number.
func (w *writer) sorted() []entry {
	out := slices.Clone(w.entries)
	slices.SortFunc(out, func(a, b entry) int { return a.number - b.number })
	return out
}

// runs are the entries whose numbers follow one another.
func runs(entries []entry) iter.Seq[[]entry] {
	return func(yield func([]entry) bool) {
		start := 0
		for i := 1; i <= len(entries); i++ {
			if i == len(entries) || entries[i].number != entries[i-1].number+1 {
				if !yield(entries[start:i]) {
					return
				}
				start = i
			}
		}
	}
}

// table ends the file with a classic cross-reference table and trailer
// (ISO 32000-1, 7.5.4); head is true for a file's first section, which also
// holds object 0.
func (w *writer) table(trailer string, head bool) error {
	start := w.pos
	var b bytes.Buffer
	b.WriteString("xref\n")
	entries := w.sorted()
	if head {
		entries = append([]entry{{generation: 65535}}, entries...)
	}
	for run := range runs(entries) {
		fmt.Fprintf(&b, "%d %d\n", run[0].number, len(run))
		for _, e := range run {
			kind := 'n'
			if e.number == 0 {
				kind = 'f'
			}
			fmt.Fprintf(&b, "%010d %05d %c \n", e.offset, e.generation, kind)
		}
	}
	fmt.Fprintf(&b, "trailer\n<< %s >>\nstartxref\n%d\n%%%%EOF\n", trailer, start)
	return w.write(b.Bytes())
}

// crossStream ends the file with a cross-reference stream (ISO 32000-1,
// 7.5.8), which files that already use one must go on using. number is the
// stream's own object number.
func (w *writer) crossStream(trailer string, number int) error {
	start := w.pos
	w.entries = append(w.entries, entry{number: number, offset: start})
	var index bytes.Buffer
	var data []byte
	for run := range runs(w.sorted()) {
		fmt.Fprintf(&index, "%d %d ", run[0].number, len(run))
		for _, e := range run {
			data = append(data, 1)
			data = binary.BigEndian.AppendUint64(data, uint64(e.offset))
			data = binary.BigEndian.AppendUint16(data, uint16(e.generation))
		}
	}
	body := stream(fmt.Sprintf("/Type /XRef /W [1 8 2] /Index [%s] %s", bytes.TrimSpace(index.Bytes()), trailer), data)
	out := fmt.Appendf(nil, "%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", number, body, start)
	return w.write(out)
}
