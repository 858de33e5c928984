package pdf

import (
	"errors"
	"fmt"
	"io"

	"intray/daemon/pdf/objects"
)

// errAsIs says that a file had better stay as it is; it is no failure.
var errAsIs = errors.New("the file stays as it is")

// maxRefs bounds what is remembered of references between objects.
const maxRefs = 50_000_000

// part is one object of a file that is written anew.
type part struct {
	source int           // its number in the source; 0 for a new one
	body   objects.Value // instead of the source's; nil is the source's
	refs   []int32       // the parts it refers to; a page's parent and thumbnail left out
	loaded bool
	known  bool // its value has been looked through for references to our own
	page   bool
	parent int32 // of a page; -1 is none
	thumb  int32 // of a page; -1 is none
	users
	number int   // in the new file
	length int64 // from its number to the next object
	offset int64
}

// rewriting copies a file's objects into a new one: values byte for byte but for
// the numbers of what they refer to, streams as they are compressed. What
// nothing refers to any more is left behind.
type rewriting struct {
	src   *objects.File
	parts []part
	index map[objects.Ref]int32 // the parts there are, by what refers to them
	refs  int
	root  int32
	pages []int32
}

func newRewriting(src *objects.File) (*rewriting, error) {
	r := &rewriting{src: src, index: map[objects.Ref]int32{}}
	if src.Encrypted() {
		return nil, errAsIs
	}
	if named(r.trailer().Value()) {
		return nil, errAsIs
	}
	root, ok := src.Trailer.Get("Root").Ref()
	if r.root = r.of(root); !ok || r.root < 0 {
		return nil, errAsIs
	}
	return r, r.flatten()
}

// of is the part for a reference; -1 for one to nothing.
func (r *rewriting) of(ref objects.Ref) int32 {
	if i, found := r.index[ref]; found {
		return i
	}
	if !r.src.Exists(ref) {
		return -1
	}
	i := int32(len(r.parts))
	r.parts = append(r.parts, part{source: ref.Number, parent: -1, thumb: -1})
	r.index[ref] = i
	return i
}

// add is a part that the source has not as an object of its own.
func (r *rewriting) add(body objects.Value) int32 {
	r.parts = append(r.parts, part{body: body, parent: -1, thumb: -1})
	return int32(len(r.parts) - 1)
}

// value is a part's value and where its stream is.
func (r *rewriting) value(i int32) (objects.Value, *objects.Span, error) {
	p := &r.parts[i]
	if p.body != nil {
		return p.body, nil, nil
	}
	o, err := r.src.Object(p.source)
	if err == nil && !p.known {
		if p.known = true; named(o.Value) {
			err = errAsIs
		}
	}
	return o.Value, o.Stream, err
}

// refsOf lists the parts that part i refers to.
func (r *rewriting) refsOf(i int32) ([]int32, error) {
	if r.parts[i].loaded {
		return r.parts[i].refs, nil
	}
	v, stream, err := r.value(i)
	if err != nil {
		return nil, err
	}
	parent, thumb, page := int32(-1), int32(-1), false
	d, isDict := v.Dict()
	if isDict && stream == nil && d.Get("Type").Name() == "Page" {
		page = true
		parent, thumb = r.ofValue(d.Get("Parent")), r.ofValue(d.Get("Thumb"))
		v = d.Without("Parent", "Thumb").Value()
	}
	if stream != nil {
		v = d.Without("Length").Value() // it is written anew
	}
	var refs []int32
	v.Refs(func(ref objects.Ref) {
		if to := r.of(ref); to >= 0 {
			refs = append(refs, to)
		}
	})
	if r.refs += len(refs); r.refs > maxRefs {
		return nil, errAsIs
	}
	p := &r.parts[i]
	p.loaded, p.refs, p.page, p.parent, p.thumb = true, refs, page, parent, thumb
	return refs, nil
}

func (r *rewriting) ofValue(v objects.Value) int32 {
	if ref, ok := v.Ref(); ok {
		return r.of(ref)
	}
	return -1
}

// flatten lists the pages and gives each what it inherits, so that a page can be
// shown without the tree above it (ISO 32000-1, F.3.3).
func (r *rewriting) flatten() error {
	root, _, err := r.value(r.root)
	if err != nil {
		return err
	}
	catalog, _ := root.Dict()
	seen := map[int32]bool{}
	if err := r.node(catalog.Get("Pages"), nil, seen, 0); err != nil {
		return err
	}
	if len(r.pages) == 0 {
		return errAsIs
	}
	return nil
}

// inheritable are the keys a page takes from above (ISO 32000-1, 7.7.3.4).
func inheritable() []string { return []string{"Resources", "MediaBox", "CropBox", "Rotate"} }

