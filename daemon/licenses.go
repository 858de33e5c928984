package daemon

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// printLicenses writes the licences of all that the program contains. A release
// has them inside; `go build` alone does not gather them.
func (a *app) printLicenses() error {
	if len(packedNotices) == 0 {
		return usage(errors.New("this program was built without its licence texts; one made by `make static` or `make dist` has them"))
	}
	texts, err := gzip.NewReader(bytes.NewReader(packedNotices))
	if err != nil {
		return fmt.Errorf("unpack the licence texts: %w", err)
	}
	if _, err := io.Copy(a.out, texts); err != nil {
		return fmt.Errorf("print the licence texts: %w", err)
	}
	return nil
}
