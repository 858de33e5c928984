// Package barcode finds and reads barcodes in a picture of a page: Code 39, 93
// and 128, Codabar, ITF, EAN, UPC, QR, Data Matrix, Aztec, PDF417 and others,
// turned, leaning, small or inverted.
//
// It reads untrusted pixels and therefore runs only in worker processes. It
// knows no documents: what a barcode means is for others to say.
//
// The reader is zxing-cpp (Apache-2.0) as WebAssembly from the npm package
// zxing-wasm 3.1.4 (MIT), prepared by build.mjs. Like the picture decoders of
// package pages it sees no file and no stream, only the pixels handed to it, and
// has a memory of 256 MB at most. bind.go, imports.go and exceptions.go stand
// between it and Go instead of the package's JavaScript. The ports of ZXing to
// Go know no PDF417 and find fewer of the barcodes that lean.
package barcode

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

//go:embed zxing.wasm.gz
var packed []byte

// Point is a place in the picture, in pixels from its top left.
type Point struct{ X, Y float64 }

// Barcode is one that was read. Format is zxing's name for its kind, such as
// "Code39" or "QRCode". Corners go around it, beginning with the one where it
// would be read from, clockwise unless it is mirrored.
type Barcode struct {
	Format  string
	Text    string
	Corners [4]Point
}

// Reader reads barcodes. It is started by the first picture and stays warm; it
// is not safe for parallel use. The zero value is ready.
type Reader struct {
	// CacheDir holds compiled code between runs; "" compiles anew in every process.
	CacheDir string

	runtime wazero.Runtime
	cache   wazero.CompilationCache
	module  wazero.CompiledModule
	bound   *binding // of the instance in use, nil between two calls
}

// Close ends the reader. It may be called twice.
func (r *Reader) Close() error {
	var errs []error
	if r.runtime != nil {
		errs = append(errs, r.runtime.Close(context.Background()))
	}
	if r.cache != nil {
		errs = append(errs, r.cache.Close(context.Background()))
	}
	*r = Reader{CacheDir: r.CacheDir}
	return errors.Join(errs...)
}

func (r *Reader) start(ctx context.Context) error {
	if r.module != nil {
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	code, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	config := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling)
	if r.CacheDir != "" {
		if r.cache, err = wazero.NewCompilationCacheWithDir(r.CacheDir); err != nil {
			return fmt.Errorf("open cache of compiled code: %w", err)
		}
		config = config.WithCompilationCache(r.cache)
	}
	r.runtime = wazero.NewRuntimeWithConfig(context.Background(), config)
	module, err := r.runtime.CompileModule(ctx, code)
	if err == nil {
		err = r.provide(ctx, module)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start barcode reader: %w", err), r.Close())
	}
	r.module = module
	return nil
}

// Read finds the barcodes in a grey picture: width x height bytes, 0 is black.
// It looks at ctx at its beginning and end only: asking in every loop of the
// module makes it four times as slow, and a worker that takes too long is killed.
// Each call has an instance of its own: what a hostile picture does to its
// memory ends with it.
func (r *Reader) Read(ctx context.Context, grey []byte, width, height int) (found []Barcode, err error) {
	if width <= 0 || height <= 0 || len(grey) != width*height {
		return nil, fmt.Errorf("read barcodes: %d bytes for %d x %d pixels", len(grey), width, height)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	b := newBinding()
	r.bound = b
	defer func() { r.bound = nil }()
	b.module, err = r.runtime.InstantiateModule(ctx, r.module, wazero.NewModuleConfig().WithName("").WithStartFunctions(exportConstructors))
	if err != nil {
		return nil, fmt.Errorf("start barcode reader: %w", err)
	}
	defer func() { err = errors.Join(err, b.module.Close(context.Background())) }()
	defer func() { // what a function of the table cannot take is a panic of wazero's
		if p := recover(); p != nil {
			err = fmt.Errorf("barcode reader: %v", p)
		}
	}()
	pixels := b.allocate(ctx, len(grey))
	if !b.module.Memory().Write(pixels, grey) {
		return nil, errors.New("read barcodes: no room for the picture")
	}
	return b.read(ctx, pixels, width, height), ctx.Err()
}
