package pages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// engine is PDFium as WebAssembly: it sees no file system and no standard
// streams, only the bytes handed to it.
type engine struct {
	cache wazero.CompilationCache
	pool  pdfium.Pool
	pdfium.Pdfium
}

func startPDFium(cacheDir string) (*engine, error) {
	config := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling)
	e := &engine{}
	if cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
		if err != nil {
			return nil, fmt.Errorf("open cache of compiled code: %w", err)
		}
		e.cache = cache
		config = config.WithCompilationCache(cache)
	}
	// Its defaults would mount the whole disk and write to the standard
	// streams, which a service does not have.
	pool, err := webassembly.Init(webassembly.Config{
		MinIdle: 1, MaxIdle: 1, MaxTotal: 1, ReuseWorkers: true,
		FSConfig: wazero.NewFSConfig(), Stdout: io.Discard, Stderr: io.Discard, RuntimeConfig: config,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start PDFium: %w", err), e.close())
	}
	e.pool = pool
	if e.Pdfium, err = pool.GetInstance(time.Minute); err != nil {
		return nil, errors.Join(fmt.Errorf("start PDFium: %w", err), e.close())
	}
	return e, nil
}

func (e *engine) close() error {
	var errs []error
	if e.pool != nil {
		errs = append(errs, e.pool.Close())
	}
	if e.cache != nil {
		errs = append(errs, e.cache.Close(context.Background()))
	}
	return errors.Join(errs...)
}
