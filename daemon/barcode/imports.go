package barcode

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// The module's imports and exports have the short names that Emscripten's
// optimizer gave them; which is which stands in the JavaScript beside it.
const (
	exportConstructors = "ra"
	exportFree         = "ta"
	exportMalloc       = "va"
)

// host is a function of ours; stack holds its parameters and then its result.
type host func(ctx context.Context, b *binding, stack []uint64)

func word(stack []uint64, i int) uint32 { return uint32(stack[i]) }

// hosts are the imports by their names.
func hosts() map[string]host {
	known := map[string]host{
		"r": beginCatch, "J": endCatch, "T": rethrow, "q": throw, "e": resume,
		"a": catching(0), "i": catching(1), "l": catching(2),
		"v": func(context.Context, *binding, []uint64) {}, // a type's id is its address
		"Z": func(context.Context, *binding, []uint64) { panic(fmt.Errorf("the reader gave up")) },

		"ha": registers(kindNumber), "x": registers(kindNumber), "U": registers(kindFloat), "ga": registers(kindString),
		"F": registerObject, "oa": registerField, "V": registerFunction, "E": registerMethod,
		"I": newCaster, "H": cast,
	}
	for _, name := range ignored() {
		known[name] = func(_ context.Context, _ *binding, stack []uint64) {
			if len(stack) > 0 {
				stack[0] = 0
			}
		}
	}
	return known
}

// ignored register what is not needed here: structures being complete, big
// numbers, classes and their constructors, JavaScript values, iterators, views of
// memory, optional values, wide strings, nothing; and count who holds a
// JavaScript value.
func ignored() []string {
	return []string{"na", "Y", "la", "ka", "fa", "ja", "s", "ma", "P", "ia", "pa", "C", "Q", "aa"}
}

// provide gives the module what it imports.
func (r *Reader) provide(ctx context.Context, module wazero.CompiledModule) error {
	known := hosts()
	builder := r.runtime.NewHostModuleBuilder("a")
	for _, f := range module.ImportedFunctions() {
		_, name, _ := f.Import()
		h, ok := known[name]
		if !ok {
			return fmt.Errorf("the reader imports %q, which is unknown", name)
		}
		builder.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, m api.Module, stack []uint64) {
			r.bound.module = m // constructors call before the instance is returned
			h(ctx, r.bound, stack)
		}), f.ParamTypes(), f.ResultTypes()).Export(name)
	}
	_, err := builder.Instantiate(ctx)
	return err
}

// registers is for types: their id comes first.
func registers(k kind) host {
	return func(_ context.Context, b *binding, stack []uint64) { b.kinds[word(stack, 0)] = k }
}

// registerObject has type, name, and signature and index of the constructor.
func registerObject(_ context.Context, b *binding, stack []uint64) {
	id := word(stack, 0)
	b.kinds[id] = kindObject
	b.objects[id] = &object{name: b.name(word(stack, 1)), constructor: callee{invoker: b.function(word(stack, 2), word(stack, 3))}}
}

// registerField has the structure's type, name, then type, signature, index and
// context of the getter, and the same of the setter.
func registerField(_ context.Context, b *binding, stack []uint64) {
	o := b.objects[word(stack, 0)]
	o.fields = append(o.fields, field{name: b.name(word(stack, 1)),
		reads: word(stack, 2), getter: b.function(word(stack, 3), word(stack, 4)), getting: word(stack, 5),
		writes: word(stack, 6), setter: b.function(word(stack, 7), word(stack, 8)), setting: word(stack, 9)})
}

// registerFunction has name, count and list of types, signature and index of
// the invoker, and the function.
func registerFunction(_ context.Context, b *binding, stack []uint64) {
	if b.name(word(stack, 0)) == functionName {
		b.read1 = callee{b.function(word(stack, 3), word(stack, 4)), word(stack, 5)}
	}
}

// registerMethod has the class, name, count and list of types, signature and
// index of the invoker, and the function. The vector is the only class.
func registerMethod(_ context.Context, b *binding, stack []uint64) {
	b.methods[b.name(word(stack, 1))] = callee{b.function(word(stack, 4), word(stack, 5)), word(stack, 6)}
}

// newCaster has count and list of types, result first, and answers with a
// number for cast.
func newCaster(_ context.Context, b *binding, stack []uint64) {
	b.casts = append(b.casts, b.word(word(stack, 1)+4))
	stack[0] = uint64(len(b.casts) - 1)
}

// cast turns a value of the module's into one of JavaScript: the vector's get
// does so with the structure it returns. Here the structure is read and kept.
// Parameters are the caster, three that do not matter, and where the values are.
func cast(ctx context.Context, b *binding, stack []uint64) {
	typ, at := b.casts[word(stack, 0)], b.word(word(stack, 4))
	stack[0] = 0
	if o := b.objects[typ]; o != nil && o.name == resultName {
		if found, valid := b.result(ctx, typ, at); valid {
			b.results = append(b.results, found)
		}
	}
}
