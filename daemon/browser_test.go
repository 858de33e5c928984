package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"intray/daemon/config"
	"intray/daemon/originals"
	"intray/daemon/web"
	"intray/ledger"
)

// chromium finds a browser; tests of the pages are skipped where there is none.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium is installed; installers/deps.sh test installs it")
	return ""
}

// browser is a headless Chromium for one test.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
}

func newBrowser(t *testing.T, o *office) *browser {
	t.Helper()
	cfg, _, err := config.Load(o.config)
	if err != nil {
		t.Fatal(err)
	}
	// The folder for its data is chromedp's own: that waits for all of Chromium's
	// processes before it removes it, some of which outlive the first one.
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium(t)), chromedp.NoSandbox,
		chromedp.Flag("lang", "en-GB"))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &browser{t, ctx, "http://" + cfg.Web.Listen}
}

// tab is one signed-in person's page.
type tab struct {
	*browser
	ctx context.Context

	mu     sync.Mutex
	errors []string
}

// signIn opens a tab of its own, with its own cookies, by a sign-in link.
func (b *browser) signIn(o *office, name string) *tab {
	b.t.Helper()
	token, err := os.ReadFile(o.path("data", "api-token"))
	if err != nil {
		b.t.Fatal(err)
	}
	q, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+"/api/v1/invitations", strings.NewReader(`{"name":"`+name+`"}`))
	if err != nil {
		b.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	var invited web.Invitation
	if err := json.NewDecoder(answer.Body).Decode(&invited); err != nil || invited.Path == "" {
		b.t.Fatalf("invitation: %s, %v", answer.Status, err)
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(cancel)
	tb := &tab{browser: b, ctx: ctx}
	if err := chromedp.Listen(ctx, tb.hear); err != nil {
		b.t.Fatal(err)
	}
	tb.do(command0(log.Enable), chromedp.EmulateViewport(1280, 900), chromedp.Navigate(b.base+invited.Path), chromedp.WaitVisible("#today"))
	return tb
}

func (tb *tab) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			said += " " + x.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			for _, a := range e.Args {
				said += string(a.Value) + a.Description
			}
		}
	case *log.EventEntryAdded:
		// The answers that say who was first, or what to correct, are no accident.
		meant := e.Entry.Source == "network" && (strings.Contains(e.Entry.Text, "409") || strings.Contains(e.Entry.Text, "422"))
		if e.Entry.Level == "error" && !meant {
			said = e.Entry.Text + " " + e.Entry.URL
		}
	}
	if said != "" {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.errors = append(tb.errors, said)
	}
}

func (tb *tab) quiet() {
	tb.t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, e := range tb.errors {
		tb.t.Errorf("the console says %q", e)
	}
}

// do acts, and fails the test where that takes too long.
func (tb *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	for i, a := range actions {
		if err := chromedp.Do(ctx, a); err != nil {
			tb.t.Fatalf("step %d: %v\n%s", i+1, err, tb.shown())
		}
	}
}

// shown is what the page says, for messages.
func (tb *tab) shown() string {
	ctx, cancel := context.WithTimeout(tb.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	return fmt.Sprint(text, err)
}

func (tb *tab) open(path string) {
	tb.t.Helper()
	tb.do(chromedp.Navigate(tb.base + path))
}

// until waits for a script's condition to hold. What is asked while a page is
// being left has no answer, and is asked again.
func (tb *tab) until(condition string) {
	tb.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		holds, err := chromedp.Run(tb.ctx, chromedp.Evaluate[bool](condition))
		if err == nil && holds {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			tb.t.Fatalf("it did not come to %s: %v\n%s", condition, err, tb.shown())
		}
	}
}

