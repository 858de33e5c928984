package pdf

import (
	"intray/daemon/pdf/objects"
)

// A linearized file (ISO 32000-1, Annex F) has everything its first page needs
// at its beginning, and tables that say where the other pages are, so that a
// viewer shows it while it still comes over the network. Its parts are those of
// F.3; there is neither an overflow hint stream nor an object stream in ours.

// users are what leads to an object without going through another page.
type users struct {
	first   bool // the first page
	pages   int  // how many other pages
	page    int  // one of those, from 1
	thumbs  int  // how many pages' thumbnails
	opening bool // what a viewer wants when it opens the file
	outline bool
	others  bool
}

// plan is the order of a linearized file's objects.
type plan struct {
	*rewriting
	opened  []int32 // part 4: the catalog and what opening the file takes
	first   []int32 // part 6: the first page
	private []int32 // part 7: the other pages, each with what only it uses
	shared  []int32 // part 8: what several of the other pages use
	rest    []int32 // part 9
	// counts is how many objects of parts 6 and 7 are each page's.
	counts  []int
	uses    [][]int32 // of each page but the first, among the objects of parts 6 and 8
	outline []int32

	stamp []int32 // which walk has seen a part
	walks int32
	steps int
}

const (
	maxSteps = 100_000_000 // of all walks together
)

// linearize puts a linearized file in the place of the one at path. One that
// cannot be linearized, or would grow much by it, stays.
func linearize(path string) (done bool, err error) {
	return replace(path, func(src *objects.File, w *writer) error {
		r, err := newRewriting(src)
		if err != nil {
			return err
		}
		p := &plan{rewriting: r}
		if err := p.make(); err != nil {
			return err
		}
		return p.write(w)
	})
}

// make finds the order.
func (p *plan) make() error {
	if err := p.outlines(); err != nil {
		return err
	}
	if err := p.reachable(); err != nil {
		return err
	}
	p.stamp = make([]int32, len(p.parts))
	if err := p.findUsers(); err != nil {
		return err
	}
	p.order()
	return p.findUses()
}

// outlines gives the outlines an object of their own, which their hint table
// needs.
func (p *plan) outlines() error {
	v, _, err := p.value(p.root)
	if err != nil {
		return err
	}
	catalog, _ := v.Dict()
	if o := catalog.Get("Outlines"); o != nil {
		p.parts[p.root].body = catalog.With("Outlines", p.rewriting.shared(o)).Value()
	}
	return nil
}

// walk calls see once for everything that leads from a part without going
// through a page; top is true where the part itself may be one. go on is true
// for a part of the same walk as the last.
func (p *plan) walk(from int32, top, goOn bool, see func(u *users, i int32)) error {
	if !goOn {
		p.walks++
	}
	for queue := []int32{from}; len(queue) > 0; {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if p.stamp[i] == p.walks || p.parts[i].page && !top {
			continue
		}
		top = false
		p.stamp[i] = p.walks
		if p.steps++; p.steps > maxSteps {
			return errAsIs
		}
		see(&p.parts[i].users, i)
		queue = append(queue, p.parts[i].refs...)
	}
	return nil
}

// walkValue is walk for every reference in a value.
func (p *plan) walkValue(v objects.Value, see func(u *users, i int32)) (err error) {
	p.walks++
	v.Refs(func(ref objects.Ref) {
		if i := p.of(ref); i >= 0 && err == nil {
			err = p.walk(i, false, true, see)
		}
	})
	return err
}

// findUsers walks from every page, from the trailer and from the catalog.
func (p *plan) findUsers() error {
	for n, page := range p.pages {
		err := p.walk(page, true, false, func(u *users, _ int32) {
			if n == 0 {
				u.first = true
			} else {
				u.pages, u.page = u.pages+1, n
			}
		})
		if thumb := p.parts[page].thumb; err == nil && thumb >= 0 {
			err = p.walk(thumb, false, true, func(u *users, _ int32) { u.thumbs++ })
		}
		if err != nil {
			return err
		}
	}
	for _, e := range p.trailer() {
		if e.Key == "Root" {
			continue
		}
		if err := p.walkValue(e.Value, func(u *users, _ int32) { u.others = true }); err != nil {
			return err
		}
	}
	return p.eachCatalogKey(func(key string, v objects.Value) error {
		return p.walkValue(v, func(u *users, _ int32) {
			switch key {
			case "ViewerPreferences", "PageMode", "Threads", "OpenAction", "AcroForm":
				u.opening = true
			case "Outlines":
				u.outline = true
			default:
				u.others = true
			}
		})
	})
}

