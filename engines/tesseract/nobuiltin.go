//go:build !embedded

package tesseract

import "io/fs"

// builtIn is nil: this edition of the program brings no language models.
func builtIn() fs.FS { return nil }
