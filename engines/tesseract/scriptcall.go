//go:build cgo

package tesseract

// #cgo CXXFLAGS: -std=c++17
// #include <stdlib.h>
// extern char *intray_script(const char *models, const unsigned char *picture, size_t size, int dpi, float *confidence);
import "C"

import (
	"context"
	"math"
	"unsafe"

	"intray/engines"
)

// script runs in a goroutine of its own, as read does, and for the same reason.
func (l *library) script(ctx context.Context, page engines.Page) (string, float64, error) {
	if err := l.calls.enter(); err != nil {
		return "", 0, err
	}
	picture, err := handOver(page.Image, builtIn() != nil)
	if err != nil {
		l.calls.leave()
		return "", 0, damaged(err)
	}
	type outcome struct {
		name string
		sure float64
	}
	done := make(chan outcome, 1)
	go func() {
		defer l.calls.leave()
		name, sure := scriptOn(l.options.Tessdata, picture, page.DPI)
		done <- outcome{name, sure}
	}()
	select {
	case <-ctx.Done():
		return "", 0, ctx.Err()
	case o := <-done:
		return o.name, o.sure, nil
	}
}

// scriptOn loads its model for each page: few pages are asked, and the model would
// lie in each process for all of its life.
func scriptOn(models string, picture []byte, dpi float64) (string, float64) {
	loading.Lock()
	defer loading.Unlock()
	var dir *C.char
	if models != "" {
		dir = C.CString(models)
		defer C.free(unsafe.Pointer(dir))
	}
	if !(dpi > 0 && dpi < math.MaxInt16) {
		dpi = 0
	}
	var sure C.float
	name := C.intray_script(dir, (*C.uchar)(unsafe.Pointer(&picture[0])), C.size_t(len(picture)), C.int(dpi+0.5), &sure)
	if name == nil {
		return "", 0
	}
	defer C.free(unsafe.Pointer(name))
	return C.GoString(name), float64(sure)
}
