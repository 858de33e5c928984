package pdfa

import (
	"intray/daemon/pdf/syntax"
)

// What the catalog says: permissions, forms, actions, layers (ISO 19005-2,
// 6.1.12, 6.4, 6.5, 6.9 to 6.11).

func (c *checker) catalog() {
	for key := range c.dict(c.root["Perms"]) {
		if key != "UR3" && key != "DocMDP" {
			c.add("6.1.12", "The permissions have the entry %s.", plain(key))
		}
	}
	if c.root["NeedsRendering"] != nil {
		c.add("6.4.2", "The file is a form that has yet to be drawn (XFA).")
	}
	if c.root["Requirements"] != nil {
		c.add("6.11", "The file states what a reader must be able to do.")
	}
	if version := c.name(c.root["Version"]); version != "" && (len(version) != 3 || version[:2] != "1." || version[2] < '0' || version[2] > '7') {
		c.add("6.1.2", "The file is of PDF version %s.", plain(version))
	}
	names := c.dict(c.root["Names"])
	if names["AlternatePresentations"] != nil {
		c.add("6.10", "The file has alternate presentations.")
	}
	if names["JavaScript"] != nil {
		c.add("6.5.1", "The file has a script in it.")
	}
	if names["EmbeddedFiles"] != nil && c.dict(names["EmbeddedFiles"]) != nil {
		tree := c.dict(names["EmbeddedFiles"])
		if len(c.array(tree["Names"]))+len(c.array(tree["Kids"])) > 0 {
			c.add("6.8", "A file is attached.")
		}
	}
	c.form()
	c.layers()
}

// form checks the interactive form (6.4).
func (c *checker) form() {
	form := c.dict(c.root["AcroForm"])
	if form["XFA"] != nil {
		c.add("6.4.2", "The file is an XFA form.")
	}
	if need, _ := c.resolve(form["NeedAppearances"]).(bool); need {
		c.add("6.4.1", "The form's fields have yet to be drawn.")
	}
}

// layers checks optional content (6.9).
func (c *checker) layers() {
	properties := c.dict(c.root["OCProperties"])
	if properties == nil {
		return
	}
	configurations := append(syntax.Array{properties["D"]}, c.array(properties["Configs"])...)
	names := map[syntax.String]bool{}
	for _, o := range configurations {
		d := c.dict(o)
		name, _ := c.resolve(d["Name"]).(syntax.String)
		if name == "" || names[name] {
			c.add("6.9", "A configuration of layers has no name of its own.")
		}
		names[name] = true
		if d["AS"] != nil {
			c.add("6.9", "Layers show or hide by themselves.")
		}
		if order := d["Order"]; order != nil {
			listed := map[int]bool{}
			c.listed(order, listed, 0)
			for _, o := range c.array(properties["OCGs"]) {
				if r, ok := o.(syntax.Ref); !ok || !listed[r.Number] {
					c.add("6.9", "A layer is missing in the list of layers.")
				}
			}
		}
	}
}

func (c *checker) listed(o syntax.Object, into map[int]bool, depth int) {
	if r, ok := o.(syntax.Ref); ok {
		if into[r.Number] {
			return
		}
		into[r.Number] = true
	}
	if depth > 32 {
		return
	}
	for _, e := range c.array(o) {
		c.listed(e, into, depth+1)
	}
}

// action checks one action and those that follow it (6.5.1). o may be something
// else: /A and /Next have other meanings in some dictionaries.
func (c *checker) action(o syntax.Object, depth int) {
	if ref, ok := o.(syntax.Ref); ok {
		if c.visited[visit{number: ref.Number, what: "action"}] {
			return
		}
		c.visited[visit{number: ref.Number, what: "action"}] = true
	}
	if depth > 32 {
		c.add("6.5.1", "A chain of actions is too long to be checked.")
		return
	}
	if a := c.array(o); a != nil {
		for _, e := range a {
			if _, indirect := e.(syntax.Ref); !indirect || c.name(c.dict(e)["Type"]) == "Action" || c.dict(e)["S"] != nil {
				c.action(e, depth+1)
			}
		}
		return
	}
	d := c.dict(o)
	kind := c.name(d["S"])
	if kind == "" || c.name(d["Type"]) == "StructElem" {
		return
	}
	switch kind {
	case "GoTo", "GoToR", "GoToE", "Thread", "URI", "SubmitForm":
	case "Named":
		if n := c.name(d["N"]); !oneOf(n, "NextPage", "PrevPage", "FirstPage", "LastPage") {
			c.add("6.5.1", "There is an action called %s.", plain(n))
		}
	default:
		c.add("6.5.1", "There is an action of the kind %s.", plain(kind))
	}
	if d["Next"] != nil {
		c.action(d["Next"], depth+1)
	}
}
