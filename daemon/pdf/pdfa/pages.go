package pdfa

import (
	"fmt"
	"math"

	"intray/daemon/pdf/syntax"
)

// maxPages is how many pages a page tree may have.
const maxPages = 100000

// pages walks the page tree (ISO 32000-1, 7.7.3). Only what stands on a page is
// rendered, and only that is asked to be renderable for ever.
func (c *checker) pages() {
	seen := map[int]bool{}
	count := 0
	var walk func(o syntax.Object, inherited syntax.Dict, depth int)
	walk = func(o syntax.Object, inherited syntax.Dict, depth int) {
		ref, _ := o.(syntax.Ref)
		if count > maxPages || depth > 64 || ref.Number == 0 || seen[ref.Number] || c.failure != nil {
			c.add("6.1", "The list of pages cannot be checked.")
			return
		}
		seen[ref.Number] = true
		d := c.dict(o)
		own := syntax.Dict{}
		for _, key := range []syntax.Name{"Resources", "MediaBox", "CropBox"} {
			if own[key] = inherited[key]; d[key] != nil {
				own[key] = d[key]
			}
		}
		if c.name(d["Type"]) == "Pages" || d["Kids"] != nil {
			for _, kid := range c.array(d["Kids"]) {
				walk(kid, own, depth+1)
			}
			return
		}
		count++
		c.where = fmt.Sprintf("on page %d", count)
		c.page(d, own)
		c.where = ""
	}
	walk(c.root["Pages"], nil, 0)
	if count == 0 {
		c.add("6.1", "The file has no pages.")
	}
}

func (c *checker) page(d, inherited syntax.Dict) {
	if c.name(d["Type"]) != "Page" {
		c.add("6.1", "Something in the list of pages is no page.")
		return
	}
	for _, key := range []syntax.Name{"MediaBox", "CropBox", "BleedBox", "TrimBox", "ArtBox"} {
		o := d[key]
		if o == nil {
			o = inherited[key]
		}
		if o != nil || key == "MediaBox" {
			c.box(o)
		}
	}
	r := c.resources(d["Resources"])
	if c.dict(d["Resources"]) == nil {
		if r = c.resources(inherited["Resources"]); len(r.dict) > 0 {
			c.add("6.2.2", "The content%s has no resources of its own.", c.on())
		}
	}
	if data := c.contents(d["Contents"]); data != nil {
		c.content(data, r, "the content")
	}
	if group := c.dict(d["Group"]); group != nil {
		c.group(group, r)
	}
	if c.dict(d["PresSteps"]) != nil || d["PresSteps"] != nil {
		c.add("6.10", "Page transitions are not allowed.")
	}
	c.annotations(d, r)
}

// box checks a page boundary's size (6.1.13).
func (c *checker) box(o syntax.Object) {
	b := c.numbers(o)
	if len(b) != 4 {
		c.add("6.1.13", "The size of the page%s is damaged.", c.on())
		return
	}
	for _, length := range []float64{math.Abs(b[2] - b[0]), math.Abs(b[3] - b[1])} {
		if length < 3 || length > 14400 {
			c.add("6.1.13", "There is a page size%s below 3 or above 14400 units.", c.on())
		}
	}
}

// contents joins a page's content streams.
func (c *checker) contents(o syntax.Object) []byte {
	switch v := c.resolve(o).(type) {
	case nil:
		return nil
	case *syntax.Stream:
		return c.decode(v, "6.2.2", "The content"+c.on())
	case syntax.Array:
		var out []byte
		for _, e := range v {
			if c.resolve(e) == nil {
				continue
			}
			part := c.decode(e, "6.2.2", "The content"+c.on())
			if out = append(append(out, part...), '\n'); len(out) > maxStream {
				c.add("6.2.2", "The content%s is too long to be checked.", c.on())
				return nil
			}
		}
		return out
	}
	c.add("6.2.2", "The content%s is damaged.", c.on())
	return nil
}

// group checks a transparency group (6.2.10).
func (c *checker) group(d syntax.Dict, r *resources) {
	if d["CS"] != nil {
		c.space(d["CS"], r, 0)
	}
}

// transparent notes that something shines through: without an output intent,
// nothing says in which colours it mixes (6.2.10).
func (c *checker) transparent() {
	if c.intent == "" {
		c.add("6.2.10", "There is transparency%s without an output intent.", c.on())
	}
}
