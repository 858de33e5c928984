package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"intray/daemon/document"
	"intray/daemon/pdf/objects"
)

// page writes a new version of page number's dictionary and what it needs.
//
// The text stands before the page's own content, where nothing that content
// leaves behind can reach it: a moved origin, an open text object, a Q too many.
// Being invisible it covers nothing. What straightens the page follows it and is
// not undone at the content's end, for the same reason.
func (u *update) page(number int) error {
	l, err := u.layers.of(number)
	if err != nil {
		return err
	}
	if number > len(u.pages) {
		return fmt.Errorf("the page tree has %d pages only", len(u.pages))
	}
	page := u.pages[number-1]
	if page.Ref.Number == 0 {
		return errors.New("the page is no object of its own")
	}
	if u.done[page.Ref.Number] {
		return nil // the same page once more: what it says, it says already
	}
	u.done[page.Ref.Number] = true
	d, err := page.Dict()
	if err != nil {
		return rewriteFirst(err)
	}
	if d == nil {
		return fmt.Errorf("object %d is no page", page.Ref.Number)
	}
	if l.Turn != 0 {
		d = d.With("Rotate", fmt.Append(nil, (u.rotation(page, d)+l.Turn)%360))
	}
	if d, err = u.content(page, d, l); err != nil {
		return err
	}
	return u.w.object(object{number: page.Ref.Number, generation: page.Ref.Generation, body: d.Value()})
}

// rotation is the page's own turn, 0..270.
func (u *update) rotation(page objects.Page, d objects.Dict) int {
	v := d.Get("Rotate")
	if v == nil {
		v = page.Inherited("Rotate")
	}
	v, err := u.src.Resolve(v)
	degrees, ok := v.Float()
	if err != nil || !ok {
		return 0
	}
	return ((int(degrees)/90)%4 + 4) % 4 * 90
}

// pageContent is what a page shows: what is new in front of its content streams.
type pageContent struct {
	resources objects.Dict
	front     []byte // with the picture of a forced page
	before    []byte // what straightens the content
	contents  []objects.Value
	changed   bool // more than front and before
}

// content gives the page its new content and the resources for it.
func (u *update) content(page objects.Page, d objects.Dict, l Layer) (objects.Dict, error) {
	c, err := u.treated(page, d, l)
	if err != nil {
		return nil, err
	}
	if straight, ok := l.straighten(); ok && l.Treat != TreatForce {
		c.before = []byte(concat(straight))
	}
	if !l.empty() {
		name, with, err := u.withFont(c.resources)
		if err != nil {
			return nil, err
		}
		text := bytes.NewBuffer(c.front)
		if err := l.write(text, u.codes, name); err != nil {
			return nil, err
		}
		c.resources, c.front = with, text.Bytes()
	}
	if len(c.front)+len(c.before) == 0 && !c.changed {
		return d, nil // only turned
	}
	if u.tagged && len(c.front) > 0 {
		// What is neither in the structure nor an artifact must not be in a tagged
		// PDF (ISO 32000-1, 14.8.2.2; PDF/UA asks the same). The reading order of
		// the structure is somebody's work and stays as it is.
		c.front = slices.Concat([]byte("/Artifact BMC\n"), c.front, []byte("EMC\n"))
	}
	list := []byte("[")
	if content := append(c.front, c.before...); len(content) > 0 {
		own := u.take()
		if err := u.w.object(object{number: own, body: stream("", content)}); err != nil {
			return nil, err
		}
		list = fmt.Appendf(list, "%d 0 R ", own)
	}
	for _, v := range c.contents {
		list = append(append(list, v...), ' ')
	}
	return d.With("Resources", c.resources.Value()).With("Contents", append(bytes.TrimSpace(list), ']')), nil
}

// treated is the page's own content as far as the layer leaves it.
func (u *update) treated(page objects.Page, d objects.Dict, l Layer) (c pageContent, err error) {
	if l.Treat == TreatForce {
		return u.force(l)
	}
	if c.resources, err = u.resources(page, d); err != nil {
		return c, err
	}
	if c.contents, err = u.contents(d); err == nil && l.Treat == TreatRedo {
		err = u.redo(l.Page.Number, &c)
	}
	if err != nil {
		return c, rewriteFirst(err)
	}
	return c, nil
}

// force is a picture of the page. Nothing of the old content is left, hence
// neither are its resources.
func (u *update) force(l Layer) (c pageContent, err error) {
	if u.raster == nil {
		return c, errors.New("nobody draws the page")
	}
	picture, err := u.raster(l.Page.Number)
	if err != nil {
		return c, err
	}
	image, err := u.picture(picture)
	if err != nil {
		return c, err
	}
	placed, ok := l.cover(picture)
	if !ok {
		return c, errors.New("user space does not map to the page")
	}
	c.resources = c.resources.With("XObject", fmt.Appendf(nil, "<< /Im0 %d 0 R >>", image))
	c.front = []byte("q\n" + concat(placed) + "/Im0 Do\nQ\n")
	u.forced++
	return c, nil
}

// cover maps a picture's unit square to the whole page, in user space.
func (l Layer) cover(p Picture) (document.Matrix, bool) {
	back, ok := l.UserToPage.Inverse()
	p.PageWidth, p.PageHeight = l.Page.Width, l.Page.Height
	m := placement(p).Then(document.Matrix{1, 0, 0, -1, 0, p.PageHeight}).Then(back)
	if straight, slanted := l.straighten(); slanted {
		m = m.Then(straight)
	}
	return m, ok
}

// turnedPlacement is placement on a page turned clockwise, with the turned
// page's size.
func turnedPlacement(p Picture, degrees int) (m document.Matrix, width, height float64) {
	width, height = p.PageWidth, p.PageHeight
	turn := document.Turn(width, height, degrees)
	m = placement(p).Then(document.Matrix{1, 0, 0, -1, 0, height}).Then(turn)
	if degrees%180 != 0 {
		width, height = height, width
	}
	return m.Then(document.Matrix{1, 0, 0, -1, 0, height}), width, height
}

// contents lists the page's content streams.
func (u *update) contents(d objects.Dict) ([]objects.Value, error) {
	v := d.Get("Contents")
	resolved, err := u.src.Resolve(v)
	if err != nil || resolved == nil {
		return nil, err
	}
	if list, ok := resolved.Array(); ok {
		return list, nil
	}
	return []objects.Value{v}, nil
}

// resources are the page's own or those it inherits.
func (u *update) resources(page objects.Page, d objects.Dict) (objects.Dict, error) {
	v := d.Get("Resources")
	if v == nil {
		v = page.Inherited("Resources")
	}
	resources, err := u.src.Dict(v)
	if err != nil {
		return nil, rewriteFirst(fmt.Errorf("resources: %w", err))
	}
	return resources, nil
}

// withFont adds the invisible font under a name that is free.
func (u *update) withFont(resources objects.Dict) (string, objects.Dict, error) {
	fonts, err := u.src.Dict(resources.Get("Font"))
	if err != nil {
		return "", nil, rewriteFirst(fmt.Errorf("fonts: %w", err))
	}
	name := "Intray"
	for i := 1; fonts.Get(name) != nil; i++ {
		name = fmt.Sprintf("Intray%d", i)
	}
	fonts = fonts.With(name, fmt.Appendf(nil, "%d 0 R", u.font))
	return name, resources.With("Font", fonts.Value()), nil
}
