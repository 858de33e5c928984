// Package split decides where one file becomes several documents: at separator
// sheets, at barcodes that begin a document, after so many pages, at blank
// pages. It also decides which blank pages are left out.
//
// It is pure: it sees what stands out on each page and says which pages belong
// together. Cutting files is the workers' business, recording parts the ledger's.
package split

import (
	"fmt"
	"strings"

	"intray/daemon/config"
)

// Page is what stands out on one page. Ink is the share of dark pixels, 0..1;
// Text is true when it brings text along.
type Page struct {
	Ink      float64
	Text     bool
	Barcodes []Barcode
}

// Barcode is one on a page.
type Barcode struct{ Format, Text string }

// Part is one document: its pages, from 1, and the barcode it began with, if any.
type Part struct {
	Pages []int
	Code  string
}

// Dropped is a page that is in no part, and why, in a sentence.
type Dropped struct {
	Page int
	Why  string
	Ink  float64
}

// blankInk is the share of dark pixels below which a page is blank: about three
// letters on an A4 sheet, or the dust of a dirty glass.
const blankInk = 0.0005

func (p Page) blank() bool { return !p.Text && p.Ink < blankInk && len(p.Barcodes) == 0 }

// Needs says what has to be known of a folder's pages: whether anything, and
// whether their barcodes.
func Needs(f config.Folder) (look, barcodes bool) {
	look = f.BlankPages == config.BlankRemove
	for _, r := range f.Split {
		look = look || r.Blank || r.Pages > 0 || r.Separator != "" || r.Barcode != ""
		barcodes = barcodes || r.Separator != "" || r.Barcode != ""
	}
	return look || barcodes, barcodes
}

// Plan puts every page into exactly one part or among the dropped.
func Plan(f config.Folder, pages []Page) (parts []Part, dropped []Dropped) {
	var now Part
	end := func() {
		if len(now.Pages) > 0 {
			parts = append(parts, now)
		}
		now = Part{}
	}
	for i, p := range pages {
		number := i + 1
		drop := func(why string) { dropped = append(dropped, Dropped{number, why, p.Ink}) }
		switch met, code := meets(f.Split, p, len(now.Pages)); {
		case met.Separator != "":
			end()
			drop(fmt.Sprintf("Separator sheet: its barcode says %q.", code))
			continue
		case met.Blank:
			end()
			drop(fmt.Sprintf("Blank page between two documents: %.3f %% of it is dark.", 100*p.Ink))
			continue
		case met.Barcode != "":
			end()
			now.Code = code
		case met.Pages > 0:
			end()
		}
		if f.BlankPages == config.BlankRemove && p.blank() {
			drop(fmt.Sprintf("Blank page, left out as the folder's blank_pages = \"remove\" asks: %.3f %% of it is dark.", 100*p.Ink))
			continue
		}
		now.Pages = append(now.Pages, number)
	}
	end()
	return parts, dropped
}

// meets finds the rule that begins something new at a page: the first that what
// is on the page meets, else one by number; have is how many pages the document
// before it has.
func meets(rules []config.SplitRule, p Page, have int) (config.SplitRule, string) {
	for _, r := range rules {
		if r.Blank && p.blank() {
			return r, ""
		}
		for _, b := range p.Barcodes {
			if r.Matches(b.Format, b.Text) {
				return r, b.Text
			}
		}
	}
	for _, r := range rules {
		if r.Pages > 0 && have >= r.Pages {
			return r, ""
		}
	}
	return config.SplitRule{}, ""
}

// Names gives each part a name after the file's: scan.pdf becomes scan-1.pdf,
// scan-2.pdf, or scan-ASN00123.pdf by the barcode a part began with. A part that
// is alone keeps the file's name. The ending is that of the PDF it becomes.
func Names(file string, parts []Part) []string {
	stem := file
	if i := strings.LastIndexByte(file, '.'); i > 0 {
		stem = file[:i]
	}
	names, used := make([]string, len(parts)), map[string]bool{}
	for i, p := range parts {
		name := stem
		if len(parts) > 1 {
			name = fmt.Sprintf("%s-%d", stem, i+1)
		}
		if code := plain(p.Code); code != "" && !used[stem+"-"+code] {
			name = stem + "-" + code
		}
		used[name] = true
		names[i] = name + ".pdf"
	}
	return names
}

// longestCode bounds what of a barcode's text goes into a name.
const longestCode = 40

// plain is what of a barcode's text every file system takes.
func plain(code string) string {
	var b strings.Builder
	for _, r := range code {
		switch {
		case b.Len() >= longestCode:
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			b.WriteRune(r)
		case b.Len() > 0:
			b.WriteByte('_')
		}
	}
	return strings.Trim(b.String(), "_")
}
