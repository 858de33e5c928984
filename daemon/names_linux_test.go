package daemon

import (
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// oddNames are names of documents that somebody has, somewhere.
func oddNames() []string {
	return []string{"\u00e9.png", "e\u0301.png", strings.Repeat("n", 251) + ".png", "\U0001F600 scan.png",
		" lead.png", "trail .png", "blank.png ", "dots...png", "end.png.", "a:b?.png", "a<b>|c\"d*e\\f.png", "line\nbreak\t.png",
		"CON.png", "con.pdf", "aux.page.png", "Com1.png", "LPT9 .png", "console.png", "100%.png", "%41.png", "%%4a.png", "%zz.png",
		"bad\xff\xfeutf8.png", "half\xc3.png"}
}

// TestOddNames: each is delivered once, under a name that Windows can hold and
// that tells the one it had.
func TestOddNames(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.start()
	names := oddNames()
	pages := scans(t, "A file with an odd name", len(names))
	bySum := map[string]string{}
	for i, name := range names {
		bySum[hashOf(pages[i])] = name
		if err := errors.Join(os.WriteFile(o.path("in", "new.part"), pages[i], 0o644),
			os.Rename(o.path("in", "new.part"), o.path("in", name))); err != nil {
			t.Fatal(err)
		}
	}
	o.exactlyOnce(pages)
	for _, file := range o.files("out") {
		stem, isJSON := strings.CutSuffix(file, ".json")
		if err := windowsHolds(file); err != nil {
			t.Errorf("%+q: %v", file, err)
		}
		if !isJSON {
			continue
		}
		doc := o.delivered("out", file)
		name := bySum[doc.Source.SHA256]
		want := strings.TrimSuffix(name, filepath.Ext(name))
		short, isShort := strings.CutSuffix(stem, "-"+doc.Source.SHA256[:8])
		switch {
		case len(name) == 255 && (!isShort || !strings.HasPrefix(want, short)), len(name) < 255 && percentDecoded(stem) != want:
			t.Errorf("%+q was delivered as %+q", name, file)
		}
		if doc.Files.PDF != stem+".pdf" {
			t.Errorf("%+q calls its PDF %+q", file, doc.Files.PDF)
		}
		// One U+FFFD for each byte or for all in a row.
		if once := regexp.MustCompile("\ufffd+"); once.ReplaceAllString(doc.Source.Path, "\ufffd") != strings.ToValidUTF8(name, "\ufffd") {
			t.Errorf("%+q has the source path %+q", name, doc.Source.Path)
		}
	}
}

// TestOddNameFails: the failed folder holds to the same.
func TestOddNameFails(t *testing.T) {
	o := newOffice(t, "")
	o.start()
	stems := []string{"AUX", "what?", strings.Repeat("n", 251), "bad\xff"}
	var finals [][]byte
	for _, stem := range stems {
		finals = append(finals, []byte("no document: "+stem))
		mustAll(t, os.WriteFile(o.path("in", stem+".pdf"), []byte("no document: "+stem), 0o644))
	}
	o.rest(finals)
	o.stop()
	for _, file := range o.files("failed") {
		if err := errors.Join(windowsHolds(filepath.Dir(file)), windowsHolds(filepath.Base(file))); err != nil {
			t.Errorf("%+q: %v", file, err)
		}
	}
	for _, stem := range stems[:2] {
		sum := hashOf([]byte("no document: " + stem))[:8]
		bundles, _ := filepath.Glob(o.path("failed", "*-"+sum))
		if len(bundles) != 1 || percentDecoded(filepath.Base(bundles[0])) != stem+"-"+sum {
			t.Errorf("%s: bundles %q", stem, bundles)
		}
	}
	if bundles, _ := filepath.Glob(o.path("failed", "*", "reason.json")); len(bundles) != len(stems) {
		t.Errorf("%d bundles: %q\n%s", len(bundles), bundles, o.log)
	}
	o.noDebris()
}

func windowsHolds(name string) error {
	device := regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[1-9]|lpt[1-9]) *(\..*)?$`)
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	switch {
	case strings.ToValidUTF8(name, "") != name:
		return errors.New("not UTF-8")
	case regexp.MustCompile(`[<>:"|?*\\/\x00-\x1f]`).MatchString(name):
		return errors.New("a character that Windows refuses")
	case strings.HasSuffix(stem, " ") || strings.HasSuffix(stem, ".") || strings.TrimRight(name, " .") != name:
		return errors.New("a blank or dot at the end")
	case device.MatchString(name):
		return errors.New("the name of a device")
	}
	return nil
}

