package tesseract

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"intray/engines"
)

// command reads pages with the tesseract command: the image on its standard
// input, hOCR on its standard output.
type command struct {
	options options
	calls   *gate
}

func newCommand(o options) reader { return &command{options: o, calls: newGate()} }

func (c *command) run(ctx context.Context, input []byte, args ...string) (stdout, stderr []byte, err error) {
	if c.options.Tessdata != "" {
		args = append(args, "--tessdata-dir", c.options.Tessdata)
	}
	cmd := exec.CommandContext(ctx, findCommand(), args...)
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	cmd.Stdin = bytes.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	// A killed command on a broken disk may linger; we do not.
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	return out.Bytes(), errs.Bytes(), err
}

func (c *command) version() string {
	out, errs, err := c.run(context.Background(), nil, "--version")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(append(out, errs...)), "\n")
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(first), "tesseract"))
}

func (c *command) languages() ([]string, error) {
	out, errs, err := c.run(context.Background(), nil, "--list-langs")
	if err != nil {
		return nil, errors.Join(err, errors.New(tail(errs)))
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && !strings.ContainsAny(line, " :") {
			list = append(list, line)
		}
	}
	return list, nil
}

func (c *command) read(ctx context.Context, page engines.Page, way how) (answer, error) {
	if err := c.calls.enter(); err != nil {
		return answer{}, err
	}
	defer c.calls.leave()
	args := []string{"stdin", "stdout", "-l", strings.Join(page.Languages, "+"), "--psm", strconv.Itoa(way.mode)}
	if way.threshold != oneThreshold { // Tesseract 4 does not know it
		args = append(args, "-c", "thresholding_method="+strconv.Itoa(way.threshold))
	}
	if page.DPI > 0 {
		args = append(args, "--dpi", dpi(page))
	}
	// "-c" instead of the config file "hocr", which some installations lack.
	// Of a file of many pages the first is meant, as for the library.
	args = append(args, "-c", "tessedit_create_hocr=1", "-c", "tessedit_page_number=0")
	out, errs, err := c.run(ctx, page.Image, args...)
	if err == nil {
		return answer{hocr: string(out)}, nil
	}
	return answer{}, c.failure(err, tail(errs))
}

// failure tells a bad picture from a bad installation and from a crash; the
// command's exit status is 1 for the first two.
func (c *command) failure(err error, said string) error {
	var exit *exec.ExitError
	isExit := errors.As(err, &exit)
	err = errors.Join(err, errors.New(said))
	switch {
	case isExit && strings.Contains(said, "Could not initialize tesseract"):
		return unusable(err)
	case isExit && exit.ExitCode() == 1:
		return damaged(err)
	case isExit:
		return &engines.Error{Kind: engines.Retryable, Code: engines.CodeCrashed, Sentence: "Tesseract broke down on this page.", Cause: err}
	}
	return unusable(err)
}

func (c *command) script(ctx context.Context, page engines.Page) (name string, sure float64, err error) {
	if err := c.calls.enter(); err != nil {
		return "", 0, err
	}
	defer c.calls.leave()
	args := []string{"stdin", "stdout", "-l", orientationModel, "--psm", "0"}
	if page.DPI > 0 {
		args = append(args, "--dpi", dpi(page))
	}
	out, _, err := c.run(ctx, page.Image, args...)
	if ctx.Err() != nil {
		return "", 0, ctx.Err()
	}
	if err != nil { // so it says that there are too few letters
		return "", 0, nil
	}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Script":
			name = value
		case "Script confidence":
			sure, _ = strconv.ParseFloat(value, 64) // 0 for none
		}
	}
	return name, sure, nil
}

func (c *command) close() error {
	c.calls.shut()
	return nil
}

// tail is the end of what a command said, enough to understand it.
func tail(b []byte) string {
	return strings.TrimSpace(string(b[max(0, len(b)-500):]))
}
