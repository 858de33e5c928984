package daemon

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"intray/daemon/durable"
	"intray/daemon/web"
	"intray/ledger"
)

// trouble is one fault of the environment, made for real. It is no document's
// doing: it is waited out for as long as it lasts, uses up no try and needs
// nobody's help once it is over.
type trouble struct {
	more    string          // added to the configuration
	prepare func(o *office) // before the daemon starts, or nil
	strike  func(o *office) (mend func())
	inHand  int  // documents on their way already when it strikes
	late    int  // documents that come then; 0 is three
	hot     bool // those must wait in the hot folder
	mortal  bool // the daemon may not write everywhere, as root may
}

// waitedOut tries the faults, which mostly wait, at the same time.
func waitedOut(t *testing.T, faults map[string]trouble) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.waitedOut(t)
		})
	}
}

// waitedOut lets the fault strike and checks that it leaves no trace but time.
func (f trouble) waitedOut(t *testing.T) {
	o := newOffice(t, f.more)
	// However short it is, a fault that costs a try costs the document then.
	outputOf(t, "sed", "-i", `s/^\[retry\]/&\nmax_attempts = 1/`, o.config)
	if f.prepare != nil {
		f.prepare(o)
	}
	o.startAs(f.mortal)
	docs := o.dropScans("early", f.inHand)
	if f.inHand > 0 {
		o.waitLog("Delivered.")
	}
	said := o.troubles()
	mend := f.strike(o)
	// These come when the trouble is there for certain.
	late := o.dropScans("late", cmp.Or(f.late, 3))
	o.await("word of the trouble", func() bool { return o.troubles() > said })
	if f.hot {
		if n, taken := o.entries("in"), o.log.count("Taken in.", "file=late-"); n != len(late) || taken > 0 {
			t.Errorf("%d files of %d wait in the hot folder, %d were taken", n, len(late), taken)
		}
	}
	mend()
	maps.Copy(docs, late)
	o.allDelivered(docs)
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatalf("%v\n%v", err, o.log)
	}
}

// startAs starts the daemon; a mortal one is held to the permissions of files.
func (o *office) startAs(mortal bool) {
	o.t.Helper()
	if !mortal || os.Geteuid() != 0 {
		o.start()
		return
	}
	self := command(o.t, "run", "--config", o.config)
	o.daemon = exec.Command(tool(o.t, "setpriv"), append([]string{"--bounding-set=-dac_override,-dac_read_search"}, self.Args...)...)
	o.log = &logWatch{arrived: make(chan struct{}, 1)}
	o.daemon.Env, o.daemon.Stderr = self.Env, o.log
	o.must(o.daemon.Start())
	o.waitLog("Watching.")
}

// dropScans drops n different pages and returns them by name.
func (o *office) dropScans(stem string, n int) map[string][]byte {
	o.t.Helper()
	docs := map[string][]byte{}
	for i := range n {
		name := fmt.Sprintf("%s-%d.png", stem, i+1)
		docs[name] = scanPNG(o.t, "The "+stem+" parcel", "has number "+strconv.Itoa(i+1))
		o.drop(name, docs[name])
	}
	return docs
}

// troubles counts what the daemon has warned of so far.
func (o *office) troubles() int { return o.log.count(" WARN ") + o.log.count(" ERROR ") }

// allDelivered waits for the documents and checks that each went all the way
// exactly once and that nothing else is left anywhere.
func (o *office) allDelivered(docs map[string][]byte) {
	o.t.Helper()
	for name := range docs {
		o.await("the delivery of "+name, func() bool {
			return o.log.count("Delivered.", "file="+name) > 0 || o.log.count("Failed.", "file="+name) > 0
		})
	}
	o.checkList(len(docs))
	for began := time.Now(); o.entries("in") > 0 && time.Since(began) < patience; {
		o.checkList(len(docs)) // it takes its time: no tight loop
	}
	o.stop()
	o.noDebris()
	for dir, want := range map[string]int{"out": 2 * len(docs), "review": 0, "failed": 0} {
		if n := o.entries(dir); n != want {
			o.t.Errorf("%s holds %d files, not %d", dir, n, want)
		}
	}
	for name, data := range docs {
		o.checkDelivered(name, data)
	}
	l, err := ledger.Open(o.path("data", "ledger.db"), ledger.Options{ReadOnly: true})
	o.must(err)
	o.must(errors.Join(l.Check(), l.Close()))
	o.t.Logf("the log:\n%s", o.log)
}

// entries counts what is in a folder, without the folders for decisions, which
// are always there.
func (o *office) entries(dir string) int {
	o.t.Helper()
	all, err := os.ReadDir(o.path(dir))
	o.must(err)
	n := 0
	for _, e := range all {
		if dir != "review" || !slices.Contains([]string{"approve", "reject", "again"}, e.Name()) {
			n++
		}
	}
	return n
}