func percentDecoded(s string) string {
	return regexp.MustCompile(`%[0-9A-Fa-f]{2}`).ReplaceAllStringFunc(s, func(code string) string {
		b, _ := hex.DecodeString(code[1:])
		return string(b)
	})
}

// TestStrangeEntries: what is no document is left alone and mentioned once; the
// good files beside it are taken. The program runs as another user, so that
// there is something it may not read.
func TestStrangeEntries(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("skipped: only root can make devices and be another user")
	}
	const nobody = 65534
	o := newOffice(t, "")
	outside := t.TempDir()
	pages := scans(t, "Beside strange things", 4)
	secret := scanPNG(t, "None of their business")
	socket, err := net.Listen("unix", o.path("in", "socket.png"))
	mustAll(t, err,
		os.WriteFile(filepath.Join(outside, "out.png"), secret, 0o644),
		syscall.Mkfifo(o.path("in", "pipe.png"), 0o666),
		syscall.Mknod(o.path("in", "null.png"), syscall.S_IFCHR|0o666, 1<<8|3),
		os.Symlink(filepath.Join(outside, "out.png"), o.path("in", "link.png")),
		os.Symlink(outside, o.path("in", "linked")),
		os.WriteFile(o.path("in", "locked.png"), pages[0], 0o600),
		os.WriteFile(o.path("in", "turns.png"), secret, 0o600))
	defer socket.Close()
	o.startAsNobody(nobody)
	o.drop("good.png", pages[1])
	o.waitLog("A file waits", "file=locked.png")
	o.waitLog("A file waits", "file=turns.png")
	mustAll(t, os.Remove(o.path("in", "turns.png")), os.Mkdir(o.path("in", "turns.png"), 0o777), os.Chown(o.path("in", "turns.png"), nobody, nobody))
	o.drop("turns.png/inside.png", pages[2])
	o.waitLog("Delivered.", "file=good.png")
	o.waitLog("Delivered.", "inside.png")
	mustAll(t, os.Chmod(o.path("in", "locked.png"), 0o644))
	o.drop("later.png", pages[3])
	o.waitLog("Delivered.", "file=later.png")
	o.waitLog("Delivered.", "file=locked.png")
	for _, name := range []string{"pipe.png", "null.png", "socket.png", "link.png", "linked"} {
		if n := o.log.count("file=" + name); n != 1 {
			t.Errorf("%s is mentioned %d times\n%s", name, n, o.log)
		}
		mustAll(t, os.Remove(o.path("in", name)))
	}
	for name, most := range map[string]int{"locked.png": 1, "turns.png": 1} {
		if n := o.log.count("A file waits", "file="+name); n > most {
			t.Errorf("%s waits %d times", name, n)
		}
	}
	if n := o.log.count("in spite of its name", "file=turns.png"); n != 1 {
		t.Errorf("the folder is mentioned %d times", n)
	}
	mustAll(t, os.Remove(o.path("in", "turns.png")))
	o.exactlyOnce(pages)
}

func mustAll(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// startAs starts the daemon as another user, who owns the folders and gets a
// copy of the program that it may run.
func (o *office) startAsNobody(user int) {
	o.t.Helper()
	self, err := os.Executable()
	mustAll(o.t, err, os.Chmod(filepath.Dir(o.dir), 0o755), os.Remove(o.path("data", "cache")))
	outputOf(o.t, "cp", self, o.path("program"))
	outputOf(o.t, "cp", "-r", filepath.Join(os.Getenv("XDG_CACHE_HOME"), "intray"), o.path("data", "cache"))
	outputOf(o.t, "chown", "-R", strconv.Itoa(user), o.path("data"))
	for _, name := range []string{".", "in", "out", "review", "failed"} {
		mustAll(o.t, os.Chown(o.path(name), user, user))
	}
	o.daemon = command(o.t, "run", "--config", o.config)
	o.daemon.Path = o.path("program")
	o.daemon.Dir = o.dir
	o.daemon.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	o.log = &logWatch{arrived: make(chan struct{}, 1)}
	o.daemon.Stderr = o.log
	mustAll(o.t, o.daemon.Start())
	o.waitLog("Watching.")
}
