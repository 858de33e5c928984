package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/engines/tesseract"
)

// demand is what an engine is to read: its own languages, or those of a folder that
// names some.
type demand struct {
	Engine    string   `json:"engine"`
	Folder    string   `json:"folder,omitempty"`
	Languages []string `json:"languages"`
}

func (d demand) who() string {
	if d.Folder == "" {
		return "engine " + d.Engine
	}
	return fmt.Sprintf("folder %s (engine %s)", d.Folder, d.Engine)
}

// howToMend says what to do about languages that are missing.
func (d demand) howToMend(cfg *config.Config) string {
	var how []string
	for _, l := range d.Languages {
		how = append(how, tesseract.HowToInstall(l, ownTessdata(cfg, d.Engine) != ""))
	}
	return strings.Join(how, " ")
}

// ownTessdata is the one folder of models that an engine looks into, "" for one that
// has those of the program, the system and data_dir.
func ownTessdata(cfg *config.Config, engine string) string {
	dir, _ := cfg.Engines[engine].Own["tessdata"].(string) // another type is a problem that others tell of
	return dir
}

// asked lists what an engine on this machine is to read. Its own languages count
// unless each of its folders names others.
func asked(cfg *config.Config, engine string) []demand {
	var out []demand
	used, asItIs := false, false
	for _, f := range cfg.Folders {
		if !slices.Contains(f.Engine, engine) && f.Compare.Engine != engine {
			continue
		}
		used = true
		if len(f.Languages) == 0 {
			asItIs = true
			continue
		}
		out = append(out, demand{engine, f.Name, f.Languages})
	}
	if used && !asItIs {
		return out
	}
	own := cfg.Engines[engine].Languages
	if len(own) == 0 {
		own = []string{tesseract.DefaultLanguage}
	}
	return slices.Insert(out, 0, demand{Engine: engine, Languages: own})
}

// languagesOf are the languages in demands, sorted.
func languagesOf(all []demand) []string {
	var out []string
	for _, d := range all {
		out = append(out, d.Languages...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lacking is what is asked of an engine and not among the installed models.
func lacking(cfg *config.Config, engine string, installed []string) []demand {
	var out []demand
	for _, d := range asked(cfg, engine) {
		d.Languages = slices.DeleteFunc(slices.Clone(d.Languages), func(l string) bool { return slices.Contains(installed, l) })
		if len(d.Languages) > 0 {
			out = append(out, d)
		}
	}
	return out
}

// tellMissing says at the start which languages scans will wait for.
func (h *house) tellMissing() {
	for _, d := range h.missing {
		h.log.Error("A language is not installed; scans that need it wait.", "asked_by", d.who(),
			"missing", strings.Join(d.Languages, ", "), "do", d.howToMend(h.cfg))
	}
}

// tesseracts names the engines that read with Tesseract's models.
func tesseracts(cfg *config.Config) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(cfg.Engines)), func(name string) bool { return cfg.Engines[name].Kind != tesseract.Kind })
}

func (a *app) languagesCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "languages", Short: "List and add the languages that can be read", Args: cobra.NoArgs,
		Long: "Tesseract reads a language with a model of it. The models for English and orientation come with Intray or with\n" +
			"the installed Tesseract; others are files such as deu.traineddata, from\n" +
			"https://github.com/tesseract-ocr/tessdata_fast or tessdata_best.",
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(a.languagesListCommand(), a.languagesAddCommand())
	return c
}

func (a *app) languagesListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List each engine's models and what is missing", Args: cobra.NoArgs,
		Long: "Lists the models of each Tesseract engine and where they are from: added (by `intray languages add`), inside the\n" +
			"program, the system's, or the folder that the engine's tessdata names; and what the configuration asks for and\n" +
			"is missing. It needs no daemon.",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			all, err := modelsOf(cfg)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(all)
			}
			return a.printModels(cfg, all)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// engineModels is one engine's models and what it lacks.
type engineModels struct {
	Engine  string            `json:"engine"`
	Models  []tesseract.Model `json:"models"`
	Asked   []demand          `json:"asked"`
	Missing []demand          `json:"missing"`
	// Problem says why the models are not known.
	Problem string `json:"problem,omitempty"`
}

func modelsOf(cfg *config.Config) ([]engineModels, error) {
	out := []engineModels{}
	for _, name := range tesseracts(cfg) {
		settings, err := cfg.EngineSettings(name)
		if err != nil {
			return nil, usage(err)
		}
		e := engineModels{Engine: name, Asked: asked(cfg, name), Missing: []demand{}}
		if e.Models, err = tesseract.Installed(settings); err != nil {
			e.Problem, e.Models = err.Error(), []tesseract.Model{}
		}
		var languages []string
		for _, m := range e.Models {
			if tesseract.ReadsText(m.Name) {
				languages = append(languages, m.Name)
			}
		}
		e.Missing = append(e.Missing, lacking(cfg, name, languages)...)
		out = append(out, e)
	}
	return out, nil
}

func (a *app) printModels(cfg *config.Config, all []engineModels) error {
	if len(all) == 0 {
		fmt.Fprintln(a.out, "No engine of the configuration is a Tesseract; the others need no models.")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ENGINE\tLANGUAGE\tFROM\tASKED BY\tFILE")
	for _, e := range all {
		for _, m := range e.Models {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.Engine, m.Name, m.From, askedBy(e.Asked, m.Name), printable(m.Path))
		}
		for _, l := range languagesOf(e.Missing) {
			fmt.Fprintf(w, "%s\t%s\tMISSING\t%s\t\n", e.Engine, l, askedBy(e.Asked, l))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, e := range all {
		if e.Problem != "" {
			fmt.Fprintf(a.out, "\nEngine %s: %s\n", e.Engine, e.Problem)
		}
		for _, d := range e.Missing {
			fmt.Fprintf(a.out, "\nMissing for %s: %s. %s\n", d.who(), strings.Join(d.Languages, ", "), d.howToMend(cfg))
		}
	}
	return nil
}

// askedBy names who asks an engine for a language, or what uses a model that is none.
func askedBy(all []demand, language string) string {
	if !tesseract.ReadsText(language) {
		return "by itself"
	}
	var who []string
	for _, d := range all {
		switch {
		case !slices.Contains(d.Languages, language):
		case d.Folder == "":
			who = append(who, "the engine")
		default:
			who = append(who, d.Folder)
		}
	}
	if who == nil {
		return "-"
	}
	return strings.Join(who, ", ")
}