func (p *plan) eachCatalogKey(do func(key string, v objects.Value) error) error {
	v, _, err := p.value(p.root)
	if err != nil {
		return err
	}
	catalog, _ := v.Dict()
	for _, e := range catalog {
		if err := do(e.Key, e.Value); err != nil {
			return err
		}
	}
	return nil
}

// order puts every part where it belongs.
func (p *plan) order() {
	var firstPrivate, firstShared, thumbs, rest []int32
	private := make([][]int32, len(p.pages))
	for n := range p.parts {
		i, u := int32(n), p.parts[n].users
		alone := !u.others && u.thumbs == 0
		switch {
		case i == p.root || i == p.pages[0]: // both stand first in their parts
		case u.outline:
			p.outline = append(p.outline, i)
		case u.opening:
			p.opened = append(p.opened, i)
		case u.first && alone && u.pages == 0:
			firstPrivate = append(firstPrivate, i)
		case u.first:
			firstShared = append(firstShared, i)
		case u.pages == 1 && alone:
			private[u.page] = append(private[u.page], i)
		case u.pages > 1:
			p.shared = append(p.shared, i)
		case u.thumbs > 0 && !u.others:
			thumbs = append(thumbs, i)
		default:
			rest = append(rest, i)
		}
	}
	p.opened = append([]int32{p.root}, p.opened...)
	p.first = append(append([]int32{p.pages[0]}, firstPrivate...), firstShared...)
	p.rest = append(p.treeFirst(rest), thumbs...)
	early := p.orderOutlines()
	if early {
		p.first = append(p.first, p.outline...)
	} else {
		p.rest = append(p.rest, p.outline...)
	}
	p.counts = append(p.counts, len(p.first))
	for n, page := range p.pages[1:] {
		own := private[n+1]
		p.private = append(p.private, page)
		for _, i := range own {
			if i != page {
				p.private = append(p.private, i)
			}
		}
		p.counts = append(p.counts, len(own))
	}
}

// treeFirst puts the page tree before everything else of the last part.
func (p *plan) treeFirst(rest []int32) []int32 {
	tree := map[int32]bool{}
	for _, page := range p.pages {
		for i := p.parts[page].parent; i >= 0 && !tree[i]; i = p.above(i) {
			tree[i] = true
		}
	}
	var nodes, others []int32
	for _, i := range rest {
		if tree[i] {
			nodes = append(nodes, i)
		} else {
			others = append(others, i)
		}
	}
	return append(nodes, others...)
}

func (p *plan) above(i int32) int32 {
	d, _ := p.parts[i].body.Dict() // nodes of the tree have bodies of their own
	return p.ofValue(d.Get("Parent"))
}

// orderOutlines puts the outlines' root first. early is true where a viewer
// shows them when it opens the file.
func (p *plan) orderOutlines() (early bool) {
	root := int32(-1)
	_ = p.eachCatalogKey(func(key string, v objects.Value) error { // it has been read before
		switch key {
		case "Outlines":
			root = p.ofValue(v)
		case "PageMode":
			early = v.Name() == "UseOutlines"
		}
		return nil
	})
	for n, i := range p.outline {
		if i == root {
			copy(p.outline[1:n+1], p.outline[:n])
			p.outline[0] = root
		}
	}
	return early && len(p.outline) > 0
}

// findUses lists what each page takes from the parts that are shared.
func (p *plan) findUses() error {
	at := make([]int32, len(p.parts))
	for i := range at {
		at[i] = -1
	}
	for n, i := range append(append([]int32(nil), p.first...), p.shared...) {
		at[i] = int32(n)
	}
	p.uses = make([][]int32, len(p.pages))
	for n, page := range p.pages[1:] {
		err := p.walk(page, true, false, func(_ *users, i int32) {
			if at[i] >= 0 {
				p.uses[n+1] = append(p.uses[n+1], at[i])
			}
		})
		if err != nil {
			return err
		}
		if p.refs += len(p.uses[n+1]); p.refs > maxRefs {
			return errAsIs
		}
	}
	return nil
}
