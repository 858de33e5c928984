//go:build cgo && !embedded

#include <dlfcn.h>

#include <leptonica/allheaders.h>

// Tesseract hands each line to its recognizer as a PNG in memory, compressed
// and at once read again (ImageData::SetPixInternal in its ccstruct/imagedata.cpp).
// The program's definition of a function
// stands before a library's (ELF's symbol interposition), so that here is where
// libtesseract's calls arrive; lines become Leptonica's own format instead, which
// pixReadMem knows by its head. Nothing else of ours writes PNGs with Leptonica.
extern "C" l_ok pixWriteMem(l_uint8 **data, size_t *size, PIX *pix, l_int32 format) {
	if (format == IFF_PNG) {
		return pixWriteMemSpix(data, size, pix);
	}
	using Write = l_ok (*)(l_uint8 **, size_t *, PIX *, l_int32);
	static const auto next = reinterpret_cast<Write>(dlsym(RTLD_NEXT, "pixWriteMem"));
	return next == nullptr ? 1 : next(data, size, pix, format);
}
