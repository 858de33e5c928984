package tesseract

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"intray/engines"
)

// command reads pages with the tesseract command: the image on its standard
// input, hOCR on its standard output.
type command struct {
	options options
	hand    sync.WaitGroup
}

func newCommand(o options) reader { return &command{options: o} }

func (c *command) run(ctx context.Context, input []byte, args ...string) (stdout, stderr []byte, err error) {
	if c.options.Tessdata != "" {
		args = append(args, "--tessdata-dir", c.options.Tessdata)
	}
	cmd := exec.CommandContext(ctx, "tesseract", args...)
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	cmd.Stdin = bytes.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
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

func (c *command) hocr(ctx context.Context, page engines.Page) ([]byte, error) {
	c.hand.Add(1)
	defer c.hand.Done()
	args := []string{"stdin", "stdout", "-l", strings.Join(page.Languages, "+"), "--psm", strconv.Itoa(c.options.PageSegmentation)}
	if page.DPI > 0 {
		args = append(args, "--dpi", dpi(page))
	}
	// "-c" instead of the config file "hocr", which some installations lack.
	args = append(args, "-c", "tessedit_create_hocr=1")
	out, errs, err := c.run(ctx, page.Image, args...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out, nil
	case errors.Is(err, exec.ErrNotFound):
		return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeUnavailable,
			Sentence: "The tesseract command is not installed.", Cause: err}
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return nil, damaged(errors.Join(err, errors.New(tail(errs))))
	}
	return nil, &engines.Error{Kind: engines.Retryable, Code: engines.CodeCrashed,
		Sentence: "Tesseract broke down on this page.", Cause: errors.Join(err, errors.New(tail(errs)))}
}

func (c *command) close() error {
	c.hand.Wait()
	return nil
}

// tail is the end of what a command said, enough to understand it.
func tail(b []byte) string {
	return strings.TrimSpace(string(b[max(0, len(b)-500):]))
}
