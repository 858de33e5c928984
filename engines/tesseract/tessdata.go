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
	"runtime"
	"time"

	"intray/engines"
)

// abandoned is the age at which a file that was never finished belongs to
// nobody any more.
const abandoned = time.Hour

// modelFolder is the folder to load models from when the settings name none. "" is
// where Tesseract itself looks, which is right while there is nothing to put beside.
func modelFolder(s engines.Settings) (string, error) {
	if builtIn() == nil && len(listModels(s.ModelDir)) == 0 {
		return "", nil
	}
	return gather(s.CacheDir, builtIn(), s.ModelDir, systemTessdata())
}

// gather makes a folder below cache that has all models and returns it: the
// program's own (nil for a program without) are unpacked into it, those that were
// added and the system's are linked. One folder, because Tesseract loads all
// languages of a page, and the orientation model, from one. Its name is the hash of
// the own models and of the places of the others, so that programs of other versions
// and with other data have folders of their own. Any number of processes may do this
// at once: each file appears whole, by a rename, and is the same whoever wrote it. A
// link that cannot be made is no error; its language is missing then.
func gather(cache string, own fs.FS, added string, system []string) (string, error) {
	if cache == "" {
		return "", errors.New("there is no folder to gather the models in")
	}
	sizes, sum, err := nameModels(own, added, system)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "tessdata-"+sum)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	clearAbandoned(dir)
	for name, model := range sources(own, added, system) {
		target := ModelFile(dir, name)
		if model.From != OfProgram {
			link(dir, model.Path, target)
		} else if err := unpack(own, name+modelSuffix, sizes[name+modelSuffix], target); err != nil {
			return "", fmt.Errorf("unpack model %s: %w", name, err)
		}
	}
	// Asked again: another process may have linked what was added meanwhile.
	wanted := sources(own, added, system)
	for _, name := range listModels(dir) {
		if _, ok := wanted[name]; !ok {
			_ = os.Remove(ModelFile(dir, name))
		}
	}
	return dir, nil
}

// nameModels tells the sizes of the program's own models, and the hash of them all
// and of the other places. It holds none in memory: every worker process does this.
func nameModels(own fs.FS, added string, system []string) (sizes map[string]int64, sum string, err error) {
	sizes = map[string]int64{}
	h := sha256.New()
	if own != nil {
		names := ownFiles(own)
		if len(names) == 0 {
			return nil, "", errors.New("there are no models in the program")
		}
		for _, name := range names {
			f, err := own.Open(name)
			if err != nil {
				return nil, "", err
			}
			sizes[name], err = io.Copy(h, f)
			if err = errors.Join(err, f.Close()); err != nil {
				return nil, "", err
			}
			fmt.Fprintf(h, " %s %d\n", name, sizes[name])
		}
	}
	fmt.Fprintf(h, "%q %q\n", added, system)
	return sizes, hex.EncodeToString(h.Sum(nil))[:16], nil
}

// unpack writes one of the program's own models, unless it is there.
func unpack(own fs.FS, name string, size int64, target string) error {
	if info, err := os.Lstat(target); err == nil && info.Mode().IsRegular() && info.Size() == size {
		return nil
	}
	f, err := own.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(placeFile(target, f, time.Time{}), f.Close())
}

// placeFile makes target appear whole or not at all, with the time of change given.
func placeFile(target string, from io.Reader, changed time.Time) error {
	f, err := os.CreateTemp(filepath.Dir(target), ".*.part")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	// Synced before it is renamed: after a power cut a name must not stand for
	// half a model.
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil && !changed.IsZero() {
		err = os.Chtimes(f.Name(), changed, changed)
	}
	if err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// link has target stand for source, if it can be done: by a symbolic link, which on
// Windows takes a right that services and users lack, there by a hard link, and else
// by a copy.
func link(dir, source, target string) {
	if linked(source, target) || os.MkdirAll(filepath.Dir(target), 0o700) != nil {
		return
	}
	// Others may be at it too. Not ".part": a hard link is as old as its model, and
	// would be taken for abandoned.
	part := filepath.Join(dir, fmt.Sprintf(".%x.link", rand.Uint64()))
	if runtime.GOOS == "windows" || os.Symlink(source, part) != nil {
		if os.Link(source, part) != nil {
			copyModel(source, target)
			return
		}
	}
	// A rename of one file onto its other name does nothing, and leaves both.
	if os.Rename(part, target) != nil || exists(part) {
		_ = os.Remove(part)
	}
}

func copyModel(source, target string) {
	f, err := os.Open(source)
	if err != nil {
		return
	}
	defer f.Close() // only read from
	if info, err := f.Stat(); err == nil {
		_ = placeFile(target, f, info.ModTime()) // then its language is missing
	}
}

// linked is true when target stands for source as it is now.
func linked(source, target string) bool {
	if now, err := os.Readlink(target); err == nil {
		return now == source
	}
	there, err1 := os.Lstat(target)
	want, err2 := os.Stat(source)
	return errors.Join(err1, err2) == nil &&
		(os.SameFile(there, want) || there.Size() == want.Size() && there.ModTime().Equal(want.ModTime()))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
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
