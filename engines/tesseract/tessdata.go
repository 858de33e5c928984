package tesseract

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// modelSuffix ends the name of every model's file.
const modelSuffix = ".traineddata"

// abandoned is the age at which a file that was never finished belongs to
// nobody any more.
const abandoned = time.Hour

// systemTessdata lists where models that were installed on this machine may
// stand, the first choice first.
func systemTessdata() []string {
	out := []string{"/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata"}
	if dir := os.Getenv("TESSDATA_PREFIX"); dir != "" {
		out = slices.Insert(out, 0, dir)
	}
	return out
}

// unpack puts the program's own models into a folder below cache, beside them
// links to the models of system that have other names, and returns it. One
// folder, because Tesseract loads all languages of a page, and the orientation
// model, from one. Its name is the hash of the models, so that programs of
// other versions have folders of their own. Any number of processes may do this
// at once: each file appears whole, by a rename, and is the same whoever wrote
// it. A link that cannot be made is no error; its language is missing then.
func unpack(cache string, models fs.FS, system []string) (string, error) {
	if cache == "" {
		return "", errors.New("there is no folder to unpack the models into")
	}
	sizes, sum, err := nameModels(models)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "tessdata-"+sum)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	clearAbandoned(dir)
	for name, size := range sizes {
		target := filepath.Join(dir, name)
		if info, err := os.Lstat(target); err == nil && info.Mode().IsRegular() && info.Size() == size {
			continue
		}
		data, err := fs.ReadFile(models, name)
		if err == nil {
			err = placeFile(target, data)
		}
		if err != nil {
			return "", fmt.Errorf("unpack model %s: %w", name, err)
		}
	}
	linkSystem(dir, sizes, system)
	return dir, nil
}

// nameModels tells the models' sizes and the hash of them all. It holds none of
// them in memory: every worker process does this.
func nameModels(models fs.FS) (sizes map[string]int64, sum string, err error) {
	names, err := fs.Glob(models, "*"+modelSuffix) // sorted
	if err != nil || len(names) == 0 {
		return nil, "", errors.Join(errors.New("there are no models in the program"), err)
	}
	sizes = map[string]int64{}
	h := sha256.New()
	for _, name := range names {
		f, err := models.Open(name)
		if err != nil {
			return nil, "", err
		}
		sizes[name], err = io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, "", err
		}
		fmt.Fprintf(h, " %s %d\n", name, sizes[name])
	}
	return sizes, hex.EncodeToString(h.Sum(nil))[:16], nil
}

// placeFile makes target appear whole or not at all.
func placeFile(target string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(target), ".*.part")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	// Synced before it is renamed: after a power cut a name must not stand for
	// half a model.
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// linkSystem links the models of system into dir, but those the program has
// itself, and takes away links to models that are gone.
func linkSystem(dir string, own map[string]int64, system []string) {
	wanted := map[string]string{}
	for _, root := range system {
		for _, name := range listModels(root) {
			file := name + modelSuffix
			if _, ours := own[file]; !ours && wanted[file] == "" {
				wanted[file] = filepath.Join(root, filepath.FromSlash(file))
			}
		}
	}
	for file, source := range wanted {
		target := filepath.Join(dir, filepath.FromSlash(file))
		if now, err := os.Readlink(target); err == nil && now == source {
			continue
		}
		part := filepath.Join(dir, fmt.Sprintf(".%x.part", rand.Uint64())) // others may be at it too
		if os.MkdirAll(filepath.Dir(target), 0o700) != nil || os.Symlink(source, part) != nil {
			continue
		}
		if os.Rename(part, target) != nil {
			_ = os.Remove(part)
		}
	}
	for _, name := range listModels(dir) {
		link := filepath.Join(dir, filepath.FromSlash(name)+modelSuffix)
		if _, err := os.Stat(link); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(link)
		}
	}
}

// listModels names the models below root, sorted. Models for whole scripts
// stand in a folder of their own, "script/Latin". A folder that cannot be read
// has none.
func listModels(root string) []string {
	var out []string
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, modelSuffix) {
			return nil
		}
		if name, err := filepath.Rel(root, strings.TrimSuffix(path, modelSuffix)); err == nil && !strings.HasPrefix(name, ".") {
			out = append(out, filepath.ToSlash(name))
		}
		return nil
	})
	slices.Sort(out)
	return out
}

// clearAbandoned removes what processes that died left in dir.
func clearAbandoned(dir string) {
	parts, err := filepath.Glob(filepath.Join(dir, ".*.part"))
	if err != nil {
		return
	}
	for _, part := range parts {
		if info, err := os.Lstat(part); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(part)
		}
	}
}
