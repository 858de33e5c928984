package pages

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"intray/daemon/pdf/objects"
)

// streams tells of pages' image streams what PDFium does not. It reads the file's
// own objects and opens them when the first one is asked for. A file that only
// PDFium can repair has no streams: its pages are rendered.
type streams struct {
	path   string
	opened bool
	file   *objects.File
	pages  []objects.Page
}

// imageStream is the only image of a page: no mask, no inverted colours, so
// that its samples are what one sees.
type imageStream struct {
	jpeg []byte // nil when the stream is not a plain JPEG
}

// open reads the cross-reference table and the page tree, of n pages.
func (s *streams) open(n int) {
	if s.opened {
		return
	}
	s.opened = true
	f, err := objects.Open(s.path)
	if err != nil {
		return
	}
	_ = f.Unlock() // where it cannot, most objects can be read all the same
	if s.pages, err = f.Pages(n); err != nil {
		f.Close()
		return
	}
	s.file = f
}

func (s *streams) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// singleImage finds the page's only image XObject, which is PDFium's object;
// ok is false when there are several or when it is not plain.
func (p *pdfFile) singleImage(number int, object references.FPDF_PAGEOBJECT) (out imageStream, ok bool) {
	s := p.streams
	if s.open(p.info.Pages); s.file == nil || number > len(s.pages) {
		return out, false
	}
	o, err := s.onlyXObject(s.pages[number-1])
	if err != nil || o.Stream == nil {
		return out, false
	}
	d, _ := o.Value.Dict()
	if !s.plain(d) {
		return out, false
	}
	if filters, err := s.file.Filters(d); err == nil && len(filters) == 1 && filters[0] == "DCTDecode" && s.colours(d) {
		if out.jpeg, err = p.stored(object, o); err != nil {
			return out, false
		}
	}
	return out, true
}

// onlyXObject is the page's only external object, an empty one where it has
// none or several.
func (s *streams) onlyXObject(page objects.Page) (objects.Object, error) {
	d, err := page.Dict()
	if err != nil {
		return objects.Object{}, err
	}
	v := d.Get("Resources")
	if v == nil {
		v = page.Inherited("Resources")
	}
	resources, err := s.file.Dict(v)
	if err != nil {
		return objects.Object{}, err
	}
	list, err := s.file.Dict(resources.Get("XObject"))
	if err != nil || len(list) != 1 {
		return objects.Object{}, err
	}
	ref, _ := list[0].Value.Ref()
	return s.file.Object(ref.Number)
}

// stored is the image's stream as it is, decrypted: PDFium has the key.
func (p *pdfFile) stored(object references.FPDF_PAGEOBJECT, o objects.Object) ([]byte, error) {
	if !p.streams.file.Encrypted() {
		return io.ReadAll(p.streams.file.Raw(*o.Stream))
	}
	raw, err := p.pdfium.FPDFImageObj_GetImageDataRaw(&requests.FPDFImageObj_GetImageDataRaw{ImageObject: object})
	if err != nil {
		return nil, err
	}
	return raw.Data, nil
}

func (s *streams) plain(d objects.Dict) bool {
	if d.Get("Subtype").Name() != "Image" {
		return false
	}
	for _, key := range []string{"Mask", "SMask", "ImageMask", "SMaskInData"} {
		if d.Get(key) != nil {
			return false
		}
	}
	decode := d.Get("Decode")
	return decode == nil || s.asStored(decode)
}

// asStored is true for a Decode array that changes nothing.
func (s *streams) asStored(decode objects.Value) bool {
	v, err := s.file.Resolve(decode)
	if err != nil {
		return false
	}
	list, ok := v.Array()
	for i, o := range list {
		n, err := s.file.Resolve(o)
		if v, isNumber := n.Float(); err != nil || !isNumber || v != float64(i%2) {
			return false
		}
	}
	return ok
}

// colours is true where the JPEG's own samples are the colours on the page.
func (s *streams) colours(d objects.Dict) bool {
	v, err := s.file.Resolve(d.Get("ColorSpace"))
	if err != nil {
		return false
	}
	list, ok := v.Array()
	if !ok {
		return v.Name() == "DeviceGray" || v.Name() == "DeviceRGB"
	}
	if len(list) == 0 {
		return false
	}
	name := list[0].Name()
	return name == "ICCBased" || name == "CalRGB" || name == "CalGray"
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
