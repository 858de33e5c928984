package pages

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"
)

// ownText is the text a PDF page brings along.
type ownText struct {
	chars []*responses.GetPageTextStructuredChar
	// seen are those of them that are not an invisible layer's.
	seen []*responses.GetPageTextStructuredChar
	// letters counts letters and digits.
	letters int
	// why says in a sentence why the text is of no use; "" if it is.
	why string
}

// ownText reads the page's own text and judges it. withoutHidden leaves an
// invisible layer out.
func (p *pdfFile) ownText(number int, c content, withoutHidden bool) (ownText, error) {
	none := ownText{why: "The page has no text of its own; it is read."}
	if c.texts == 0 && (c.hidden == 0 || withoutHidden) {
		return none, nil
	}
	structured, err := p.pdfium.GetPageTextStructured(&requests.GetPageTextStructured{
		Page: p.page(number), Mode: requests.GetPageTextStructuredModeChars,
	})
	if err != nil {
		return none, fmt.Errorf("extract text: %w", err)
	}
	loaded, err := p.pdfium.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: p.page(number)})
	if err != nil {
		return none, fmt.Errorf("load text: %w", err)
	}
	defer func() {
		_, _ = p.pdfium.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: loaded.TextPage})
	}()
	p.mendPairs(loaded.TextPage, structured.Chars)
	t := ownText{chars: structured.Chars, seen: structured.Chars}
	if c.hidden > 0 {
		t.seen = p.shown(loaded.TextPage, structured.Chars)
	}
	if withoutHidden {
		t.chars = t.seen
	}
	t.letters, t.why = judge(t.chars, func(i int) bool {
		e, err := p.pdfium.FPDFText_HasUnicodeMapError(&requests.FPDFText_HasUnicodeMapError{TextPage: loaded.TextPage, Index: i})
		return err == nil && e.HasUnicodeMapError
	})
	return t, nil
}

// shown leaves out the characters nobody sees. Spaces that PDFium adds belong
// to no object and stay.
func (p *pdfFile) shown(page references.FPDF_TEXTPAGE, chars []*responses.GetPageTextStructuredChar) []*responses.GetPageTextStructuredChar {
	var out []*responses.GetPageTextStructuredChar
	for i, ch := range chars {
		object, err := p.pdfium.FPDFText_GetTextObject(&requests.FPDFText_GetTextObject{TextPage: page, Index: i})
		if err == nil {
			mode, err := p.pdfium.FPDFTextObj_GetTextRenderMode(&requests.FPDFTextObj_GetTextRenderMode{PageObject: object.TextObject})
			if err == nil && mode.TextRenderMode == enums.FPDF_TEXTRENDERMODE_INVISIBLE {
				continue
			}
		}
		out = append(out, ch)
	}
	return out
}

// leaders are marks that fill lines in tables of contents and forms: many of
// them say nothing about the text.
const leaders = ".·…_-–—=*•"

// judgedChars bounds how many characters a judgement looks at.
const judgedChars = 5000

// judge counts the letters and digits of a text and says why it is of no use.
// Text that renders as garbage, because a font does not say which letters it
// shows, counts as none. unmapped tells whether the character at an index has
// no Unicode value of its own.
func judge(chars []*responses.GetPageTextStructuredChar, unmapped func(index int) bool) (letters int, why string) {
	marks, broken, swapped := 0, 0, 0
	var text strings.Builder
	for i, ch := range chars {
		for _, r := range ch.Text {
			if i < judgedChars {
				text.WriteRune(r)
			}
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r):
				letters++
				if r > 0xFF && r&0xFF == 0 { // UTF-16 with its bytes the wrong way round
					swapped++
				}
			case r == unicode.ReplacementChar, unicode.Is(unicode.Co, r), unicode.IsControl(r) && !unicode.IsSpace(r) && r != '\x02':
				broken++
			case !unicode.IsSpace(r) && !unicode.Is(unicode.M, r) && !strings.ContainsRune(leaders, r) && r != '\x02' && r != '\uFFFE':
				marks++
			}
		}
		if i < judgedChars && strings.TrimSpace(ch.Text) != "" && unmapped(i) {
			broken++
		}
	}
	switch {
	case letters+broken+marks == 0:
		return letters, "The page has no text of its own; it is read."
	case letters == 0 || broken*3 > letters || marks > letters || swapped*2 > letters || unpronounceable(text.String()):
		return letters, "The page's own text is of no use, since its fonts do not say which letters they show; the page is read."
	}
	return letters, ""
}

// unpronounceable is true for Latin text whose words mostly have no vowel, as
// where each letter stands for another one.
func unpronounceable(text string) bool {
	words, mute := 0, 0
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if w == strings.ToUpper(w) { // an abbreviation or a code
			continue
		}
		w = strings.ToLower(w)
		if len(w) < 4 || strings.ContainsFunc(w, func(r rune) bool { return !unicode.Is(unicode.Latin, r) }) {
			continue
		}
		words++
		// A letter beyond ASCII may well be a vowel.
		if !strings.ContainsAny(w, "aeiouy") && !strings.ContainsFunc(w, func(r rune) bool { return r > unicode.MaxASCII }) {
			mute++
		}
	}
	return words >= 5 && mute*5 > words*2
}
