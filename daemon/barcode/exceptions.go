package barcode

import (
	"context"
	"errors"
)

// The books of C++ exceptions, kept as Emscripten's JavaScript does it. That an
// exception passes through functions, and where it stops, is the module's own
// business (build.mjs).
const (
	exportAdjusted  = "wa" // __cxa_get_exception_ptr
	exportSetThrew  = "xa"
	exportTemporary = "ya" // the second result of a function
	exportHold      = "Ba" // counts those who hold the exception
	exportDrop      = "Ca"
	exportCanCatch  = "Da"
)

// What stands before an exception's value in memory (cxxabi, __cxa_exception).
const (
	offsetType       = 24 - 4
	offsetDestructor = 24 - 8
	offsetCaught     = 24 - 12
	offsetRethrown   = 24 - 13
	offsetAdjusted   = 24 - 16
)

func (b *binding) set(at, v uint32) {
	if !b.module.Memory().WriteUint32Le(at, v) {
		panic(errors.New("the reader points outside its memory"))
	}
}

func (b *binding) setByte(at uint32, v byte) {
	if !b.module.Memory().WriteByte(at, v) {
		panic(errors.New("the reader points outside its memory"))
	}
}

// throw has the value, its type and its destructor.
func throw(ctx context.Context, b *binding, stack []uint64) {
	e := word(stack, 0)
	b.set(e-offsetAdjusted, 0)
	b.set(e-offsetType, word(stack, 1))
	b.set(e-offsetDestructor, word(stack, 2))
	b.export(ctx, exportHold, uint64(e))
	b.thrown = e
}

func rethrow(ctx context.Context, b *binding, _ []uint64) {
	if len(b.caught) == 0 {
		panic(errors.New("the reader threw nothing"))
	}
	e := b.caught[len(b.caught)-1]
	if b.bytes(e-offsetRethrown, 1)[0] != 0 {
		b.caught = b.caught[:len(b.caught)-1]
	} else {
		b.setByte(e-offsetRethrown, 1)
		b.setByte(e-offsetCaught, 0)
	}
	b.export(ctx, exportHold, uint64(e))
	b.thrown = e
}

func resume(_ context.Context, b *binding, stack []uint64) {
	if b.thrown == 0 {
		b.thrown = word(stack, 0)
	}
}

func beginCatch(ctx context.Context, b *binding, stack []uint64) {
	e := word(stack, 0)
	b.setByte(e-offsetCaught, 1)
	b.setByte(e-offsetRethrown, 0)
	b.caught = append(b.caught, e)
	stack[0] = b.export(ctx, exportAdjusted, uint64(e))
}

func endCatch(ctx context.Context, b *binding, _ []uint64) {
	b.export(ctx, exportSetThrew, 0, 0)
	e := b.caught[len(b.caught)-1]
	b.caught = b.caught[:len(b.caught)-1]
	b.export(ctx, exportDrop, uint64(e))
	b.thrown = 0
}

// catching finds which of n types takes the exception on its way.
func catching(n int) host {
	return func(ctx context.Context, b *binding, stack []uint64) {
		types := make([]uint32, n)
		for i := range types {
			types[i] = word(stack, i)
		}
		found := uint32(0)
		if e := b.thrown; e != 0 {
			b.set(e-offsetAdjusted, e)
			found = b.word(e - offsetType)
			for _, t := range types {
				if t == 0 || t == found {
					break
				}
				if found != 0 && b.export(ctx, exportCanCatch, uint64(t), uint64(found), uint64(e-offsetAdjusted)) != 0 {
					found = t
					break
				}
			}
		}
		b.export(ctx, exportTemporary, uint64(found))
		stack[0] = uint64(b.thrown)
	}
}
