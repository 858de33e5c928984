//go:build cgo

package tesseract

// #cgo CXXFLAGS: -std=c++17
// #include <stdlib.h>
// extern char *intray_words(void *api);
// extern char *TessBaseAPIGetHOCRText(void *api, int page); // libtesseract's capi.h
// extern void TessDeleteText(const char *);
import "C"

import (
	"reflect"
	"unsafe"

	"github.com/otiai10/gosseract/v2"
)

// words is the page that the client read last, as hOCR, without reading it again
// as the client's own HOCRText would; "" if there is none.
func words(client *gosseract.Client) string {
	api := reflect.ValueOf(client).Elem().FieldByName("api").UnsafePointer()
	if api == nil {
		return ""
	}
	if text := C.intray_words(api); text != nil {
		defer C.free(unsafe.Pointer(text))
		return C.GoString(text)
	}
	text := C.TessBaseAPIGetHOCRText(api, 0)
	if text == nil {
		return ""
	}
	defer C.TessDeleteText(text)
	return C.GoString(text)
}
