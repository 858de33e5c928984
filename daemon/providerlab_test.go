package daemon

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"intray/engines/enginetest/servers"
)

// TestReadmeLab runs the commands that the README shows for a local-then-cloud
// folder, word for word but for the ports: what is not found here is found there, and
// the JSON says which field came from whom.
func TestReadmeLab(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "### Try it without an account")
	_, block, _ := strings.Cut(section, "```sh\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("the README shows no commands")
	}
	r := newReader(t)
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(regexp.MustCompile(`\s#.*`).ReplaceAllString(line, ""))
		switch name, value, _ := strings.Cut(strings.TrimPrefix(line, "export "), "="); {
		case strings.HasPrefix(line, "export "):
			r.env = append(r.env, name+"="+value)
		case line == "intray provider-lab azure":
			r.lab = r.stays("Answering.", line+" --listen "+r.listen)
		case strings.HasPrefix(line, "intray run "):
			r.does("printf '[web]\\nlisten = \"" + freePort(t) + "\"\\n' >> try/config.toml")
			r.daemon = r.stays("Watching.", line)
		default:
			r.does(strings.ReplaceAll(line, "--section", "--section --listen "+r.listen))
		}
	}
	if _, err := r.daemon.log.wait(patience, "Delivered.", "sample.pdf"); err != nil {
		t.Fatalf("%s\n%s", r.daemon.log, r.lab.log)
	}
	for _, words := range [][]string{{"Is read by another engine, too.", "local found no invoice_number"}, {"Sent."}} {
		if r.daemon.log.count(words...) != 1 {
			t.Errorf("no %q in\n%s", words, r.daemon.log)
		}
	}
	if r.lab.log.count("took job", "1 page") != 1 || r.lab.log.count("refused") > 0 {
		t.Errorf("the lab says\n%s", r.lab.log)
	}
	doc := readDocument(t, filepath.Join(r.dir, "try/out/sample.json"))
	from := map[string]string{}
	for _, f := range doc.Fields {
		if f.Value != "" {
			from[f.Name] = f.From
		}
	}
	for name, engine := range map[string]string{"order_number": "local", "invoice_number": "azure", "seller_name": "azure", "gross_total": "azure"} {
		if from[name] != engine || !strings.Contains(section, "`"+name+"`") {
			t.Errorf("%s is from %q; all are %v", name, from[name], from)
		}
	}
	if !strings.Contains(doc.Text, labSays) || doc.Engine.Name != "azure" {
		t.Errorf("%+v says %q", doc.Engine, doc.Text)
	}
	if kept, _ := filepath.Glob(filepath.Join(r.dir, "try/data/results", doc.DocumentID, "*")); len(kept) != 2 {
		t.Errorf("kept %q", kept)
	}
	r.daemon.interrupt(t)
	r.lab.interrupt(t)
}

// reader follows instructions in a shell.
type reader struct {
	t           testing.TB
	dir, listen string
	env         []string
	lab, daemon *stayer
}

func newReader(t testing.TB) *reader {
	t.Helper()
	r := &reader{t: t, dir: t.TempDir(), listen: freePort(t)}
	if err := os.Symlink(os.Getenv(theProgram), filepath.Join(r.dir, "intray")); err != nil {
		t.Skipf("skipped: no symbolic links here: %v", err)
	}
	tool(t, "sh")
	tool(t, "sed")
	r.env = append(os.Environ(), "PATH="+r.dir+":"+os.Getenv("PATH"))
	return r
}

func (r *reader) command(line string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir, cmd.Env = r.dir, r.env
	return cmd
}

func (r *reader) does(line string) {
	r.t.Helper()
	if out, err := r.command(line).CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// stayer is a command that goes on until it is interrupted.
type stayer struct {
	cmd *exec.Cmd
	log *logWatch
}

// stays starts a command and waits until it says that it is ready.
func (r *reader) stays(ready, line string) *stayer {
	r.t.Helper()
	s := &stayer{r.command("exec " + line), &logWatch{arrived: make(chan struct{}, 1)}}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
	})
	if _, err := s.log.wait(patience, ready); err != nil {
		r.t.Fatalf("%s says no %q:\n%s", line, ready, s.log)
	}
	return s
}

// interrupt is Ctrl-C, after which all shall be well.
func (s *stayer) interrupt(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, s.log)
	}
}

// TestLabSections: what each lab prints is a configuration that the program takes,
// with the credentials it names, and the command says what else there is.
func TestLabSections(t *testing.T) {
	for _, trial := range servers.Trials() {
		out, errs, code := runIntray(t, "provider-lab", trial.Name, "--section")
		if code != exitDone {
			t.Fatalf("%s: code %d\n%s", trial.Name, code, errs)
		}
		o := newOffice(t, "")
		o.add("engine = \"" + trial.Name + "\"\n" + out)
		if stdout, stderr, code := runIntray(t, "doctor", "--config", o.config); code == exitUsage {
			t.Errorf("%s: code %d\n%s%s", trial.Name, code, stdout, stderr)
		}
		credentials, err := trial.Environment()
		if err != nil {
			t.Fatal(err)
		}
		var given, named []string
		for _, c := range credentials {
			given = append(given, c[0])
		}
		for _, m := range regexp.MustCompile(`env = "(\w+)"`).FindAllStringSubmatch(out, -1) {
			named = append(named, m[1])
		}
		if slices.Sort(named); !slices.Equal(slices.Sorted(slices.Values(given)), slices.Compact(named)) {
			t.Errorf("%s: %q are given, %q wanted", trial.Name, given, named)
		}
	}
	for _, args := range [][]string{{"provider-lab"}, {"provider-lab", "nobody"}, {"provider-lab", "azure", "--faults", "2"}, {"provider-lab", "azure", "--listen", "nowhere:x"}} {
		if _, errs, code := runIntray(t, args...); code != exitUsage || errs == "" {
			t.Errorf("%q: code %d, %q", args, code, errs)
		}
	}
}

// TestForgedByTheLab: callbacks of a lab that all go wrong in one way change nothing
// but when is asked; the document is delivered once.
func TestForgedByTheLab(t *testing.T) {
	counted := map[servers.Fault]string{servers.FaultEarly: "parked", servers.FaultDuplicate: "duplicate", servers.FaultForged: "forged", servers.FaultOldTime: "forged"}
	for _, f := range slices.Sorted(maps.Keys(counted)) {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			s := newCloudSoak(t, trialOf(t, "plain"))
			s.lab.Calm()
			s.lab.Polls = 0
			s.lab.Fail(servers.CallBack, f, 1)
			var told bytes.Buffer
			heard := make(chan struct{}, 2)
			s.lab.Told = func(v servers.Visit) {
				if v.Call == servers.CallBack {
					told.WriteString(v.String() + "\n")
					heard <- struct{}{}
				}
			}
			s.start()
			s.dropOne()
			s.waitLog("Delivered.")
			<-heard
			if f == servers.FaultDuplicate {
				<-heard
			}
			out, _, _ := runIntray(t, "stats", "--json", "--config", s.config)
			s.stop()
			if s.deliveredOnce() != 1 || s.lab.Accepted() != 1 || !strings.Contains(out, `"`+counted[f]+`": 1`) {
				t.Errorf("taken %d times; %s\n%s", s.lab.Accepted(), told.String(), out)
			}
		})
	}
}

func trialOf(t testing.TB, name string) servers.Trial {
	t.Helper()
	i := slices.IndexFunc(servers.Trials(), func(trial servers.Trial) bool { return trial.Name == name })
	if i < 0 {
		t.Fatalf("there is no lab %q", name)
	}
	return servers.Trials()[i]
}
