package pdf

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"intray/daemon/pdf/objects"
)

// Decrypt writes the PDF at in, which opens without a password, decrypted to the
// new file out: every object under its number, objects of object streams as
// objects of their own, streams as they are compressed. ErrRewrite says that
// another reader must do it.
func Decrypt(in, out string) (err error) {
	src, err := objects.Open(in)
	if err != nil {
		return rewriteFirst(err)
	}
	defer src.Close()
	if err := src.Unlock(); err != nil {
		return rewriteFirst(err)
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := &writer{w: buffered}
	v := max(src.Version(), 14)
	if err := w.write(fmt.Appendf(nil, "%%PDF-%d.%d\n%%\xE2\xE3\xCF\xD3\n", v/10, v%10)); err != nil {
		return err
	}
	encryption, _ := src.Trailer.Get("Encrypt").Ref()
	for _, number := range src.Numbers() {
		if number == encryption.Number {
			continue
		}
		if err := decryptObject(src, w, number); err != nil {
			return rewriteFirst(err)
		}
	}
	size := 1
	for _, e := range w.entries {
		size = max(size, e.number+1)
	}
	trailer := plainTrailer(src).Without("Encrypt")
	return errors.Join(w.table(fmt.Sprintf("/Size %d %s", size, trailer.Entries()), true), buffered.Flush())
}

// decryptObject copies an object unless it only says how the file was written.
func decryptObject(src *objects.File, w *writer, number int) error {
	o, err := src.Object(number)
	if err != nil {
		return err
	}
	d, _ := o.Value.Dict()
	if kind := d.Get("Type").Name(); o.Stream != nil && (kind == "ObjStm" || kind == "XRef") {
		return nil
	}
	value, data, err := src.Decrypted(o)
	if err != nil {
		return err
	}
	if o.Stream != nil {
		d, _ := value.Dict()
		value = rawStream(string(d.Without("Length").Entries()), data)
	}
	if value == nil {
		value = objects.Value("null")
	}
	return w.object(object{number: number, generation: o.Ref.Generation, body: value})
}
