//go:build embedded

package tesseract

import (
	"embed"
	"io/fs"
)

// own are the models that installers/static-ocr.sh put there. It has to be a
// variable of the package, or nothing is embedded.
//
//go:embed tessdata/*.traineddata
var own embed.FS

// builtIn is the language models inside the program. Where there are some, the
// Leptonica linked in has no decoders: see installers/static-ocr.sh.
func builtIn() fs.FS {
	models, err := fs.Sub(own, "tessdata")
	if err != nil {
		panic(err) // the name above is no path
	}
	return models
}
