package tesseract

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"intray/engines"
)

// Origin is where a model comes from.
type Origin string

// Origins of models, the first choice first. OfFolder is for engines whose tessdata
// names the one folder they look into.
const (
	Added     Origin = "added"
	OfProgram Origin = "program"
	OfSystem  Origin = "system"
	OfFolder  Origin = "folder"
)

// Model is one installed model. Path is "" where it has none of its own: inside the
// program, or where only Tesseract itself knows.
type Model struct {
	Name string `json:"name"`
	From Origin `json:"from"`
	Path string `json:"path,omitempty"`
}

// Installed lists the models that an engine with these settings has, by name, also
// those that are no language. It starts no engine and writes nothing. The error is
// that of the settings, or that Tesseract does not answer.
func Installed(s engines.Settings) ([]Model, error) {
	o, err := decodeOptions(s)
	if err != nil {
		return nil, err
	}
	if o.Tessdata != "" {
		if _, err := os.Stat(o.Tessdata); err != nil {
			return nil, fmt.Errorf("the folder of models cannot be read: %w", err)
		}
		return inFolder(o.Tessdata, OfFolder), nil
	}
	have := sources(builtIn(), s.ModelDir, systemTessdata())
	if builtIn() == nil && len(listModels(s.ModelDir)) == 0 {
		names, err := newReader(o).languages()
		if err != nil {
			return nil, fmt.Errorf("the models that Tesseract has cannot be listed; is it installed? %w", err)
		}
		found := map[string]Model{}
		for _, name := range names {
			found[name] = Model{Name: name, From: OfSystem, Path: have[name].Path}
		}
		have = found
	}
	out := make([]Model, 0, len(have))
	for _, name := range slices.Sorted(maps.Keys(have)) {
		out = append(out, have[name])
	}
	return out, nil
}

// sources is which model of each name is used: of those that were added, the
// program's own and the system's the first.
func sources(own fs.FS, added string, system []string) map[string]Model {
	all := inFolder(added, Added)
	if own != nil {
		for _, file := range ownFiles(own) {
			all = append(all, Model{Name: strings.TrimSuffix(file, modelSuffix), From: OfProgram})
		}
	}
	for _, root := range system {
		all = append(all, inFolder(root, OfSystem)...)
	}
	out := map[string]Model{}
	for _, m := range all {
		if _, taken := out[m.Name]; !taken {
			out[m.Name] = m
		}
	}
	return out
}

func ownFiles(own fs.FS) []string {
	names, _ := fs.Glob(own, "*"+modelSuffix) // the pattern is a good one; sorted
	return names
}

func inFolder(dir string, from Origin) []Model {
	var out []Model
	for _, name := range listModels(dir) {
		out = append(out, Model{Name: name, From: from, Path: ModelFile(dir, name)})
	}
	return out
}

// systemTessdata lists where models that were installed on this machine may
// stand, the first choice first.
func systemTessdata() []string {
	out := []string{"/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata"}
	if runtime.GOOS == "windows" {
		out = nil
		if programs := os.Getenv("ProgramFiles"); programs != "" {
			out = append(out, filepath.Join(programs, "Tesseract-OCR", "tessdata"))
		}
	}
	if dir := os.Getenv("TESSDATA_PREFIX"); dir != "" {
		out = slices.Insert(out, 0, dir)
	}
	return out
}

// listModels names the models below root, sorted. Models for whole scripts
// stand in a folder of their own, "script/Latin". A folder that cannot be read
// has none, and "" is no folder.
func listModels(root string) []string {
	if root == "" {
		return nil
	}
	var out []string
	// Not filepath.WalkDir: root may be a link to the folder, which that does not follow.
	_ = fs.WalkDir(os.DirFS(root), ".", func(file string, d fs.DirEntry, err error) error {
		name, model := strings.CutSuffix(file, modelSuffix)
		if err == nil && model && !d.IsDir() && !strings.HasPrefix(path.Base(name), ".") {
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out
}
