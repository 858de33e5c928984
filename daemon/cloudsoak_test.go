package daemon

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"intray/engines"
	"intray/engines/enginetest"
	"intray/engines/enginetest/servers"
	"intray/ledger"
)

// TestCloudSoak sends documents to each provider's lab, where one call in five goes
// wrong, and kills the program at random moments: each document is delivered once,
// and each submission that the server counted is explained. Seven documents and two
// kills for two providers; `make cloudsoak` has 200 documents and 30 kills for all.
// INTRAY_CLOUD_SOAK says how many documents.
func TestCloudSoak(t *testing.T) {
	many, err := strconv.Atoi(os.Getenv("INTRAY_CLOUD_SOAK"))
	full := err == nil
	t.Logf("%-11s %9s %5s %6s %11s %8s %13s %9s %7s", "provider", "documents", "kills", "faults", "submissions", "given up", "lost answers", "delivered", "minutes")
	for _, trial := range servers.Trials() {
		if !full && trial.Name != "azure" && trial.Name != "plain" {
			continue
		}
		t.Run(trial.Name, func(t *testing.T) {
			t.Parallel()
			s := newCloudSoak(t, trial)
			documents, kills := 7, 2
			if full {
				documents, kills = many, many*3/20
			}
			s.run(documents, kills)
		})
	}
}

// cloudSoak is an office, a provider's lab and what is known of both.
type cloudSoak struct {
	*office
	trial    servers.Trial
	lab      *servers.Lab
	random   *rand.Rand
	secrets  []string
	contents map[string]string // hash -> name
}

func newCloudSoak(t *testing.T, trial servers.Trial) *cloudSoak {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("%s: seed %d", trial.Name, seed)
	s := &cloudSoak{office: newOffice(t, "workers = 1\n"), trial: trial, lab: enginetest.StartLab(t, trial.Service), random: rand.New(rand.NewPCG(seed, 7)), contents: map[string]string{}}
	s.lab.Polls, s.lab.Stall = 1, 200*time.Millisecond
	s.lab.Chaos(0.2, seed)
	credentials, err := trial.Environment()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range credentials {
		s.env = append(s.env, c[0]+"="+c[1])
		s.secrets = append(s.secrets, secretsIn(c[1])...)
	}
	poll := "100ms"
	if trial.Calls() {
		poll = "3s" // or there would be nothing left to call about
		listen := freePort(t)
		s.set("[web]\n", "[webhooks]\nlisten = \""+listen+"\"\npublic_url = \"http://"+listen+"\"\n[web]\n")
	}
	kind, rest, _ := strings.Cut(trial.Section(s.lab.URL), "\nendpoint")
	s.set("base = \"100ms\"", "base = \"100ms\"\ncap = \"2s\"\nmax_attempts = 50")
	s.add("engine = \"" + trial.Name + "\"\nclass = \"none\"\n" + kind +
		"\non_unknown = \"resubmit\"\ncalls_at_once = 8\ncalls_per_second = 200.0\ncall_timeout = \"20s\"\npoll_every = \"" + poll + "\"\nendpoint" + rest)
	return s
}

// secretsIn are the parts of a credential that must be nowhere.
func secretsIn(credential string) []string {
	var account struct {
		Email string `json:"client_email"`
		Key   string `json:"private_key"`
	}
	if json.Unmarshal([]byte(credential), &account) != nil {
		return []string{credential, base64.StdEncoding.EncodeToString([]byte(credential))}
	}
	lines := strings.Split(account.Key, "\n")
	return []string{account.Email, lines[len(lines)/2]}
}

// run drops documents while it kills, and counts at the end.
func (s *cloudSoak) run(documents, kills int) {
	began := time.Now()
	for i := range kills {
		s.launch()
		for len(s.contents) < documents*(i+1)/(kills+1) {
			s.dropOne()
		}
		s.someMoment()
		s.kill()
		s.nothingSaid()
	}
	s.launch()
	for len(s.contents) < documents {
		s.dropOne()
	}
	limit := patience
	if documents > 20 {
		limit = time.Hour
	}
	for late := time.Now().Add(limit); len(glob(s.office, "out/*.json")) < documents || s.finished() < documents; {
		if time.Now().After(late) {
			s.t.Fatalf("%d of %d documents came to an end\n%s", s.finished(), documents, s.log)
		}
		_, _ = s.log.wait(time.Second, "a line that never comes")
	}
	s.stop()
	s.nothingSaid()
	for _, secret := range s.secrets {
		s.secretIsNowhere(secret)
	}
	s.noDebris()
	delivered := s.deliveredOnce()
	submissions, givenUp, lost := s.explained()
	faults := 0
	for _, n := range s.lab.Injected() {
		faults += n
	}
	s.t.Logf("%-11s %9d %5d %6d %11d %8d %13d %9d %7.1f", s.trial.Name, documents, kills, faults, submissions, givenUp, lost, delivered, time.Since(began).Minutes())
	s.t.Logf("%s: faults %v", s.trial.Name, s.lab.Injected())
}

// someMoment waits for some documents to be sent, or delivered, as many as chance
// says, and a little longer.
func (s *cloudSoak) someMoment() {
	word, some := "Sent.", 1+s.random.IntN(8)
	if s.random.IntN(2) == 0 {
		word = "Delivered."
	}
	for late := time.Now().Add(20 * time.Second); s.log.count(word) < some && time.Now().Before(late); {
		_, _ = s.log.wait(100*time.Millisecond, "a line that never comes")
	}
	_, _ = s.log.wait(time.Duration(s.random.IntN(400))*time.Millisecond, "a line that never comes")
}

