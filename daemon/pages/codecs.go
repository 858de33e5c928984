package pages

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"intray/engines"
)

// The decoders of HEIC (libheif 1.18.2 with libde265 1.0.15, LGPL) and AVIF
// (libavif 1.1.1 with libaom 3.10.0, BSD) as WebAssembly: like PDFium they see
// no file and no stream, only the bytes handed to them. The modules are those
// of github.com/gen2brain/heic v0.4.5 and avif v0.4.4 (their recipes and shims
// stand there in lib/). Those packages are not imported: they load a libheif or
// libavif of the machine into the process when it starts, outside any sandbox,
// have no memory limit, and heic's later versions hold a decoder under the AGPL.
//
//go:embed codecs/*.wasm.gz
var codecFiles embed.FS

// codecMemory bounds a decoder's memory, in pages of 64 KB: 1 GB.
const codecMemory = 1 << 14

// codecs are the decoders that have been started.
type codecs struct {
	runtime wazero.Runtime
	cache   wazero.CompilationCache
	modules map[string]wazero.CompiledModule
}

func (c *codecs) close() error {
	var errs []error
	if c.runtime != nil {
		errs = append(errs, c.runtime.Close(context.Background()))
	}
	if c.cache != nil {
		errs = append(errs, c.cache.Close(context.Background()))
	}
	*c = codecs{}
	return errors.Join(errs...)
}

// module compiles a decoder the first time it is needed.
func (c *codecs) module(ctx context.Context, cacheDir, name string) (wazero.CompiledModule, error) {
	if m, ok := c.modules[name]; ok {
		return m, nil
	}
	if c.runtime == nil {
		config := wazero.NewRuntimeConfig().WithMemoryLimitPages(codecMemory).WithCloseOnContextDone(true)
		if cacheDir != "" {
			cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
			if err != nil {
				return nil, fmt.Errorf("open cache of compiled code: %w", err)
			}
			c.cache = cache
			config = config.WithCompilationCache(cache)
		}
		c.runtime = wazero.NewRuntimeWithConfig(context.Background(), config)
		if _, err := wasi_snapshot_preview1.Instantiate(ctx, c.runtime); err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.modules = map[string]wazero.CompiledModule{}
	}
	packed, err := codecFiles.ReadFile("codecs/" + name + ".wasm.gz")
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	code, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	m, err := c.runtime.CompileModule(ctx, code)
	if err != nil {
		return nil, fmt.Errorf("compile decoder: %w", err)
	}
	c.modules[name] = m
	return m, nil
}

// codec is a decoder with the bytes of one file. Each file gets a fresh one:
// what a hostile file does to its memory ends with it.
type codec struct {
	api.Module
	input, size uint64 // where the bytes stand
	numbers     uint64 // room for what the decoder answers, 32 bits each
}

const codecNumbers = 8

func (o *Opener) startCodec(ctx context.Context, name string, data []byte) (*codec, error) {
	compiled, err := o.codecs.module(ctx, o.CacheDir, name)
	if err != nil {
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable,
			Sentence: "The picture decoder could not be started.", Cause: err}
	}
	m, err := o.codecs.runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		return nil, fmt.Errorf("start decoder: %w", err)
	}
	c := &codec{Module: m, size: uint64(len(data))}
	if c.input, err = c.alloc(ctx, c.size); err == nil {
		c.numbers, err = c.alloc(ctx, 4*codecNumbers)
	}
	if err == nil && !m.Memory().Write(uint32(c.input), data) {
		err = errors.New("no room for the file")
	}
	if err != nil {
		return nil, errors.Join(err, m.Close(ctx))
	}
	return c, nil
}

func (c *codec) alloc(ctx context.Context, size uint64) (uint64, error) {
	out, err := c.ExportedFunction("malloc").Call(ctx, size)
	if err == nil && out[0] == 0 {
		err = errors.New("it wants more memory than it may have")
	}
	if err != nil {
		return 0, fmt.Errorf("decoder: %w", err)
	}
	return out[0], nil
}

// at is where the decoder puts its n-th number.
func (c *codec) at(n uint64) uint64 { return c.numbers + 4*n }

func (c *codec) number(n uint64) int {
	v, _ := c.Memory().ReadUint32Le(uint32(c.at(n)))
	return int(v)
}

// decode calls the decoder. Its answer is 0 for a file it does not take.
func (c *codec) decode(ctx context.Context, arguments ...uint64) error {
	out, err := c.ExportedFunction("decode").Call(ctx, append([]uint64{c.input, c.size}, arguments...)...)
	if err != nil {
		return fmt.Errorf("decoder: %w", err)
	}
	if out[0] == 0 {
		return errors.New("the decoder does not take it")
	}
	return nil
}

// output copies what the decoder wrote.
func (c *codec) output(at, size uint64) ([]byte, error) {
	view, ok := c.Memory().Read(uint32(at), uint32(size))
	if !ok {
		return nil, errors.New("decoder: its answer lies outside its memory")
	}
	return bytes.Clone(view), nil
}
