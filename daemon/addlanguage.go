package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/durable"
	"intray/engines/tesseract"
)

// largestModel bounds what is read of a file in bytes. The largest models of the
// Tesseract project have less than a tenth of it.
const largestModel = 1 << 30

func (a *app) languagesAddCommand() *cobra.Command {
	var replace bool
	c := &cobra.Command{
		Use: "add FILE...", Short: "Add language models, such as deu.traineddata", Args: cobra.MinimumNArgs(1),
		Long: "Copies language models to where the configured engines find them: data_dir/tessdata, or the folder that an\n" +
			"engine's tessdata names. All files are checked before the first is copied. A file in a folder \"script\" is a\n" +
			"model for a whole script: script/Latin.traineddata becomes \"script/Latin\".",
		RunE: func(_ *cobra.Command, files []string) error {
			path, err := config.Find(a.configFile)
			if err != nil {
				return usage(err)
			}
			cfg, err := a.load()
			if err != nil {
				return err
			}
			return a.addLanguages(cfg, path, files, replace)
		},
	}
	c.Flags().BoolVar(&replace, "replace", false, "replace models of the same name that are there")
	return c
}

// newModel is a file that was checked.
type newModel struct {
	name string
	data []byte
}

func (a *app) addLanguages(cfg *config.Config, path string, files []string, replace bool) error {
	models, err := readModels(files)
	if err != nil {
		return usage(err)
	}
	dirs := modelDirs(cfg)
	if slices.Contains(dirs, cfg.ModelDir()) {
		for _, m := range models {
			if err := refuseLedAstray(cfg, m); err != nil {
				return &exitError{exitRefused, err}
			}
		}
	}
	if !replace {
		for _, dir := range dirs {
			if err := refuseReplacing(dir, models); err != nil {
				return usage(err)
			}
		}
	}
	replaced := false
	for _, dir := range dirs {
		if dir == cfg.ModelDir() { // in what is nobody else's, as the daemon makes it
			if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
				return err
			}
		}
		for _, m := range models {
			said, other, err := addModel(dir, m)
			if err != nil {
				return fmt.Errorf("add %s: %w", m.name, err)
			}
			replaced = replaced || other
			fmt.Fprintln(a.out, said)
		}
	}
	a.sayWhatToWrite(cfg, path, models)
	if replaced {
		fmt.Fprintln(a.out, "A running Intray reads with the old model until "+reloadCommand()+".")
	}
	return nil
}

func reloadCommand() string {
	if runtime.GOOS == "linux" {
		return "`systemctl reload intray` or `intray service restart`"
	}
	return "`intray service restart`"
}

// readModels reads and checks all files.
func readModels(files []string) ([]newModel, error) {
	var out []newModel
	for _, file := range files {
		abs, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		name, err := tesseract.ModelName(abs)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(m newModel) bool { return m.name == name }) {
			return nil, fmt.Errorf("two of the files are models for %s", name)
		}
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > largestModel {
			return nil, fmt.Errorf("%s is no file, or larger than any language model", file)
		}
		data, err := os.ReadFile(file)
		if err == nil {
			err = tesseract.CheckModel(data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s cannot be added: %w", file, err)
		}
		out = append(out, newModel{name, data})
	}
	return out, nil
}

// modelDirs is where the configured engines look for models that were added.
func modelDirs(cfg *config.Config) []string {
	var out []string
	for _, engine := range tesseracts(cfg) {
		dir := ownTessdata(cfg, engine)
		if dir == "" {
			dir = cfg.ModelDir()
		}
		if !slices.Contains(out, dir) {
			out = append(out, dir)
		}
	}
	if out == nil {
		out = []string{cfg.ModelDir()} // for an engine that is configured later
	}
	return out
}

// refuseReplacing is an error if a model would replace another one in dir.
func refuseReplacing(dir string, models []newModel) error {
	for _, m := range models {
		file := tesseract.ModelFile(dir, m.name)
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, m.data) {
			continue
		}
		return fmt.Errorf("%s is there already, another model of %d bytes from %s; nothing was changed. With --replace this one takes its place",
			file, info.Size(), info.ModTime().Format(time.DateOnly))
	}
	return nil
}

// refuseLedAstray is an error for root, who writes into a folder of the service's user
// here, where that user has put a link in the way. Who is the user gains nothing by it.
func refuseLedAstray(cfg *config.Config, m newModel) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for path := filepath.Dir(tesseract.ModelFile(cfg.ModelDir(), m.name)); path != cfg.DataDir && path != filepath.Dir(path); path = filepath.Dir(path) {
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a link in a folder of the service's user, so root adds nothing there; "+
				"name the folder that it leads to with the engine's tessdata, or add the models as that user", path)
		}
	}
	return nil
}

// addModel puts a model into dir, whole or not at all. said is what happened.
func addModel(dir string, m newModel) (said string, replaced bool, err error) {
	file := tesseract.ModelFile(dir, m.name)
	old, err := os.ReadFile(file)
	there := !errors.Is(err, fs.ErrNotExist)
	if err == nil && bytes.Equal(old, m.data) {
		return fmt.Sprintf("%s: the same model is there already (%s)", m.name, file), false, nil
	}
	if err := makeModelDir(filepath.Dir(file)); err != nil {
		return "", false, err
	}
	if err := durable.WriteFile(file, m.data, 0o644); err != nil {
		return "", false, err
	}
	if there {
		return fmt.Sprintf("%s: replaced %s", m.name, file), true, nil
	}
	return fmt.Sprintf("%s: added to %s", m.name, dir), false, nil
}

// makeModelDir makes a folder that the service's user can read, whoever makes it,
// and sees to it that it survives a power cut.
func makeModelDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeModelDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return errors.Join(os.Chmod(dir, 0o755), durable.SyncDir(parent))
}

// sayWhatToWrite says how documents come to be read with the new models.
func (a *app) sayWhatToWrite(cfg *config.Config, path string, models []newModel) {
	var names []string
	for _, m := range models {
		if tesseract.ReadsText(m.name) {
			names = append(names, m.name)
		}
	}
	for _, engine := range tesseracts(cfg) {
		read := languagesOf(asked(cfg, engine))
		unread := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(read, n) })
		if len(unread) == 0 {
			if len(names) > 0 {
				fmt.Fprintf(a.out, "Engine %s is asked for it already; scans that wait for it go on by themselves.\n", engine)
			}
			continue
		}
		own := cfg.Engines[engine].Languages
		if len(own) == 0 {
			own = []string{tesseract.DefaultLanguage}
		}
		fmt.Fprintf(a.out, "To read with it, write into [engine.%s], or into a [[folder]], of %s:\n    languages = [%s]\nA running Intray takes that over by itself.\n",
			engine, path, quoted(append(slices.Clone(own), unread...)))
	}
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(out, ", ")
}
