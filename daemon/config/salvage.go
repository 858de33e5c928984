package config

import (
	"bytes"
	"errors"
	"net"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

// Salvage is what a daemon that cannot work yet needs of a configuration with errors:
// where it logs and where its page is, as far as the file says so, else the defaults.
func Salvage(path string) *Config {
	cfg := Default()
	dir := filepath.Dir(path)
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	data, _ := Read(path) // what cannot be read says nothing
	said := readable(bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")))
	text := func(table map[string]any, key string, into *string, good func(string) bool) {
		if s, ok := table[key].(string); ok && good(s) {
			*into = s
		}
	}
	anything := func(string) bool { return true }
	text(said, "data_dir", &cfg.DataDir, anything)
	text(said, "log_file", &cfg.LogFile, anything)
	text(said, "log_format", &cfg.LogFormat, func(s string) bool { return s == "text" || s == "json" })
	if web, ok := said["web"].(map[string]any); ok {
		text(web, "listen", &cfg.Web.Listen, func(s string) bool {
			_, _, err := net.SplitHostPort(s)
			return err == nil || s == ""
		})
		text(web, "tls_cert", &cfg.Web.TLSCert, anything)
		text(web, "tls_key", &cfg.Web.TLSKey, anything)
	}
	cfg.complete(dir)
	return &cfg
}

// Local is where a daemon that cannot work has its page: for this machine only and
// without a certificate, whatever was wanted. Who may see the page is not known.
func (w Web) Local() Web {
	if _, port, err := net.SplitHostPort(w.Listen); err == nil && !w.loopback() {
		w.Listen = net.JoinHostPort("127.0.0.1", port)
	}
	return Web{Listen: w.Listen}
}

// readable is the file as far as it can be read: one with an error of syntax, up to
// the line before it.
func readable(data []byte) map[string]any {
	var said map[string]any
	_, err := toml.Decode(string(data), &said)
	var wrong toml.ParseError
	if errors.As(err, &wrong) {
		said = nil
		lines := bytes.SplitAfter(data, []byte("\n"))
		above := bytes.Join(lines[:max(0, min(wrong.Position.Line-1, len(lines)))], nil)
		if _, err = toml.Decode(string(above), &said); err != nil {
			return nil
		}
	}
	return said
}
