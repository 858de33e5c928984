//go:build cgo && !embedded

// One recognition has one thread: pages are read side by side instead. Even when
// it is told so (OMP_THREAD_LIMIT), libgomp forms a team of one for every layer of
// every line. These stand in for it, see linepix_linux.cpp
// on how they come first; they are what GCC calls for "parallel" and "sections"
// (libgomp.h), the whole of what libtesseract uses.

namespace {
thread_local unsigned sections, nextSection;
}

extern "C" void GOMP_parallel(void (*body)(void *), void *data, unsigned, unsigned) { body(data); }

extern "C" void GOMP_parallel_sections(void (*body)(void *), void *data, unsigned, unsigned count, unsigned) {
	const unsigned outer = sections, outerNext = nextSection;
	sections = count;
	nextSection = 1;
	body(data);
	sections = outer;
	nextSection = outerNext;
}

extern "C" unsigned GOMP_sections_next() { return nextSection <= sections ? nextSection++ : 0; }

extern "C" void GOMP_sections_end_nowait() {}
