//go:build !cgo

package tesseract

func newReader(o options) reader { return newCommand(o) }