func (tb *tab) value(expression string) string {
	tb.t.Helper()
	out, err := chromedp.Run(tb.ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// slipClass is a class whose rule a wrong total breaks; it names two fields, and
// both are doubted then.
const slipClass = `[[class]]
name = "slip"
match = ["(?i)delivery slip"]
[[class.field]]
name = "merchant_name"
type = "text"
labels = ["shop"]
[[class.field]]
name = "receipt_number"
type = "code"
labels = ["slip no"]
required = true
[[class.field]]
name = "date"
type = "date"
labels = ["date"]
[[class.field]]
name = "total"
type = "amount"
labels = ["total"]
required = true
[[class.rule]]
check = "total == 119"
message = "The order for this receipt_number has another total"
severity = "review"
`

// slipPNG is a delivery slip.
func slipPNG(t testing.TB, number, total string) []byte {
	return scanPNG(t, "DELIVERY SLIP", "Shop: Corner Bookshop", "Slip no: R-"+number, "Date: 20.11.2026", "Total: "+total)
}

// deadLetter puts a document into the ledger that was tried too often, before
// the daemon has it.
func (o *office) deadLetter(name string, data []byte) string {
	o.t.Helper()
	must := func(err error) {
		o.t.Helper()
		if err != nil {
			o.t.Fatal(err)
		}
	}
	store, err := originals.Open(o.path("data", "originals"))
	must(err)
	blob, err := store.Put(o.t.Context(), bytes.NewReader(data))
	must(err)
	store.Release(blob.SHA256)
	l, err := ledger.Open(o.path("data", "ledger.db"), ledger.Options{})
	must(err)
	defer func() { must(l.Close()) }()
	doc, err := l.Receive(ledger.Arrival{Folder: "desk", Path: name, Name: name, SHA256: blob.SHA256, Size: blob.Size, MIME: "image/png", Uploaded: true})
	must(err)
	f := ledger.Failure{Kind: "retryable", Code: "engine_crashed", Stage: "read", Sentence: "The engine crashed on page 1."}
	for _, m := range []ledger.Move{ledger.Validate("image/png", 1), ledger.Start("attempt-1", "local", "test", time.Now().Add(time.Hour)),
		ledger.RetryLater("attempt-1", time.Now(), f), ledger.Exhausted(f)} {
		_, err := l.Apply(doc.ID, m)
		must(err)
	}
	return doc.ID
}

// TestPages does in a real browser what people do on the pages.
func TestPages(t *testing.T) {
	t.Parallel()
	chromium(t)
	o := newOffice(t, "")
	o.add(slipClass)
	dead := o.deadLetter("crashed.png", scanPNG(t, "once it crashed"))
	o.start()
	for i, name := range []string{"first", "second"} {
		o.drop(name+".png", slipPNG(t, fmt.Sprint(7001+i), "118.00"))
	}
	for _, name := range []string{"first", "second"} {
		o.waitLog("Needs review.", name+".png")
	}
	b := newBrowser(t, o)
	anna := b.signIn(o, "anna")
	id := func(name string) string {
		docs := o.documents()
		at := slices.IndexFunc(docs, func(d web.Summary) bool { return d.Name == name })
		if at < 0 {
			t.Fatalf("there is no %s", name)
		}
		return docs[at].DocumentID
	}
	ok := t.Run("upload a scan and watch it finish", func(t *testing.T) {
		anna.t = t
		file := filepath.Join(t.TempDir(), "<img src=x onerror=alert(1)>.png")
		if err := os.WriteFile(file, scanPNG(t, "handed in by hand"), 0o644); err != nil {
			t.Fatal(err)
		}
		anna.do(chromedp.SetUploadFiles("#upload input[type=file]", []string{file}), chromedp.Click("#upload button"))
		anna.until(`document.querySelector("#uploads .state.done") !== null`)
		anna.until(`[...document.querySelectorAll("#lists .doc a")].some(a => a.textContent.includes("onerror"))`)
		if o.state("<img src=x onerror=alert(1)>") != "completed" {
			t.Errorf("the ledger says %q", o.state("<img src=x onerror=alert(1)>"))
		}
		anna.quiet()
	})
	ok = ok && t.Run("correct a field by keyboard and approve", func(t *testing.T) {
		anna.t = t
		anna.open("/review/" + id("first.png"))
		anna.until(`document.activeElement?.name === "field.receipt_number"`)
		// The character of a key that moved the focus comes to where it went.
		anna.do(script(`document.querySelector('[name="field.receipt_number"]').addEventListener("keydown", () => setTimeout(() => {
			const enter = { key: "Enter", bubbles: true, cancelable: true };
			window.taken = !document.activeElement.dispatchEvent(new KeyboardEvent("keypress", enter));
		}))`), chromedp.KeyEvent("\r"))
		anna.until(`window.taken === true && document.activeElement?.name === "field.total"`)
		anna.do(script(`document.activeElement.select()`), chromedp.KeyEvent("119,00"))
		anna.until(`document.activeElement?.value === "119,00"`)
		anna.do(script(`window.posts = 0, addEventListener("submit", (e) => { if (!e.defaultPrevented) posts++; sessionStorage.posts = posts; })`),
			script(`for (const repeat of [false, false, true]) document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, repeat, bubbles: true, cancelable: true }))`))
		anna.until(`location.pathname === "/review/` + id("second.png") + `"`)
		if posts := anna.value(`sessionStorage.posts`); posts != "1" {
			t.Errorf("a decision was sent %s times", posts)
		}
		o.untilState("first", "completed")
		doc := o.delivered("out", "first.json")
		if doc.Value("total") != "119.00" || doc.History[len(doc.History)-1].By != "anna" || doc.Version != 2 {
			t.Errorf("%+v, total %s", doc.History, doc.Value("total"))
		}
		anna.quiet()
	})
	ok = ok && t.Run("two reviewers at once", func(t *testing.T) { twoReviewers(t, o, b, anna, id("second.png")) })
	ok = ok && t.Run("retry a dead letter", func(t *testing.T) {
		anna.t = t
		anna.open("/problems")
		anna.do(chromedp.Click(`.problem form button`), chromedp.WaitVisible("#problems"))
		o.untilState("crashed", "completed")
		anna.open("/documents/" + dead)
		anna.until(`document.querySelector(".standing .state.done") !== null && document.querySelectorAll("#history li").length > 6`)
		anna.until(`(i => i && i.getBoundingClientRect().width > 100)(document.querySelector(".paper"))`)
		anna.quiet()
	})
	if ok {
		o.drop("third.png", slipPNG(t, "7003", "117.00"))
		o.drop("junk.pdf", []byte("no scan"))
		o.waitLog("Needs review.", "third.png")
		o.waitLog("Failed.", "junk.pdf")
		t.Run("accessible to everybody", func(t *testing.T) { accessible(t, anna, "/review/"+id("third.png"), "/documents/"+id("third.png")) })
	}
	anna.t = t
	o.stop()
}

// twoReviewers decide on the same document; the second is told who was first and
// keeps what he typed, and so does one whom a text in the folder overtook.
func twoReviewers(t *testing.T, o *office, b *browser, anna *tab, id string) {
	anna.t, b.t = t, t
	ben := b.signIn(o, "ben")
	ben.open("/review/" + id)
	ben.do(chromedp.SetValue(`[name="field.merchant_name"]`, "Ben's Bookshop"))
	text := filepath.Join(o.bundle("review/second-*"), "fields.txt")
	data, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(text, append(data, "# seen in the folder\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	ben.do(chromedp.Click("#approve"), chromedp.WaitVisible("#lost"))
	if o.state("second") != "needs_human_review" || ben.value(`document.querySelector('[name="field.merchant_name"]').value`) != "Ben's Bookshop" {
		t.Errorf("after a text in the folder: %s", ben.value(`document.querySelector("main").innerText`))
	}
	anna.open("/review/" + id)
	anna.do(chromedp.SetValue("#reason", "not ours"), chromedp.Click("#reject"))
	o.untilState("second", "rejected")
	ben.do(chromedp.Click("#approve"))
	ben.until(`document.querySelector("#lost")?.innerText.includes("anna")`)
	if got := ben.value(`document.querySelector('[name="field.merchant_name"]').value`); got != "Ben's Bookshop" {
		t.Errorf("what Ben typed is %q now", got)
	}
	anna.quiet()
	ben.quiet()
}

// axe is the script that checks pages for accessibility, taken from a cache or by
// npm; "" where it cannot be had.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("axe-core has no place to be kept: %v", err)
	}
	const version = "4.14.1"
	dir := filepath.Join(cache, "intray-test", "axe-core-"+version)
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if data, err := os.ReadFile(file); err == nil {
		return string(data)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Skipf("axe-core has no place to be kept: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", dir, "axe-core@"+version).CombinedOutput()
	data, readErr := os.ReadFile(file)
	if err := errors.Join(err, readErr); err != nil {
		t.Skipf("axe-core cannot be had here: %v\n%s", err, out)
	}
	return string(data)
}

// accessible has axe-core look at every page, in both colours and both widths.
// With INTRAY_SCREENSHOTS naming a folder, each in each, and pictures go there.
func accessible(t *testing.T, tb *tab, more ...string) {
	tb.t = t
	checker, shots := axe(t), os.Getenv("INTRAY_SCREENSHOTS")
	tb.do(bypassPolicy())
	for _, path := range append([]string{"/", "/documents", "/review", "/problems", "/engines", "/settings", "/states", "/nowhere"}, more...) {
		for _, width := range []int64{1280, 390} {
			for _, colour := range []string{"light", "dark"} {
				if shots == "" && (width == 390) != (colour == "dark") {
					continue
				}
				tb.do(chromedp.EmulateViewport(width, 900), colours(colour))
				tb.open(path)
				tb.do(chromedp.WaitReady("main"))
				if shots != "" {
					tb.until(`[...document.querySelectorAll("image")].length === 0 || document.readyState === "complete"`)
					tb.shoot(filepath.Join(shots, fmt.Sprintf("%s-%d-%s.png", shotName(path), width, colour)))
				}
				if got := tb.value(`String(document.documentElement.scrollWidth > document.documentElement.clientWidth)`); got == "true" {
					t.Errorf("%s at %d is wider than the window", path, width)
				}
				found := tb.value(checker + `;axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + "\n" +
					v.nodes.slice(0, 3).map(n => "    " + n.html.slice(0, 160) + "\n    " + n.failureSummary.replaceAll("\n", " ")).join("\n")).join("\n"))`)
				if found != "" {
					t.Errorf("%s at %d in %s:\n%s", path, width, colour, found)
				}
			}
		}
	}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.errors = slices.DeleteFunc(tb.errors, func(s string) bool { return strings.Contains(s, "404") && strings.Contains(s, "/nowhere") })
	for _, e := range tb.errors {
		t.Errorf("the console says %q", e)
	}
}

func shotName(path string) string {
	name := strings.Trim(path, "/")
	if first, rest, ok := strings.Cut(name, "/"); ok && len(rest) > 8 {
		return first + "-one"
	}
	if name == "" {
		return "today"
	}
	return name
}

// TestLivePage: a page listens while it is looked at, and only then, for a browser has
// six connections to one place; and one that Intray no longer answers says so.
func TestLivePage(t *testing.T) {
	t.Parallel()
	chromium(t)
	o := newOffice(t, "")
	o.start()
	anna := newBrowser(t, o).signIn(o, "anna")
	anna.do(beforePages(`window.sources = []; const real = EventSource; window.EventSource = class extends real { constructor(at) { super(at); sources.push(this); } };`))
	anna.open("/review")
	anna.until(`sources.length === 1 && sources[0].readyState === EventSource.OPEN && document.querySelector("#stale").hidden`)
	look := func(hidden string) chromedp.Action[chromedp.Void] {
		return script(`Object.defineProperty(document, "hidden", {value: ` + hidden + `, configurable: true}); document.dispatchEvent(new Event("visibilitychange"))`)
	}
	anna.do(look("true"))
	anna.until(`sources.length === 1 && sources[0].readyState === EventSource.CLOSED`)
	anna.do(look("false"))
	anna.until(`sources.length === 2 && sources[1].readyState === EventSource.OPEN`)
	anna.quiet()
	o.stop()
	anna.until(`!document.querySelector("#stale").hidden && /does not answer.* at \d/.test(document.querySelector("#stale").textContent)`)
	o.start()
	anna.until(`/not signed in.* at \d/.test(document.querySelector("#stale").textContent)`)
}
