package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const folder = "[[folder]]\nname = \"desk\"\n"

func parse(t testing.TB, text string) (*Config, []Warning, error) {
	t.Helper()
	return Parse([]byte(text), "config.toml", "/office")
}

// TestExampleIsTheDefault: the example names every key, and its values are the
// defaults.
func TestExampleIsTheDefault(t *testing.T) {
	const example = "../../config.example.toml"
	got, warnings, err := Load(example)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Folders = []Folder{FolderDefaults("front-desk")}
	if err := want.AddBuiltInClasses(); err != nil {
		t.Fatal(err)
	}
	want.complete(dir)
	want.file, want.lines = got.file, got.lines
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("the example is\n%+v\nthe defaults are\n%+v", *got, want)
	}
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	// Classes, receivers and users have no default; they are shown behind comment signs.
	lines := keyLines([]byte(strings.ReplaceAll(string(text), "\n# [[", "\n[[")))
	commented := strings.ReplaceAll(string(text), "# ", "")
	for _, key := range knownKeys(reflect.TypeFor[Config](), "") {
		name := key[strings.LastIndex(key, ".")+1:]
		found := false
		for k := range lines {
			found = found || plain(k) == key
		}
		if strings.HasPrefix(key, "class") || strings.HasPrefix(key, "receiver") || strings.HasPrefix(key, "web.user") {
			found = strings.Contains(commented, name)
		}
		if !found && key != "engine" {
			t.Errorf("the example does not show %q", key)
		}
	}
}

