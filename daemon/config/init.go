package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// initText is what `intray init` writes. Every other key has a default;
// config.example.toml shows them all.
const initText = `# Intray's configuration. Paths are relative to this file.
# Every key and its default: see config.example.toml.
version = 1
data_dir = "data"          # originals, ledger and work in progress; keep it on a local disk

[[folder]]
name = "front-desk"
path = "in"                # the hot folder: drop scans here
output = "out"             # searchable PDFs and JSON appear here
review = "review"          # what a person should look at
failed = "failed"          # what could not be read, with the reason
engine = "local"

[engine.local]
kind = "tesseract"
languages = ["eng"]        # more: ["eng", "deu"]; each needs its model: intray languages list
`

// WriteInit makes dir with a small configuration and its folders. It never
// replaces a configuration. created lists what was made, in order.
func WriteInit(dir string) (path string, created []string, err error) {
	for _, name := range []string{"in", "out", "review", "failed"} {
		folder := filepath.Join(dir, name)
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			created = append(created, folder)
		}
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return "", created, fmt.Errorf("make folder: %w", err)
		}
	}
	path = filepath.Join(dir, "config.toml")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return path, created, fmt.Errorf("%s exists already and is left as it is", path)
	}
	if err != nil {
		return "", created, fmt.Errorf("write configuration: %w", err)
	}
	_, err = f.WriteString(initText)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", created, fmt.Errorf("write configuration: %w", err)
	}
	return path, append(created, path), nil
}