// dropOne drops a small page that is like no other.
func (s *cloudSoak) dropOne() {
	page := image.NewGray(image.Rect(0, 0, 240, 320))
	for i := range page.Pix {
		page.Pix[i] = 255
	}
	for i := range 400 {
		page.SetGray(20+i%200, 40+40*(i/200), color.Gray{Y: uint8(s.random.IntN(120))})
	}
	var data bytes.Buffer
	if err := png.Encode(&data, page); err != nil {
		s.t.Fatal(err)
	}
	name := fmt.Sprintf("page-%04d.png", len(s.contents))
	s.contents[hashOf(data.Bytes())] = name
	s.drop(name, data.Bytes())
}

func (s *cloudSoak) nothingSaid() {
	for _, secret := range s.secrets {
		if strings.Contains(s.log.String(), secret) {
			s.t.Error("the log has a key")
		}
	}
}

// deliveredOnce holds the output folder against what was dropped.
func (s *cloudSoak) deliveredOnce() int {
	times := map[string]int{}
	for _, path := range glob(s.office, "out/*.json") {
		times[readDocument(s.t, path).Source.SHA256]++
		if _, err := os.Stat(strings.TrimSuffix(path, ".json") + ".pdf"); err != nil {
			s.t.Error(err)
		}
	}
	for sum, name := range s.contents {
		if times[sum] != 1 {
			s.t.Errorf("%s was delivered %d times", name, times[sum])
		}
	}
	for _, dir := range []string{"failed", "review"} {
		for _, path := range glob(s.office, dir+"/*/*.json") {
			data, err := os.ReadFile(path)
			s.t.Errorf("%s: %v\n%.600s", path, err, data)
		}
	}
	return len(times)
}

// told is what the ledger says of one document's submissions.
type told struct {
	jobs    int // that it has the names of
	unknown int // whose answer did not come or could not be understood
	killed  int // under way when the program ended
	givenUp int // jobs that it has the names of and that brought nothing
}

// explained holds each submission that the server took against the ledger. A
// document needs one. Any other is either of a job that was named and given up
// because its result was gone, or of one that was never named, because the answer
// that named it was lost: on the way, which the lab knows as well, since it did it,
// or with the program. A service that knows our keys has no jobs of the second kind.
func (s *cloudSoak) explained() (submissions, givenUp, lost int) {
	l, err := ledger.Open(s.path("data", "ledger.db"), ledger.Options{ReadOnly: true})
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	if err := l.Check(); err != nil {
		s.t.Error(err)
	}
	taken, spoiled := map[string]int{}, map[string]int{}
	for _, job := range s.lab.Jobs() {
		sum := hashOf(job.Document)
		taken[sum]++
		if job.Spoiled {
			spoiled[sum]++
		}
		if s.contents[sum] == "" {
			s.t.Errorf("job %s is about something that was never dropped", job.ID)
		}
	}
	for sum, name := range s.contents {
		doc, err := l.FirstBySHA256(sum)
		if err != nil {
			s.t.Fatal(err)
		}
		d := tellOf(s.t, l, doc.ID)
		unnamed := taken[sum] - d.jobs
		switch {
		case taken[sum] == 0 || unnamed < 0:
			s.t.Errorf("%s: the server took it %d times, the ledger names %d jobs", name, taken[sum], d.jobs)
		case d.jobs-1 > d.givenUp:
			s.t.Errorf("%s: %d jobs and only %d given up", name, d.jobs, d.givenUp)
		case unnamed > d.unknown+d.killed || unnamed > spoiled[sum]+d.killed:
			s.t.Errorf("%s: taken %d times; %+v, %d answers spoiled: %d submissions are not explained", name, taken[sum], d, spoiled[sum], unnamed)
		case unnamed > 0 && slices.Contains([]string{"textract", "mistral", "plain"}, s.trial.Name):
			s.t.Errorf("%s: taken %d times, though the service knows our key: %+v", name, taken[sum], d)
		}
		submissions, givenUp, lost = submissions+taken[sum], givenUp+max(0, d.jobs-1), lost+unnamed
	}
	if n := s.lab.Accepted(); n != submissions || n != len(s.contents)+givenUp+lost {
		s.t.Errorf("the server took %d submissions: %d documents, %d given up, %d lost", n, len(s.contents), givenUp, lost)
	}
	return submissions, givenUp, lost
}

// tellOf reads a document's attempts and events.
func tellOf(t testing.TB, l *ledger.Ledger, id string) (d told) {
	t.Helper()
	attempts, err := l.Attempts(id)
	if err != nil {
		t.Fatal(err)
	}
	events, err := l.Events(id)
	if err != nil {
		t.Fatal(err)
	}
	moves := map[string][]string{} // by attempt
	for _, e := range events {
		moves[e.AttemptID] = append(moves[e.AttemptID], e.Move)
	}
	for _, a := range attempts {
		code := ""
		if a.Failure != nil {
			code = a.Failure.Code
		}
		if code == engines.CodeExpired {
			d.givenUp++
		}
		switch did := moves[a.ID]; {
		case slices.Contains(did, "submitted"):
			d.jobs++
		case !slices.Contains(did, "submit"):
		case code == engines.CodeSubmitUnknown, code == engines.CodeTimeout:
			d.unknown++
		case code == "": // rescued or interrupted
			d.killed++
		}
	}
	return d
}