func TestDefaultsFillGaps(t *testing.T) {
	cfg, _, err := parse(t, "version = 1\ndata_dir = \"data\"\n[web]\nlisten = \"\"\n"+folder+"output = \"/srv/out\"\nengine = [\"local\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	f := cfg.Folders[0]
	if f.Path != absolute("in", "/office") || f.Output != absolute("/srv/out", "/office") || f.Settle.String() != "2s" || cfg.DataDir != absolute("data", "/office") || cfg.Web.Listen != "" || cfg.Retry.MaxAttempts != 5 {
		t.Errorf("%+v", cfg)
	}
}

// TestSecretsBesideTheFile: a secret's file is looked for beside the configuration,
// whatever folder the program was started in.
func TestSecretsBesideTheFile(t *testing.T) {
	cfg, _, err := parse(t, folder+`[engine.local]
kind = "tesseract"
[engine.afar]
kind = "httpapi"
key = { file = "api.key" }
secrets = { second = { file = "/etc/second" }, third = { env = "THIRD" } }
submit = { fields = { file = "upload" } }
[[receiver]]
name = "erp"
url = "https://erp.example/in"
secret = { file = "erp.key" }
[web]
[[web.user]]
name = "anna"
role = "reader"
password = { file = "anna.password" }
`)
	if err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprint(cfg.Engines["afar"].Own)
	for _, want := range []string{absolute("api.key", "/office"), absolute("/etc/second", "/office"), "THIRD", "file:upload"} {
		if !strings.Contains(own, want) {
			t.Errorf("%q is not in %s", want, own)
		}
	}
	if cfg.Receivers[0].Secret.file != absolute("erp.key", "/office") || cfg.Web.Users[0].Password.file != absolute("anna.password", "/office") {
		t.Errorf("%+v %+v", cfg.Receivers[0].Secret.Place(), cfg.Web.Users[0].Password.Place())
	}
}

func TestBadFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":         {"version = 1\n[web]\nlisen = \"x\"\n" + folder, `config.toml:3: unknown key "web.lisen"; did you mean "web.listen"?`},
		"unknown in folder":   {folder + "ouput = \"out\"\n", `config.toml:3: unknown key "folder.ouput"; did you mean "folder.output"?`},
		"unknown at top":      {"verson = 1\n" + folder, `config.toml:1: unknown key "verson"; did you mean "version"?`},
		"nothing near":        {"completely_different = 1\n" + folder, `config.toml:1: unknown key "completely_different"`},
		"Windows-1252":        {"[[folder]]\nname = \"B\xfcro\"\n", `config.toml:2: the file is not saved as UTF-8`},
		"UTF-16":              {"v\x00=\x001\x00\n", `config.toml:1: the file is not saved as UTF-8`},
		"syntax":              {"version = \n", `config.toml:1: `},
		"wrong type":          {folder + "sidecar_text = \"yes\"\n", `config.toml:3: folder.sidecar_text must be true or false, without quotes`},
		"newer version":       {"version = 2\n" + folder, `config.toml:1: the file has version 2, this Intray knows 1: it was written for a newer one`},
		"no folder":           {"version = 1\n", `config.toml: there is no [[folder]]: nothing would be watched`},
		"two of a name":       {folder + folder + "path = \"in2\"\n", `config.toml:4: two folders are called "desk"`},
		"shared hot folder":   {folder + "[[folder]]\nname = \"b\"\npath = \"in/b\"\n", `config.toml:5: the hot folders "b" and "desk" (number 1) share files`},
		"output inside input": {folder + "output = \"in/out\"\n", `config.toml:3: output of folder "desk" and the hot folder of "desk" lie within each other: results would be taken in as scans`},
		"review is output":    {folder + "review = \"out\"\n", `config.toml:3: output and review of folder "desk" are the same folder`},
		"unknown engine":      {folder + "engine = \"cloud\"\n", `config.toml:3: folder "desk" uses engine "cloud", but there is no [engine.cloud]`},
		"settle":              {folder + "settle = \"1h\"\n", `config.toml:1: folder "desk": settle_max (10m0s) is shorter than settle (1h0m0s)`},
		"time span":           {folder + "settle = \"soon\"\n", `"soon" is not a time span; write it like "2s", "10m" or "1h"`},
		"listen in the clear": {"[web]\nlisten = \"0.0.0.0:80\"\n" + folder, `config.toml:2: web.listen is "0.0.0.0:80", which other machines reach: passwords and pages would cross the network in the clear. Give web.tls_cert and web.tls_key, or listen on 127.0.0.1`},
		"listen by name":      {"[web]\nlisten = \"scan.lan:80\"\n" + folder, `config.toml:2: web.listen is "scan.lan:80", which other machines reach: passwords and pages would cross the network in the clear. Give web.tls_cert and web.tls_key, or listen on 127.0.0.1`},
		"half a certificate":  {"[web]\ntls_cert = \"c.pem\"\n" + folder, `config.toml:2: web.tls_cert and web.tls_key belong together; give both or none`},
		"web host":            {"[web]\nhosts = [\"https://x\"]\n" + folder, `config.toml:2: web.hosts has "https://x"; write names such as "scan.example.com", without port and scheme`},
		"user's role":         {"[[web.user]]\nname = \"anna\"\nrole = \"boss\"\npassword = { env = \"P\" }\n" + folder, `config.toml:3: web.user.role is "boss"; it must be one of reader, reviewer, admin`},
		"literal password":    {"[[web.user]]\nname = \"anna\"\nrole = \"admin\"\npassword = \"secret\"\n" + folder, `config.toml:4: web.user.password: a secret does not belong into this file; write { env = "NAME" } or { file = "PATH" }`},
		"no password":         {"[[web.user]]\nname = \"anna\"\nrole = \"admin\"\n" + folder, `config.toml:1: user "anna" needs a password: password = { file = "PATH" } or { env = "NAME" }`},
		"listen":              {"[web]\nlisten = \"7423\"\n" + folder, `config.toml:2: web.listen is "7423"; write an address and a port, such as "127.0.0.1:7423"`},
		"retry":               {"[retry]\njitter = 2.0\n" + folder, `config.toml:2: retry.jitter is 2; it must be from 0 to 1`},
		"lease":               {"lease = \"1m\"\n" + folder, `config.toml:1: lease (1m0s) must be longer than page_timeout (2m0s): work in hand would be taken away`},
		"language":            {folder + "languages = [\"en US\"]\n", `config.toml:3: "en US" is not a language; write model names such as "eng" or "deu"`},
		"class field type":    {folder + "[[class]]\nname = \"x\"\n[[class.field]]\nname = \"n\"\ntype = \"money\"\n", `config.toml:7: class.field.type is "money"; it must be one of text, amount, date, currency, code`},
		"folder's class":      {folder + "class = \"bill\"\n", `config.toml:3: folder "desk" has the class "bill", but there is no [[class]] of that name; write "auto", "none" or one of invoice, receipt`},
		"folder's classes":    {folder + "classes = [\"bill\"]\n", `config.toml:3: folder "desk" may pick the class "bill", but there is no [[class]] of that name`},
		"nothing to pick":     {folder + "class = \"invoice\"\nclasses = [\"receipt\"]\n", `config.toml:4: folder "desk" has the class "invoice", so there is nothing to pick; leave classes out or write class = "auto"`},
		"accept":              {folder + "accept = [\"docx\"]\n", `config.toml:3: folder.accept is "docx"; it must be one of pdf, tiff`},
		"pages":               {folder + "max_pages = -1\n", `config.toml:3: folder "desk": max_pages is -1; it must be 0, for the general limit, or more`},
		"list":                {folder + "hook = \"notify.sh\"\n", `config.toml:3: folder.hook must be a list; write it in brackets: hook = ["notify.sh"]`},
		"whole number":        {folder + "max_pages = \"3\"\n", `config.toml:3: folder.max_pages must be a whole number without quotes, such as max_pages = 10`},
		"number":              {folder + "sample = \"x\"\n", `config.toml:3: folder.sample must be a number without quotes`},
		"text":                {folder + "csv = 3\n", `config.toml:3: folder.csv must be text in quotes, such as csv = "..."`},
		"text in a list":      {folder + "hook = [\"a\", 3]\n", `config.toml:3: each entry of the list folder.hook must be text in quotes`},
		"one bracket":         {folder + "[class]\nname = \"x\"\n", `config.toml:3: there may be several class sections, so each begins with two brackets: write [[class]] and not [class]`},
		"section":             {folder + "[[web]]\nlisten = \"\"\n", `config.toml:3: web must be a section of its own, [web]`},
		"key twice":           {folder + "csv = \"a\"\ncsv = \"b\"\n", `config.toml:4: folder.csv stands twice in the same section; keep one of the two lines`},
		"backslash":           {folder + "csv = \"C:\\Scans\"\n", `config.toml:3: folder.csv has a backslash in double quotes, where it has a meaning of its own; write paths of Windows in single quotes: csv = 'C:\Scans'`},
		"open quote":          {folder + "csv = \"a\n", `config.toml:3: folder.csv begins with a quote that does not end in the same line`},
		"field twice":         {folder + "[[class]]\nname = \"x\"\n[[class.field]]\nname = \"f\"\n[[class.field]]\nname = \"f\"\n", `config.toml:8: class "x" has two fields called "f"; write all`},
		"known field twice":   {folder + "[[class]]\nname = \"invoice\"\n[[class.field]]\nname = \"iban\"\n[[class.field]]\nname = \"iban\"\n", `config.toml:8: class "invoice" has two fields called "iban"`},
		"pages of a merged":   {folder + "[[class]]\nname = \"invoice\"\nmin_pages = -1\n", `config.toml:5: class "invoice": min_pages is -1; write a number of pages, or 0 for no limit`},
		"least of a merged":   {folder + "[[class]]\nname = \"invoice\"\nmin_pages = 3\n[[class]]\nname = \"x\"\nmax_pages = 1\nmin_pages = 2\n", `config.toml:8: class "x": min_pages is 2 and max_pages 1`},
		"class pattern":       {folder + "[[class]]\nname = \"x\"\nhint = [\"(\"]\n", `config.toml:5: class "x": "(" is not a pattern`},
		"field format":        {folder + "[[class]]\nname = \"x\"\n[[class.field]]\nname = \"n\"\nformat = \"bban\"\n", `config.toml:7: class.field.format is "bban"; it must be one of`},
		"field name":          {folder + "[[class]]\nname = \"x\"\n[[class.field]]\nname = \"Our Number\"\n", `config.toml:6: field name "Our Number" of class "x": use lower-case letters, digits and underscore`},
		"sum":                 {folder + "[[class]]\nname = \"x\"\n[[class.sum]]\ntotal = \"a\"\nplus = [\"b\"]\n", `a sum of class "x" names "a", which is no field of the class`},
		"rows of a sum":       {folder + "[[class]]\nname = \"x\"\n[[class.field]]\nname = \"a\"\n[[class.sum]]\ntotal = \"a\"\nplus = [\"a\"]\nrows = \"movements\"\n", `a sum of class "x" adds the rows of "movements", which is no table of the class`},
		"lost answers":        {folder + "[engine.cloud]\nkind = \"x\"\non_unknown = \"guess\"\n", `config.toml:5: [engine.cloud]: on_unknown is "guess"; it must be "review" or "resubmit"`},
		"cloud's pages":       {folder + "[engine.cloud]\nkind = \"x\"\nmax_pages_per_day = -1\n", `config.toml:5: [engine.cloud]: max_pages_per_day is below 0; leave it out for the default`},
		"escalation's reason": {folder + "escalate_on = [\"ink\"]\n", `config.toml:3: folder.escalate_on is "ink"; it must be one of fields, confidence, handwriting, script`},
		"escalation":          {folder + "escalate_below = 70.0\n", `config.toml:3: folder "desk": escalate_below is 70; it is a confidence, from 0 to 1`},
		"engine twice":        {folder + "engine = [\"local\", \"local\"]\n", `config.toml:3: folder "desk" names the engine "local" twice`},
		"certificate":         {"[webhooks]\nlisten = \"127.0.0.1:1\"\ntls_cert = \"c\"\n" + folder, `config.toml:3: webhooks.tls_cert and webhooks.tls_key belong together; give both or none`},
		"public address":      {"[webhooks]\nlisten = \"127.0.0.1:1\"\npublic_url = \"scan\"\n" + folder, `config.toml:3: webhooks.public_url is "scan"; write the address that providers reach`},
		"data in hot folder":  {"data_dir = \"in/data\"\n" + folder, `the hot folder of "desk" and data_dir lie within each other`},
	} {
		_, _, err := parse(t, c.text)
		var problems *Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, c.want)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, _, err := parse(t, "log_level = \"loud\"\nworkers = -1\nspeed = 9\n"+folder)
	var problems *Problems
	if !errors.As(err, &problems) || len(problems.All) != 3 || problems.All[0].Line != 1 || problems.All[1].Line != 2 || problems.All[2].Line != 3 {
		t.Errorf("%v", err)
	}
}

