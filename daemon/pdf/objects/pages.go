package objects

// Page is a leaf of the page tree (7.7.3). Ref is zero for a page that is
// written directly into its parent's /Kids, and Dict is nil for one that is
// missing; readers count both.
type Page struct {
	Ref    Ref
	direct Value
	up     *node
	file   *File
}

// node is a page tree node as far as pages inherit from it.
type node struct {
	entries Dict
	ref     Ref
	up      *node
}

// inheritable are the keys a page takes from above where it has none (7.7.3.4).
func inheritable(key string) bool {
	return key == "Resources" || key == "MediaBox" || key == "CropBox" || key == "Rotate"
}

const (
	maxTree  = 200     // levels of the page tree
	maxNodes = 200_000 // nodes that are no pages
)

// Pages lists the first limit pages in order.
func (p *File) Pages(limit int) ([]Page, error) {
	root, err := p.Dict(p.Trailer.Get("Root"))
	if err != nil {
		return nil, err
	}
	top := root.Get("Pages")
	ref, _ := top.Ref()
	tree, err := p.Dict(top)
	if err != nil {
		return nil, err
	}
	if tree == nil {
		return nil, damaged("no page tree")
	}
	w := walk{File: p, limit: limit}
	kids, isTree, err := w.kids(tree)
	if err != nil {
		return nil, err
	}
	if !isTree { // one page and no tree
		return []Page{{Ref: ref, file: p}}, nil
	}
	err = w.down(tree, kids, &node{ref: ref}, 0)
	return w.pages, err
}

type walk struct {
	*File
	limit, nodes int
	pages        []Page
}

// kids are a node's children; a dictionary without any list of them is a page,
// whatever its /Type says.
func (w *walk) kids(d Dict) ([]Value, bool, error) {
	v, err := w.Resolve(d.Get("Kids"))
	kids, ok := v.Array()
	return kids, ok, err
}

// down lists the pages below a node.
func (w *walk) down(tree Dict, kids []Value, n *node, depth int) error {
	if w.nodes++; w.nodes > maxNodes || depth > maxTree {
		return damaged("page tree: too many nodes or levels")
	}
	for _, e := range tree {
		if inheritable(e.Key) {
			n.entries = append(n.entries, e)
		}
	}
	for _, kid := range kids {
		if len(w.pages) >= w.limit {
			return nil
		}
		ref, indirect := kid.Ref()
		if indirect && n.within(ref) {
			return damaged("page tree: a node below itself")
		}
		d, err := w.Dict(kid)
		if err != nil {
			return err
		}
		below, isNode, err := w.kids(d)
		if err != nil {
			return err
		}
		if isNode {
			if err := w.down(d, below, &node{ref: ref, up: n}, depth+1); err != nil {
				return err
			}
			continue
		}
		page := Page{Ref: ref, up: n, file: w.File}
		if !indirect {
			page.direct = kid
		}
		w.pages = append(w.pages, page)
	}
	return nil
}

func (n *node) within(r Ref) bool {
	for ; n != nil; n = n.up {
		if n.ref == r {
			return true
		}
	}
	return false
}

// Dict reads the page's dictionary; nil where there is none.
func (p Page) Dict() (Dict, error) {
	if p.Ref.Number == 0 {
		return p.file.Dict(p.direct)
	}
	return p.file.Dict(Value(p.Ref.String()))
}

// Inherited is what key says for the page from above it.
func (p Page) Inherited(key string) Value {
	for n := p.up; n != nil; n = n.up {
		if v := n.entries.Get(key); v != nil {
			return v
		}
	}
	return nil
}
