//go:build cgo

package tesseract

// extern char *TessBaseAPIGetUTF8Text(void *);  // libtesseract's capi.h
// extern void TessDeleteText(const char *);
import "C"

import (
	"reflect"

	"github.com/otiai10/gosseract/v2"
)

// plainText is the text of the page that the client read last, without reading
// it again as the client's own Text would.
func plainText(client *gosseract.Client) string {
	api := reflect.ValueOf(client).Elem().FieldByName("api").UnsafePointer()
	if api == nil {
		return ""
	}
	text := C.TessBaseAPIGetUTF8Text(api)
	if text == nil {
		return ""
	}
	defer C.TessDeleteText(text)
	return C.GoString(text)
}