// node goes down the page tree; from is what is inherited.
func (r *rewriting) node(v objects.Value, from objects.Dict, seen map[int32]bool, depth int) error {
	i := r.ofValue(v)
	if i < 0 || seen[i] || depth > 100 { // a page that stands twice, or in no object of its own
		return errAsIs
	}
	seen[i] = true
	value, _, err := r.value(i)
	if err != nil {
		return err
	}
	d, ok := value.Dict()
	if !ok {
		return errAsIs
	}
	list := d.Get("Kids")
	if list == nil {
		for _, e := range from {
			if d.Get(e.Key) == nil {
				d = d.With(e.Key, e.Value)
			}
		}
		if d.Get("Type").Name() != "Page" {
			d = d.With("Type", objects.NameOf("Page"))
		}
		r.parts[i].body = d.Value()
		r.pages = append(r.pages, i)
		return nil
	}
	for _, key := range inheritable() {
		if own := d.Get(key); own != nil {
			from = from.With(key, r.shared(own))
		}
	}
	r.parts[i].body = d.Without(inheritable()...).Value()
	resolved, err := r.src.Resolve(list)
	if err != nil {
		return err
	}
	kids, _ := resolved.Array()
	for _, kid := range kids {
		if err := r.node(kid, from, seen, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// shared makes a dictionary that many pages will have an object of its own.
func (r *rewriting) shared(v objects.Value) objects.Value {
	if _, ok := v.Dict(); !ok {
		return v
	}
	i := r.add(v)
	ref := objects.Ref{Number: int(i) + 1, Generation: ownGeneration}
	r.index[ref] = i
	return objects.Value(ref.String())
}

// ownGeneration names new parts until they are numbered. No object can have it
// (7.5.4); a source that refers to one nevertheless stays as it is.
const ownGeneration = 65535

// named is true where a value of the source would refer to a new part.
func named(v objects.Value) (yes bool) {
	v.Refs(func(ref objects.Ref) { yes = yes || ref.Generation == ownGeneration })
	return yes
}

// reachable adds everything that the trailer leads to, pages' parents and all,
// to r.parts.
func (r *rewriting) reachable() error {
	r.trailer().Value().Refs(func(ref objects.Ref) { r.of(ref) })
	for i := int32(0); int(i) < len(r.parts); i++ {
		if _, err := r.refsOf(i); err != nil {
			return err
		}
	}
	return nil
}

// trailer is the source's, without what says how that file was written.
func (r *rewriting) trailer() objects.Dict { return plainTrailer(r.src) }

func plainTrailer(src *objects.File) objects.Dict {
	return src.Trailer.Without("Size", "Prev", "XRefStm",
		"Type", "W", "Index", "Length", "Filter", "DecodeParms", "F", "FFilter", "FDecodeParms", "DL")
}

// renumbered is v with the new file's numbers; what does not exist is null.
func (r *rewriting) renumbered(v objects.Value) objects.Value {
	return v.Renumber(func(ref objects.Ref) objects.Value {
		if i, found := r.index[ref]; found {
			return objects.Value(objects.Ref{Number: r.parts[i].number}.String())
		}
		return objects.Value("null")
	})
}

// head is what is written of a part before its stream's data, and its stream.
func (r *rewriting) head(i int32) ([]byte, *objects.Span, error) {
	v, stream, err := r.value(i)
	if err != nil {
		return nil, nil, err
	}
	if stream != nil {
		d, _ := v.Dict()
		v = d.With("Length", fmt.Append(nil, stream.Length)).Value()
	}
	out := fmt.Appendf(nil, "%d 0 obj\n", r.parts[i].number)
	if v == nil {
		v = objects.Value("null")
	}
	out = append(out, r.renumbered(v)...)
	if stream != nil {
		out = append(out, "\nstream\n"...)
	}
	return out, stream, nil
}

const (
	objectEnd = "\nendobj\n"
	streamEnd = "\nendstream" + objectEnd
)

// measure fills in the parts' lengths; their numbers are set.
func (r *rewriting) measure() error {
	for i := range r.parts {
		head, stream, err := r.head(int32(i))
		if err != nil {
			return err
		}
		r.parts[i].length = int64(len(head) + len(objectEnd))
		if stream != nil {
			r.parts[i].length = int64(len(head)+len(streamEnd)) + stream.Length
		}
	}
	return nil
}

// emit writes a part.
func (r *rewriting) emit(w *writer, i int32) error {
	head, stream, err := r.head(i)
	if err != nil {
		return err
	}
	if err := w.write(head); err != nil {
		return err
	}
	if stream == nil {
		return w.write([]byte(objectEnd))
	}
	n, err := io.Copy(w.w, r.src.Raw(*stream))
	w.pos += n
	if err == nil && n != stream.Length {
		err = io.ErrUnexpectedEOF
	}
	return errors.Join(err, w.write([]byte(streamEnd)))
}
