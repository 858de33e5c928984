package tesseract

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"intray/engines"
)

// sureScript is Tesseract's confidence in a script from which on it is believed.
// Pages of a few lines have 9 and more, loops and scrawls 4 and less.
const sureScript = 6

// scripts are the ISO 15924 codes of the scripts that Tesseract's orientation model
// tells apart, by the names it has for them. Blackletter is Latin: the difference
// is the model's to read, and cloud services make none.
var scripts = map[string]string{
	"Arabic": "Arab", "Armenian": "Armn", "Bengali": "Beng", "Canadian_Aboriginal": "Cans", "Cherokee": "Cher", "Cyrillic": "Cyrl",
	"Devanagari": "Deva", "Ethiopic": "Ethi", "Fraktur": "Latn", "Georgian": "Geor", "Greek": "Grek", "Gujarati": "Gujr", "Gurmukhi": "Guru",
	"Han": "Hani", "HanS": "Hani", "HanT": "Hani", "Hangul": "Hang", "Hebrew": "Hebr", "Hiragana": "Jpan", "Japanese": "Jpan", "Kannada": "Knda", "Katakana": "Jpan",
	"Khmer": "Khmr", "Korean": "Hang", "Lao": "Laoo", "Latin": "Latn", "Malayalam": "Mlym", "Myanmar": "Mymr", "Oriya": "Orya", "Sinhala": "Sinh",
	"Syriac": "Syrc", "Tamil": "Taml", "Telugu": "Telu", "Thaana": "Thaa", "Thai": "Thai", "Tibetan": "Tibt",
}

// Script asks the orientation model, which takes a third of a second. It answers
// nothing where that is not installed or not sure.
func (r *Recognizer) Script(ctx context.Context, page engines.Page) (engines.Script, error) {
	if !r.orients || len(page.Image) == 0 || checkPicture(page.Image) != nil {
		return engines.Script{}, ctx.Err()
	}
	name, sure, err := r.reader.script(ctx, page)
	code := scripts[name]
	if err != nil || code == "" || sure < sureScript {
		return engines.Script{}, err
	}
	models := page.Languages
	if len(models) == 0 {
		models = r.languages
	}
	return engines.Script{Code: code, Name: strings.ReplaceAll(name, "_", " "), Read: readable(models, code)}, nil
}

// readable is true when one of the models may read the script. Where a model does
// not say what it reads, it may be any.
func readable(models []string, code string) bool {
	return slices.ContainsFunc(models, func(model string) bool {
		name := strings.TrimPrefix(model, "script/")
		own, known := scripts[strings.TrimSuffix(name, "_vert")]
		if !known {
			own, known = scriptOf(name)
		}
		// Japanese and Korean pages have Chinese characters, too.
		return !known || own == code || code == "Hani" && (own == "Jpan" || own == "Hang") || code == "Jpan" && own == "Hani"
	})
}

// scriptOf is the script that a language is written in.
func scriptOf(model string) (code string, known bool) {
	base, variant, _ := strings.Cut(model, "_")
	switch {
	case base == "grc": // of which Linear B is another
		return "Grek", true
	case base == "chi":
		return "Hani", true
	case variant == "cyrl":
		return "Cyrl", true
	case variant == "latn" || variant == "frak":
		return "Latn", true
	}
	tag, err := language.Parse(base)
	if err != nil {
		return "", false
	}
	script, confidence := tag.Script()
	if confidence == language.No {
		return "", false
	}
	switch code = script.String(); code {
	case "Kore":
		code = "Hang"
	case "Hans", "Hant":
		code = "Hani"
	}
	return code, true
}
