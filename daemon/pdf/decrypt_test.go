package pdf

import (
	"errors"
	"path/filepath"
	"testing"

	"intray/daemon/pdf/pdftest"
)

// TestDecrypt: files of every revision that open without a password are whole
// when they are decrypted; one that needs a password is refused.
func TestDecrypt(t *testing.T) {
	rich := pdftest.Rich(t)
	for name, args := range map[string][]string{
		"RC4, 40 bits":         {"--encrypt", "", "owner", "40", "--"},
		"RC4, 128 bits":        {"--encrypt", "", "owner", "128", "--use-aes=n", "--"},
		"crypt filters":        {"--encrypt", "", "owner", "128", "--force-V4", "--"},
		"AES, 128 bits":        {"--encrypt", "", "owner", "128", "--use-aes=y", "--"},
		"AES, metadata plain":  {"--encrypt", "", "owner", "128", "--use-aes=y", "--cleartext-metadata", "--"},
		"AES, 256 bits":        {"--encrypt", "", "owner", "256", "--"},
		"AES, 256 bits, early": {"--encrypt", "", "owner", "256", "--force-R5", "--"},
		"object streams":       {"--object-streams=generate", "--encrypt", "", "", "256", "--"},
		"linearized":           {"--linearize", "--encrypt", "", "owner", "128", "--use-aes=y", "--"},
		"password needed":      {"--encrypt", "user", "owner", "256", "--"},
		"password needed, RC4": {"--encrypt", "user", "owner", "128", "--use-aes=n", "--"},
	} {
		locked, out := filepath.Join(t.TempDir(), "locked.pdf"), filepath.Join(t.TempDir(), "out.pdf")
		all := append([]string{"--allow-weak-crypto", "--compress-streams=n", rich, locked}, args...)
		if b, err := pdftest.Run(t, "qpdf", all...); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		err := Decrypt(locked, out)
		if name == "password needed" || name == "password needed, RC4" {
			if !errors.Is(err, ErrRewrite) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tool(t, "qpdf", "--check", out)
		checkSame(t, name, rich, out)
	}
}
