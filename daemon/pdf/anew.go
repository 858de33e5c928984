package pdf

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"intray/daemon/pdf/objects"
)

// header is the new file's, of the source's version.
func (r *rewriting) header() []byte {
	v := max(r.src.Version(), 14)
	return fmt.Appendf(nil, "%%PDF-%d.%d\n%%\xE2\xE3\xCF\xD3\n", v/10, v%10)
}

// replace has write make a new file from the one at path and puts it in its
// place, unless errAsIs or damage says that the old one had better stay.
func replace(path string, write func(src *objects.File, w *writer) error) (done bool, err error) {
	src, err := objects.Open(path)
	if err != nil {
		return false, asIs(err)
	}
	defer src.Close()
	name := path + ".anew"
	defer os.Remove(name)
	f, err := os.Create(name)
	if err != nil {
		return false, err
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := &writer{w: buffered}
	err = write(src, w)
	if err := errors.Join(err, buffered.Flush(), f.Close(), src.Close()); err != nil {
		return false, asIs(err)
	}
	return true, os.Rename(name, path)
}

// compact puts a file without what nothing refers to in the place of the one at
// path, where that makes it smaller.
func compact(path string) (done bool, err error) {
	return replace(path, func(src *objects.File, w *writer) error {
		r, err := newRewriting(src)
		if err != nil {
			return err
		}
		if err := r.reachable(); err != nil {
			return err
		}
		for i := range r.parts {
			r.parts[i].number = i + 1
		}
		if err := w.write(r.header()); err != nil {
			return err
		}
		for i := range r.parts {
			w.entries = append(w.entries, entry{number: i + 1, offset: w.pos})
			if err := r.emit(w, int32(i)); err != nil {
				return err
			}
		}
		if w.pos >= src.Size {
			return errAsIs
		}
		return w.table(fmt.Sprintf("/Size %d %s", len(r.parts)+1, r.renumbered(r.trailer().Entries())), true)
	})
}

// asIs is nil for what is a reason to let a file be.
func asIs(err error) error {
	if errors.Is(err, errAsIs) || errors.Is(err, objects.ErrDamaged) || errors.Is(err, objects.ErrEncrypted) {
		return nil
	}
	return err
}
