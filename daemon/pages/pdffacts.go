package pages

import (
	"github.com/klippa-app/go-pdfium/requests"

	"intray/daemon/document"
	"intray/daemon/pdf/objects"
)

// catalog says what a PDF is besides its pages (ISO 32000-1, 7.7.2).
type catalog struct {
	signed    bool
	form      bool // fields to fill in
	xfa       bool // a form that only its maker's program shows
	portfolio bool
	tagged    bool
	// units are the sizes of user space units in points, of pages where that is
	// not 1 (14.11.2, table 30).
	units map[int]float64
}

// readCatalog reads the file's own objects. ok is false for files that only a
// reader with a gift for repair understands, and for encrypted ones that are
// beyond us.
func readCatalog(path string) (c catalog, ok bool) {
	f, err := objects.Open(path)
	if err != nil {
		return c, false
	}
	defer f.Close()
	_ = f.Unlock() // where it cannot, most objects can be read all the same
	root, err := f.Dict(f.Trailer.Get("Root"))
	if err != nil || root == nil {
		return c, false
	}
	c.units = userUnits(f)
	c.portfolio = root.Get("Collection") != nil
	c.tagged = root.Get("StructTreeRoot") != nil
	form, err := f.Dict(root.Get("AcroForm"))
	if err != nil {
		return c, false
	}
	fields, err := f.Resolve(form.Get("Fields"))
	if err != nil {
		return c, false
	}
	list, _ := fields.Array()
	c.form = len(list) > 0
	// A dynamic form has no pages of its own, only one that asks to wait for
	// another program (12.7.8; NeedsRendering, table 28).
	c.xfa = root.Get("NeedsRendering").Bool() || form.Get("XFA") != nil && !c.form
	permissions, err := f.Dict(root.Get("Perms"))
	if err != nil {
		return c, false
	}
	for _, key := range []string{"DocMDP", "UR3", "UR"} {
		c.signed = c.signed || permissions.Get(key) != nil
	}
	w := formWalk{f: f, seen: map[int]bool{}}
	for _, field := range list {
		if err := w.look(field, "", nil, 0); err != nil {
			return c, false
		}
	}
	c.signed = c.signed || w.signed
	return c, true
}

// userUnits reads the pages' UserUnit.
func userUnits(f *objects.File) map[int]float64 {
	units := map[int]float64{}
	pages, err := f.Pages(maxFields)
	if err != nil {
		return nil
	}
	for i, page := range pages {
		dict, err := page.Dict()
		if err != nil {
			continue
		}
		v, err := f.Resolve(dict.Get("UserUnit"))
		if err != nil {
			continue
		}
		if unit, ok := v.Float(); ok && unit > 0 && unit != 1 && unit <= mostUnit {
			units[i+1] = unit
		}
	}
	return units
}

// mostUnit makes the largest page some 380 km long, which is the most that
// readers allow.
const mostUnit = 75_000

// formWalk walks a form's fields (12.7.3): their type and value may stand above
// them.
type formWalk struct {
	f      *objects.File
	seen   map[int]bool
	signed bool
}

const (
	maxFieldDepth = 64
	maxFields     = 200_000
)

// look takes the field and what is below it. A signature field is signed once it
// has a value.
func (w *formWalk) look(field objects.Value, kind string, value objects.Value, depth int) error {
	if r, ok := field.Ref(); ok {
		if w.seen[r.Number] || len(w.seen) > maxFields {
			return nil
		}
		w.seen[r.Number] = true
	}
	d, err := w.f.Dict(field)
	if err != nil || d == nil || depth > maxFieldDepth {
		return err
	}
	own, err := w.f.Resolve(d.Get("FT"))
	if err != nil {
		return err
	}
	if own != nil {
		kind = own.Name()
	}
	if v := d.Get("V"); v != nil {
		value = v
	}
	if kind == "Sig" && value != nil {
		signature, err := w.f.Dict(value)
		if err != nil {
			return err
		}
		w.signed = w.signed || signature.Get("Contents") != nil || signature.Get("ByteRange") != nil
	}
	below, err := w.f.Resolve(d.Get("Kids"))
	if err != nil {
		return err
	}
	kids, _ := below.Array()
	for _, kid := range kids {
		if err := w.look(kid, kind, value, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// signedAnyway asks PDFium about signatures where the file's own objects cannot
// be read. It finds only fields without parents, and empty ones as well.
func (p *pdfFile) signedAnyway() bool {
	count, err := p.pdfium.FPDF_GetSignatureCount(&requests.FPDF_GetSignatureCount{Document: p.doc})
	if err != nil {
		return false
	}
	for i := range min(count.Count, maxFields) {
		s, err := p.pdfium.FPDF_GetSignatureObject(&requests.FPDF_GetSignatureObject{Document: p.doc, Index: i})
		if err != nil {
			return false
		}
		signature, err := p.pdfium.FPDFSignatureObj_GetContents(&requests.FPDFSignatureObj_GetContents{Signature: s.Signature})
		if err == nil && len(signature.Contents) > 0 {
			return true
		}
	}
	return false
}

// describeCatalog adds to Info what concerns the document as a whole.
func (p *pdfFile) describeCatalog() {
	c, ok := readCatalog(p.f.Name())
	if !ok {
		c.signed = p.signedAnyway()
	}
	p.info.Signed, p.units = c.signed, c.units
	warn := func(code, message string) {
		p.info.Warnings = append(p.info.Warnings, document.Warning{Code: code, Message: message})
	}
	if c.xfa {
		warn("xfa_form", "The PDF is a dynamic form (XFA): its real content is only shown by the program it was made for, and was not read.")
	}
	if c.portfolio {
		warn("portfolio", "The PDF is a portfolio: only its cover was read, not the documents embedded in it; they are kept.")
	}
}
