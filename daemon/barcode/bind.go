package barcode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/table"
)

// The module was built for Emscripten's "embind": when it starts it registers
// its types and functions by name, which JavaScript then calls through pointers
// into its table. A binding is what one instance registered, of which Go needs
// one function and three structures:
//
//	readBarcodesFromPixmap(pixels, width, height, ReaderOptions) -> vector of ReadResult
//
// Values cross the border as embind's "wire types" (emscripten, bind.h and
// wire.h): numbers and booleans as they are, strings as a pointer to length and
// bytes, structures as a pointer.
type binding struct {
	module  api.Module
	kinds   map[uint32]kind
	objects map[uint32]*object
	methods map[string]callee // of the vector of results
	read1   callee
	// results are the structures that left the vector, see invoke.
	results []Barcode
	// casts are the types of the casters that were asked for.
	casts []uint32

	thrown uint32   // the exception on its way, 0 if none
	caught []uint32 // those in hand, the last on top
}

// kind says how a type crosses the border.
type kind int

const (
	kindOther kind = iota
	kindNumber
	kindFloat
	kindString
	kindObject
)

// callee is a registered function: invoker translates the call to target.
type callee struct {
	invoker pointer
	target  uint32
}

// pointer is a function of the module's table; signature has a letter for the
// result and one for each parameter: v none, i and p 32 bits, f and d floats.
type pointer struct {
	index     uint32
	signature string
}

// object is a structure whose fields are read and written by functions.
type object struct {
	name        string
	constructor callee
	fields      []field
}

type field struct {
	name           string
	reads, writes  uint32 // types
	getter, setter pointer
	getting        uint32
	setting        uint32
}

func newBinding() *binding {
	return &binding{kinds: map[uint32]kind{}, objects: map[uint32]*object{}, methods: map[string]callee{}}
}

// call calls a function of the table. What fails in the module is a panic: it
// has to pass through the module's own frames; Read turns it into an error.
func (b *binding) call(ctx context.Context, p pointer, args ...uint64) uint64 {
	params, results := p.types()
	return first(table.LookupFunction(b.module, 0, p.index, params, results).Call(ctx, args...))
}

func first(out []uint64, err error) uint64 {
	if err != nil {
		panic(err)
	}
	if len(out) == 0 {
		return 0
	}
	return out[0]
}

func (p pointer) types() (params, results []api.ValueType) {
	for i, c := range p.signature {
		t := api.ValueTypeI32
		switch c {
		case 'v':
			continue
		case 'f':
			t = api.ValueTypeF32
		case 'd':
			t = api.ValueTypeF64
		case 'j':
			t = api.ValueTypeI64
		}
		if i == 0 {
			results = append(results, t)
		} else {
			params = append(params, t)
		}
	}
	return params, results
}

func (b *binding) export(ctx context.Context, name string, args ...uint64) uint64 {
	return first(b.module.ExportedFunction(name).Call(ctx, args...))
}

func (b *binding) allocate(ctx context.Context, size int) uint32 {
	at := uint32(b.export(ctx, exportMalloc, uint64(size)))
	if at == 0 {
		panic(errors.New("the reader wants more memory than it may have"))
	}
	return at
}

func (b *binding) word(at uint32) uint32 {
	v, ok := b.module.Memory().ReadUint32Le(at)
	if !ok {
		panic(errors.New("the reader points outside its memory"))
	}
	return v
}

func (b *binding) bytes(at, size uint32) []byte {
	v, ok := b.module.Memory().Read(at, size)
	if !ok {
		panic(errors.New("the reader points outside its memory"))
	}
	return v
}

// name is a text of the module's that ends with a zero byte.
func (b *binding) name(at uint32) string {
	const longest = 256
	size := min(longest, b.module.Memory().Size()-at)
	text, _, _ := bytes.Cut(b.bytes(at, size), []byte{0})
	return string(text)
}

func (b *binding) function(signature, index uint32) pointer {
	return pointer{index, b.name(signature)}
}

// options are what differs from zero in the structure of that name: a page is
// worth a thorough look. Text is what the barcode holds, not how it is printed.
func options() map[string]uint64 {
	return map[string]uint64{"tryHarder": 1, "tryRotate": 1, "tryInvert": 1, "tryDownscale": 1,
		"downscaleThreshold": 500, "downscaleFactor": 3, "minLineCount": 2, "maxNumberOfSymbols": 255, "tryCode39ExtendedMode": 1}
}

const (
	optionsName  = "ReaderOptions"
	resultName   = "ReadResult"
	functionName = "readBarcodesFromPixmap"
)

func (b *binding) read(ctx context.Context, pixels uint32, width, height int) []Barcode {
	at := b.build(ctx, optionsName, options())
	vector := b.call(ctx, b.read1.invoker, uint64(b.read1.target), uint64(pixels), uint64(width), uint64(height), at)
	size := b.methods["size"]
	get := b.methods["get"]
	n := b.call(ctx, size.invoker, uint64(size.target), vector)
	for i := range n {
		b.call(ctx, get.invoker, uint64(get.target), vector, i)
	}
	return b.results
}

// build makes a structure; fields that values does not name are zero or empty.
func (b *binding) build(ctx context.Context, name string, values map[string]uint64) uint64 {
	for _, o := range b.objects {
		if o.name != name {
			continue
		}
		at := b.call(ctx, o.constructor.invoker)
		for _, f := range o.fields {
			value := values[f.name]
			if b.kinds[f.writes] == kindString { // an empty one
				value = uint64(b.allocate(ctx, 8))
				b.module.Memory().WriteUint64Le(uint32(value), 0)
			}
			b.call(ctx, f.setter, uint64(f.setting), at, value)
		}
		return at
	}
	panic(fmt.Errorf("the reader has no %s", name))
}

// result reads one structure of resultName.
func (b *binding) result(ctx context.Context, typ, at uint32) (out Barcode, valid bool) {
	for _, f := range b.objects[typ].fields {
		switch f.name {
		case "isValid":
			valid = b.get(ctx, f, at) != 0
		case "format":
			out.Format = b.text(ctx, f, at)
		case "text":
			out.Text = b.text(ctx, f, at)
		case "position":
			out.Corners = b.corners(ctx, f, at)
		}
	}
	return out, valid
}

func (b *binding) get(ctx context.Context, f field, at uint32) uint64 {
	return b.call(ctx, f.getter, uint64(f.getting), uint64(at))
}

func (b *binding) text(ctx context.Context, f field, at uint32) string {
	p := uint32(b.get(ctx, f, at))
	return string(b.bytes(p+4, b.word(p)))
}

func (b *binding) corners(ctx context.Context, f field, at uint32) (out [4]Point) {
	position := uint32(b.get(ctx, f, at))
	for _, corner := range b.objects[f.reads].fields {
		i, ok := map[string]int{"topLeft": 0, "topRight": 1, "bottomRight": 2, "bottomLeft": 3}[corner.name]
		if !ok {
			continue
		}
		point := uint32(b.get(ctx, corner, position))
		for _, axis := range b.objects[corner.reads].fields {
			v := float64(int32(b.get(ctx, axis, point)))
			if b.kinds[axis.reads] == kindFloat {
				v = math.Float64frombits(b.get(ctx, axis, point))
			}
			if axis.name == "x" {
				out[i].X = v
			} else {
				out[i].Y = v
			}
		}
	}
	return out
}
