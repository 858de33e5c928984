package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// pictures keeps the pages drawn last, in memory only: of a document that is
// purged nothing is left on disk.
type pictures struct {
	drawing  chan struct{} // bounds how many are drawn at once
	patience time.Duration // is for one picture, its wait for a turn included

	mu    sync.Mutex
	kept  map[pictureKey]*kept
	bytes int
	tick  uint64
}

type pictureKey struct {
	document, attempt, state string
	page                     int
}

type kept struct {
	ready chan struct{}
	data  []byte
	err   error
	used  uint64
}

const (
	// mostKept bounds the pictures in memory, in bytes, largestPicture one of them.
	mostKept       = 32 << 20
	largestPicture = 8 << 20
	drawnAtOnce    = 2
	drawPatience   = time.Minute
)

// errBusy is for a picture that was not drawn in time, because others were before
// it or no worker was free. Asked for again, it may be.
var errBusy = errors.New("the page was not drawn in time")

func newPictures() *pictures {
	return &pictures{drawing: make(chan struct{}, drawnAtOnce), patience: drawPatience, kept: map[pictureKey]*kept{}}
}

// get is a picture, drawn if need be. Those who ask for the same at once share
// one drawing, which goes on when one of them leaves.
func (p *pictures) get(ctx context.Context, key pictureKey, draw func(ctx context.Context, out string) error) ([]byte, error) {
	p.mu.Lock()
	k, known := p.kept[key]
	if !known {
		k = &kept{ready: make(chan struct{})}
		p.kept[key] = k
		go p.make(context.WithoutCancel(ctx), key, k, draw)
	}
	p.tick++
	k.used = p.tick
	p.mu.Unlock()
	select {
	case <-k.ready:
		return k.data, k.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pictures) make(ctx context.Context, key pictureKey, k *kept, draw func(ctx context.Context, out string) error) {
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	select {
	case p.drawing <- struct{}{}:
		k.data, k.err = drawInto(ctx, draw)
		<-p.drawing
	case <-ctx.Done():
		k.err = ctx.Err()
	}
	if k.err != nil && ctx.Err() != nil {
		k.err = fmt.Errorf("%w: %w", errBusy, k.err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(k.ready)
	if k.err != nil {
		delete(p.kept, key) // the next may have more luck
		return
	}
	p.bytes += len(k.data)
	for p.bytes > mostKept && p.dropOldest(key) {
	}
}

// dropOldest takes the picture out that was asked for longest ago, other than this.
func (p *pictures) dropOldest(but pictureKey) bool {
	var oldest *pictureKey
	for key, k := range p.kept {
		if key != but && len(k.data) > 0 && (oldest == nil || k.used < p.kept[*oldest].used) {
			oldest = &key
		}
	}
	if oldest == nil {
		return false
	}
	p.bytes -= len(p.kept[*oldest].data)
	delete(p.kept, *oldest)
	return true
}

func drawInto(ctx context.Context, draw func(ctx context.Context, out string) error) (data []byte, err error) {
	dir, err := os.MkdirTemp("", "intray-picture-*")
	if err != nil {
		return nil, fmt.Errorf("make folder for a picture: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := filepath.Join(dir, "page.jpg")
	if err := draw(ctx, out); err != nil {
		return nil, err
	}
	if info, err := os.Stat(out); err != nil || info.Size() > largestPicture {
		return nil, errors.Join(err, errors.New("the picture is too large"))
	}
	return os.ReadFile(out)
}