func (o *office) checkList(want int) {
	o.t.Helper()
	list, complaint, code := runIntray(o.t, "list", "--json", "--config", o.config)
	var docs []web.Summary
	if err := json.Unmarshal([]byte(list), &docs); err != nil || code != 0 || len(docs) != want {
		o.t.Errorf("list: code %d, %v, %d documents of %d\n%s", code, err, len(docs), want, complaint)
	}
	for _, d := range docs {
		if !strings.HasPrefix(d.State, "completed") || len(d.Outputs) != 2 || d.Attempts > 1 {
			o.t.Errorf("%s is %s after %d counted attempts, with %v: %+v", d.Path, d.State, d.Attempts, d.Outputs, d.Failure)
		}
	}
}

func (o *office) checkDelivered(name string, data []byte) {
	o.t.Helper()
	if n := o.log.count("Delivered.", "file="+name); n != 1 {
		o.t.Errorf("%s was delivered %d times", name, n)
		return
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	doc := o.delivered("out", strings.TrimSuffix(name, ".png")+".json")
	if doc.Source.SHA256 != sum || doc.Source.Path != name {
		o.t.Errorf("%s was delivered as %+v", name, doc.Source)
	}
	if made, err := os.ReadFile(o.path("out", doc.Files.PDF)); err != nil || !bytes.HasSuffix(bytes.TrimSpace(made), []byte("%%EOF")) {
		o.t.Errorf("the PDF of %s has %d bytes: %v", name, len(made), err)
	}
	if kept, err := os.ReadFile(o.path("data", "originals", sum[:2], sum)); err != nil || !bytes.Equal(kept, data) {
		o.t.Errorf("the original of %s: %d bytes of %d, %v", name, len(kept), len(data), err)
	}
}

// smallDisk returns a preparation that puts a disk of 64 MB in a folder's place.
func smallDisk(place string) func(o *office) {
	return func(o *office) {
		cache, _ := os.Readlink(o.path(place, "cache")) // the tests' common one, to be kept in reach
		if err := syscall.Mount("intray-test", o.path(place), "tmpfs", 0, "size=64m,mode=0755"); err != nil {
			o.t.Skipf("skipped: file systems cannot be mounted here: %v", err)
		}
		o.unmountAtEnd(place)
		if cache != "" {
			o.must(os.Symlink(cache, o.path(place, "cache")))
		}
	}
}

func (o *office) unmountAtEnd(place string) {
	o.t.Cleanup(func() { o.kill(); o.must(syscall.Unmount(o.path(place), syscall.MNT_DETACH)) })
}

// fill returns a strike that fills a small disk up to the last spare kilobytes.
func fill(place string, spare int64) func(o *office) func() {
	return func(o *office) func() {
		ballast, err := os.Create(o.path(place, "ballast"))
		for err == nil {
			_, err = ballast.Write(make([]byte, 1<<16))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			o.t.Fatal(err)
		}
		size, err := ballast.Seek(0, io.SeekCurrent)
		o.must(err)
		o.must(errors.Join(ballast.Truncate(size-spare<<10), ballast.Close()))
		return func() { o.must(os.Remove(ballast.Name())) }
	}
}

// TestA5DiskFullThenFreed fills the disk at one place after the other. What is
// spared decides which write is the first that fails.
func TestA5DiskFullThenFreed(t *testing.T) {
	page := int64(len(scanPNG(t, "as large as any"))+4095) / 4096 * 4 // kilobytes that one scan takes
	waitedOut(t, map[string]trouble{
		"results":              {prepare: smallDisk("out"), strike: fill("out", 0)},
		"results after one":    {prepare: smallDisk("out"), strike: fill("out", 500)},
		"data below min_free":  {more: "min_free_mb = 8\n", prepare: smallDisk("data"), strike: fill("data", 4<<10), hot: true},
		"data, no room at all": {more: "min_free_mb = 0\n", prepare: smallDisk("data"), strike: fill("data", 0), hot: true},
		"data, work in hand":   {more: "min_free_mb = 0\n", prepare: smallDisk("data"), strike: fill("data", 0), inHand: 3},
		"data, one page fits":  {more: "min_free_mb = 0\n", prepare: smallDisk("data"), strike: fill("data", page+4), late: 1},
		"data, ledger fits":    {more: "min_free_mb = 0\n", prepare: smallDisk("data"), strike: fill("data", page+64), late: 1},
		"data, reading fits":   {more: "min_free_mb = 0\n", prepare: smallDisk("data"), strike: fill("data", page+200), late: 1},
	})
}

// TestReadOnlyRemount takes away the right to write to the folder of results
// in the middle of deliveries, as a network share or a failing disk does.
func TestReadOnlyRemount(t *testing.T) {
	trouble{prepare: smallDisk("out"), inHand: 3, strike: func(o *office) func() {
		remount := func(flags uintptr) {
			err := error(syscall.EBUSY) // as long as a result is being written
			for began := time.Now(); err == syscall.EBUSY && time.Since(began) < patience; {
				err = syscall.Mount("", o.path("out"), "", syscall.MS_REMOUNT|flags, "")
			}
			o.must(err)
		}
		remount(syscall.MS_RDONLY)
		return func() { remount(0) }
	}}.waitedOut(t)
}

// brokenDisk returns a preparation that puts in the place of a folder a disk
// whose writes can be made to fail: a file system in a file.
func brokenDisk(place string) func(o *office) {
	return func(o *office) {
		image := o.path("disk.img")
		o.must(errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 64<<20), os.MkdirAll(o.path(place), 0o755)))
		// No journal: with one, the first error would end all writing for good.
		outputOf(o.t, tool(o.t, "mkfs.ext4"), "-q", "-O", "^has_journal", image)
		if out, err := exec.Command("mount", "-o", "loop,errors=continue", image, o.path(place)).CombinedOutput(); err != nil {
			o.t.Skipf("skipped: files cannot be mounted as disks here: %v %s", err, out)
		}
		o.unmountAtEnd(place)
		o.must(os.Remove(o.path(place, "lost+found")))
	}
}

