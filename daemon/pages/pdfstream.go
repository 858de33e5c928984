package pages

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// streams gives the image streams of a PDF as they are stored, through pdfcpu,
// which is opened when the first one is asked for. A file pdfcpu cannot read
// has no streams: its pages are rendered.
type streams struct {
	path   string
	opened bool
	ctx    *model.Context
}

// imageStream is the only image of a page: no mask, no inverted colours, so
// that its samples are what one sees.
type imageStream struct {
	jpeg []byte // nil when the stream is not a plain JPEG
}

func (s *streams) open() {
	if s.opened {
		return
	}
	s.opened = true
	defer func() {
		if recover() != nil { // a parser's panic on a hostile file is an answer too
			s.ctx = nil
		}
	}()
	f, err := os.Open(s.path)
	if err != nil {
		return
	}
	defer f.Close()
	model.ConfigPath = "disable" // no configuration folder in the user's home
	conf := model.NewDefaultConfiguration()
	conf.ValidationMode = model.ValidationRelaxed
	ctx, err := pdfcpu.Read(f, conf)
	if err != nil || ctx.EnsurePageCount() != nil {
		return
	}
	s.ctx = ctx
}

// singleImage finds the page's only image XObject; ok is false when there are
// several or when it is not plain.
func (s *streams) singleImage(number int) (out imageStream, ok bool) {
	s.open()
	if s.ctx == nil {
		return out, false
	}
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	_, _, inherited, err := s.ctx.PageDict(number, false)
	if err != nil || inherited == nil {
		return out, false
	}
	dict, err := s.ctx.DereferenceDict(inherited.Resources["XObject"])
	if err != nil || len(dict) != 1 {
		return out, false
	}
	for _, object := range dict {
		stream, _, err := s.ctx.DereferenceStreamDict(object)
		if err != nil || stream == nil || !s.plain(stream.Dict) {
			return out, false
		}
		filters := stream.FilterPipeline
		if len(filters) == 1 && filters[0].Name == "DCTDecode" && s.colours(stream.Dict) {
			out.jpeg = stream.Raw
		}
		return out, true
	}
	return out, false
}

func (s *streams) plain(d types.Dict) bool {
	if subtype := d.Subtype(); subtype == nil || *subtype != "Image" {
		return false
	}
	for _, key := range []string{"Mask", "SMask", "ImageMask", "SMaskInData"} {
		if _, found := d.Find(key); found {
			return false
		}
	}
	decode, found := d.Find("Decode")
	return !found || s.asStored(decode)
}

// asStored is true for a Decode array that changes nothing.
func (s *streams) asStored(decode types.Object) bool {
	a, err := s.ctx.DereferenceArray(decode)
	for i, o := range a {
		if v, numErr := s.ctx.DereferenceNumber(o); numErr != nil || v != float64(i%2) {
			return false
		}
	}
	return err == nil
}

// colours is true where the JPEG's own samples are the colours on the page.
func (s *streams) colours(d types.Dict) bool {
	o, err := s.ctx.Dereference(d["ColorSpace"])
	if err != nil {
		return false
	}
	switch cs := o.(type) {
	case types.Name:
		return cs == "DeviceGray" || cs == "DeviceRGB"
	case types.Array:
		name, _ := cs[0].(types.Name)
		return name == "ICCBased" || name == "CalRGB" || name == "CalGray"
	}
	return false
}

// decodeJPEG returns nil when the stream is not a JPEG that Go's decoder takes.
// One whose size is not width x height pixels is another picture than the page
// shows, or asks for more memory than its page was checked for: nil, too.
func (s imageStream) decodeJPEG(width, height int) (image.Image, error) {
	if s.jpeg == nil {
		return nil, nil
	}
	if c, err := jpeg.DecodeConfig(bytes.NewReader(s.jpeg)); err == nil && (c.Width != width || c.Height != height) {
		return nil, nil
	}
	img, err := jpeg.Decode(bytes.NewReader(s.jpeg))
	if _, unsupported := err.(jpeg.UnsupportedError); unsupported {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("decode JPEG stream: %w", err)
	}
	return img, nil
}
