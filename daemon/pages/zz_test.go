package pages

import (
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestZZ(t *testing.T) {
	dir := os.Getenv("ZZ")
	if dir == "" {
		t.Skip()
	}
	o := &Opener{CacheDir: "/tmp/h-formats/cache", Limits: Limits{MaxPages: 5000, MaxMegapixels: 200}}
	files, _ := filepath.Glob(dir)
	for _, f := range files {
		data, _ := os.ReadFile(f)
		mime := Sniff(data)
		if mime == MIMEPDF || filepath.Ext(f) == ".txt" || filepath.Ext(f) == ".pdf" {
			continue
		}
		start := time.Now()
		d, err := o.Open(context.Background(), f, mime)
		if err != nil {
			fmt.Printf("%-55s %s %v\n", filepath.Base(f), mime, err)
			continue
		}
		for n := 1; n <= d.Info().Pages; n++ {
			p, err := d.Picture(context.Background(), n)
			if err != nil {
				fmt.Printf("%-55s %d %v\n", filepath.Base(f), n, err)
				continue
			}
			s, err := d.(Pictures).Stored(n)
			st := "pixels"
			if s.Stream != nil {
				st = fmt.Sprintf("%s %d", s.Stream.Filter, len(s.Stream.Data))
			} else {
				st = fmt.Sprintf("%T", s.Pixels)
			}
			fmt.Printf("%-55s %d/%d %dx%d dpi %.0f ink %.3f page %.0fx%.0f rot %d icc %d %s %v %v %v\n", filepath.Base(f), n, d.Info().Pages, p.Width, p.Height, p.DPI, p.Ink, p.Geometry.Width, p.Geometry.Height, s.Orientation, len(s.ICC), st, p.Warnings, err, time.Since(start).Round(time.Millisecond))
			out, _ := os.Create(fmt.Sprintf("/tmp/h-formats/png/%s-%d.png", filepath.Base(f), n))
			png.Encode(out, grey8(t, p))
			out.Close()
		}
	}
}