// breakDisk freezes the file under the disk: its writes fail, programs see EIO.
func breakDisk(place string) func(o *office) func() {
	return func(o *office) func() {
		outputOf(o.t, "sync", "-f", o.path(place)) // what was written before is to stay
		mend := freeze("disk.img")(o)
		if err := durable.WriteFile(o.path(place, ".probe"), make([]byte, 1<<16), 0o600); !errors.Is(err, syscall.EIO) {
			o.t.Skipf("skipped: an immutable file that is open already can be written here: %v", err)
		}
		return mend
	}
}

// freeze returns a strike that makes a file or folder immutable, even for root.
func freeze(place string) func(o *office) func() {
	return func(o *office) func() {
		path := o.path(place)
		if out, err := exec.Command(tool(o.t, "chattr"), "+i", path).CombinedOutput(); err != nil {
			o.t.Skipf("skipped: files cannot be made immutable here: %v %s", err, out)
		}
		// However the test ends, its folder must be removable.
		o.t.Cleanup(func() { _ = exec.Command("chattr", "-i", path).Run() })
		return func() { outputOf(o.t, "chattr", "-i", path) }
	}
}

// misplace returns a strike that puts something else in a folder's place.
func misplace(place string, put func(path string) error) func(o *office) func() {
	return func(o *office) func() {
		path := o.path(place)
		o.must(os.MkdirAll(path, 0o755))
		o.must(os.Rename(path, path+".aside"))
		o.must(put(path))
		return func() { o.must(errors.Join(os.Remove(path), os.Rename(path+".aside", path))) }
	}
}

func emptyFile(path string) error { return os.WriteFile(path, nil, 0o644) }

func linkToNowhere(path string) error { return os.Symlink(path+".mounted/out", path) }

func linkToScans(path string) error { return os.Symlink(filepath.Join(filepath.Dir(path), "in"), path) }

// forbid returns a strike that takes away the permission to write to a folder.
func forbid(place string) func(o *office) func() {
	return func(o *office) func() {
		o.must(os.Chmod(o.path(place), 0o500))
		return func() { o.must(os.Chmod(o.path(place), 0o700)) }
	}
}

// fewFiles lets the daemon open only a few more files; below 0, none for now.
func fewFiles(more int) func(o *office) func() {
	return func(o *office) func() {
		pid := o.daemon.Process.Pid
		open, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
		o.must(err)
		var before unix.Rlimit
		o.must(unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before))
		o.must(unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(max(len(open)+more, 8)), Max: before.Max}, nil))
		return func() { o.must(unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil)) }
	}
}

// TestFailingWrites makes writes fail in the ways a disk that is not full fails.
// A library before the C library (libfiu) cannot do it: Go calls the system itself.
func TestFailingWrites(t *testing.T) {
	waitedOut(t, map[string]trouble{
		"EIO on results":            {prepare: brokenDisk("out"), strike: breakDisk("out")},
		"EIO on results in hand":    {prepare: brokenDisk("out"), strike: breakDisk("out"), inHand: 3},
		"EIO on originals":          {more: "min_free_mb = 0\n", prepare: brokenDisk("data/originals"), strike: breakDisk("data/originals"), hot: true},
		"EMFILE at all":             {strike: fewFiles(0)},
		"EMFILE, three to spare":    {strike: fewFiles(3)},
		"EMFILE, six to spare":      {strike: fewFiles(6)},
		"EMFILE at work":            {strike: fewFiles(-20), inHand: 3},
		"EACCES on results":         {strike: forbid("out"), mortal: true},
		"EACCES on results at work": {strike: forbid("out"), mortal: true, inHand: 3},
		"EACCES on originals":       {strike: forbid("data/originals/tmp"), mortal: true, hot: true},
		"EACCES on the hot folder":  {strike: forbid("in"), mortal: true},
		"EPERM on results":          {strike: freeze("out")},
		"ENOTDIR on results":        {strike: misplace("out", emptyFile)},
		"EEXIST on results at work": {strike: misplace("out", linkToNowhere), inHand: 3},
		"results in the hot folder": {strike: misplace("out", linkToScans)},
	})
}