func TestWindowsFileIsRead(t *testing.T) {
	text := "\uFEFFversion = 1\r\n[web]\r\nlisten = \"0.0.0.0:80\"\r\ntls_cert = \"c.pem\"\r\ntls_key = \"k.pem\"\r\n[[folder]]\r\nname = \"desk\"\r\n"
	_, warnings, err := parse(t, text)
	if err != nil || len(warnings) != 1 || warnings[0].Line != 3 {
		t.Errorf("%v, %v", warnings, err)
	}
}

func TestEngineSettings(t *testing.T) {
	cfg, _, err := parse(t, folder+"[engine.local]\nkind = \"tesseract\"\nlanguages = [\"deu\"]\ntesdata = \"/x\"\n")
	if err != nil {
		t.Fatal(err)
	}
	var own struct {
		Tessdata string `toml:"tessdata"`
	}
	settings, err := cfg.EngineSettings("local")
	if err != nil || len(settings.Languages) != 1 {
		t.Fatal(settings, err)
	}
	want := `config.toml:6: unknown key "engine.local.tesdata"; did you mean "engine.local.tessdata"?`
	if err := settings.Decode(&own); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	text, err := cfg.EncodeSettings("local")
	if err != nil {
		t.Fatal(err)
	}
	again, err := DecodeSettings("local", text)
	if err != nil || !reflect.DeepEqual(again.Languages, settings.Languages) {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestSecretNeverShows(t *testing.T) {
	t.Setenv("INTRAY_TEST_KEY", "sesame")
	var s Secret
	if err := s.UnmarshalTOML(map[string]any{"env": "INTRAY_TEST_KEY"}); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(map[string]any{"key": s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", s)
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s %q %x", s, s, s, s, s, s), fmt.Sprintf("%+v", struct{ K Secret }{s}), string(asJSON), log.String()} {
		if strings.Contains(shown, "sesame") || strings.Contains(shown, "INTRAY_TEST_KEY") {
			t.Errorf("shows %s", shown)
		}
	}
	if v, err := s.Reveal(); err != nil || v != "sesame" {
		t.Errorf("reveals %q, %v", v, err)
	}
	for _, bad := range []any{"sesame", map[string]any{}, map[string]any{"env": "A", "file": "B"}, map[string]any{"value": "sesame"}} {
		if err := new(Secret).UnmarshalTOML(bad); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestWriteInit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tray")
	path, created, err := WriteInit(dir)
	if err != nil || len(created) != 5 {
		t.Fatal(created, err)
	}
	cfg, warnings, err := Load(path)
	if err != nil || len(warnings) > 0 || cfg.Folders[0].Path != filepath.Join(dir, "in") || cfg.DataDir != filepath.Join(dir, "data") {
		t.Errorf("%+v, %v, %v", cfg, warnings, err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := WriteInit(dir); err == nil {
		t.Error("a configuration was replaced")
	}
	if data, _ := os.ReadFile(path); string(data) != "mine" {
		t.Errorf("the file is now %q", data)
	}
}

func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("INTRAY_CONFIG", "")
	if _, err := Find(""); err == nil || !strings.Contains(err.Error(), "config.toml") {
		t.Errorf("none: %v", err)
	}
	if err := os.WriteFile("config.toml", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ explicit, env, want string }{{"", "", "config.toml"}, {"", "e.toml", "e.toml"}, {"x.toml", "e.toml", "x.toml"}} {
		t.Setenv("INTRAY_CONFIG", step.env)
		if got, err := Find(step.explicit); err != nil || got != step.want {
			t.Errorf("%+v: %s, %v", step, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(initText)
	f.Add("[[class]]\n[[class.rule]]\n[engine.x]\nkind = 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		cfg, _, err := Parse([]byte(text), "f", "/d")
		if (cfg == nil) == (err == nil) {
			t.Errorf("%v, %v", cfg, err)
		}
	})
}
