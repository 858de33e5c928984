package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"intray/daemon/config"
	"intray/daemon/durable"
)

// dropInFile is what `intray init --service` writes. systemd reads it beside the
// packages' unit (systemd.unit(5)), whose protections it loosens by no more than
// the configuration asks for.
const dropInFile = "/etc/systemd/system/intray.service.d/configuration.conf"

const dropInHead = "# Written by `intray init --service`, which replaces it."

// unitWritable are the folders that the packages' unit lets the service write.
var unitWritable = []string{"/var/lib/intray", "/var/cache/intray", "/var/log/intray", "/srv/intray"}

// openings is what a service needs beyond the packages' unit.
type openings struct {
	write   []string // folders to write in
	homes   []string // folders below /home, /root and /run/user, which the unit hides
	network []string // why it has to reach other machines
	hidden  []string // folders that no drop-in can open
}

// initService writes the drop-in for the configuration, or takes back one that is
// not needed any more, and says what to do then.
func (a *app) initService(file string) error {
	if runtime.GOOS != "linux" {
		return usage(errors.New("--service is for systemd; a Windows service gets rights on folders by its account"))
	}
	if a.configFile == "" && os.Getenv("INTRAY_CONFIG") == "" {
		// What the unit reads, not a config.toml that lies where root happens to be.
		a.configFile = config.SystemFile()
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	needs, text, old, err := a.compareDropIn(cfg, file)
	if err != nil {
		return err
	}
	if old != nil && !strings.HasPrefix(string(old), dropInHead) {
		return usage(fmt.Errorf("%s was not written by this command and is left as it is", file))
	}
	if text == string(old) {
		fmt.Fprintln(a.out, "The service may do all that the configuration asks for; nothing was changed.")
		return nil
	}
	if err := replaceDropIn(file, text); err != nil {
		return err
	}
	for _, line := range needs.sentences() {
		fmt.Fprintln(a.out, line)
	}
	done := "is written"
	if text == "" {
		done = "is not needed any more and was removed"
	}
	fmt.Fprintf(a.out, "%s %s. Now:\n\n    systemctl daemon-reload && systemctl restart intray\n", file, done)
	return nil
}

func replaceDropIn(file, text string) error {
	if text == "" {
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("remove the drop-in: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("make the folder for the drop-in: %w", err)
	}
	if err := durable.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the drop-in: %w", err)
	}
	return nil
}

// openingsFor compares what the configuration names with what the unit allows.
func openingsFor(cfg *config.Config, cloud, shares []string) openings {
	var o openings
	dirs := []string{cfg.DataDir}
	if cfg.LogFile != "" {
		dirs = append(dirs, filepath.Dir(cfg.LogFile))
	}
	for _, f := range cfg.Folders {
		dirs = append(dirs, f.Path)
		for _, p := range f.Results() {
			dirs = append(dirs, p.Path)
		}
		if f.CSV != "" {
			dirs = append(dirs, filepath.Dir(f.CSV))
		}
	}
	for _, dir := range dirs {
		o.folder(dir, shares)
		if real := behindLinks(dir); real != dir {
			o.folder(real, shares)
		}
	}
	for _, name := range cloud {
		o.network = append(o.network, fmt.Sprintf("[engine.%s] is a cloud engine", name))
	}
	for _, r := range cfg.Receivers {
		if u, err := url.Parse(r.URL); err == nil && !ownHost(u.Hostname()) {
			o.network = append(o.network, fmt.Sprintf("receiver %q is on another machine", r.Name))
		}
	}
	for key, listen := range map[string]string{"web.listen": cfg.Web.Listen, "webhooks.listen": cfg.Webhooks.Listen} {
		if host, _, err := net.SplitHostPort(listen); err == nil && !ownHost(host) {
			o.network = append(o.network, fmt.Sprintf("%s is %q", key, listen))
		}
	}
	slices.Sort(o.network)
	return o
}

// behindLinks is where dir is on disk: systemd opens what a path leads to, but not
// what a link below an open folder leads to. What is not there yet is kept as named.
func behindLinks(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	if parent := filepath.Dir(dir); parent != dir {
		return filepath.Join(behindLinks(parent), filepath.Base(dir))
	}
	return dir
}

// checkUnit compares the drop-in with the configuration, for the packages' own service
// alone: nothing else shows a person that a folder is closed to it. Drop-ins
// that somebody wrote may open the same; of them nothing is said.
func (a *app) checkUnit(cfg *config.Config, path, file string) []finding {
	if path != config.SystemFile() || packagedUnit() == "" {
		return nil
	}
	if others, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*.conf")); len(slices.DeleteFunc(others, func(f string) bool { return f == file })) > 0 {
		return nil
	}
	return []finding{a.unitFinding(cfg, file)}
}

// unitFinding is checkUnit for the packages' service on this machine.
func (a *app) unitFinding(cfg *config.Config, file string) finding {
	_, text, old, err := a.compareDropIn(cfg, file)
	if err != nil {
		return finding{what: "service", problem: err.Error()}
	}
	if text != string(old) {
		return finding{what: "service", problem: "systemd does not let it do what the configuration asks for, or more than that; " +
			"`intray init --service && systemctl daemon-reload && systemctl restart intray` mends that"}
	}
	return finding{what: "service", detail: "may do what the configuration asks for"}
}

// compareDropIn is what the configuration needs, the drop-in's text for it, and the text
// that the file has now; nil is no file.
func (a *app) compareDropIn(cfg *config.Config, file string) (needs openings, text string, old []byte, err error) {
	shares, err := networkMounts("/proc/self/mountinfo")
	if err != nil {
		return needs, "", nil, err
	}
	needs = openingsFor(cfg, a.cloudNames(cfg), shares)
	if err := needs.impossible(); err != nil {
		return needs, "", nil, usage(err)
	}
	old, err = os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return needs, "", nil, fmt.Errorf("read the drop-in: %w", err)
	}
	return needs, needs.dropIn(), old, nil
}

// impossible says which folders no drop-in opens.
func (o openings) impossible() error {
	if len(o.hidden) > 0 {
		return fmt.Errorf("the service has a temporary folder of its own and cannot see %s; choose another place", strings.Join(o.hidden, ", "))
	}
	for _, dir := range append(slices.Clone(o.write), o.homes...) {
		if strings.ContainsFunc(dir, unicode.IsControl) { // a carriage return, too, ends a line of a unit
			return fmt.Errorf("a unit of systemd cannot name the folder %q; choose a name without control characters", dir)
		}
	}
	return nil
}

// ownHost is true for names of this machine alone; an empty host is every address.
func ownHost(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// folder opens one folder. Of a network share its mount point is opened: a folder
// below it would hold on to the share as it was when the service started, also
// after it was unmounted and mounted anew.
func (o *openings) folder(dir string, shares []string) {
	within := func(root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }
	add := func(list *[]string, dir string) {
		if !slices.Contains(*list, dir) {
			*list = append(*list, dir)
		}
	}
	switch {
	case slices.ContainsFunc(unitWritable, within):
	case slices.ContainsFunc([]string{"/tmp", "/var/tmp"}, within):
		add(&o.hidden, dir)
	case slices.ContainsFunc([]string{"/home", "/root", "/run/user"}, within):
		add(&o.homes, dir)
	default:
		open := dir
		for _, share := range shares {
			if within(share) {
				open = share
			}
		}
		add(&o.write, open)
	}
}

// dropIn is the file's text; "" if nothing is needed.
func (o openings) dropIn() string {
	if len(o.write)+len(o.homes)+len(o.network) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(dropInHead + "\n")
	if len(o.network) > 0 {
		b.WriteString("[Unit]\nWants=network-online.target\nAfter=network-online.target nss-lookup.target\n\n")
	}
	b.WriteString("[Service]\n")
	// The minus: a folder that is not there now keeps the service from nothing else.
	for _, dir := range o.write {
		fmt.Fprintf(&b, "ReadWritePaths=%s\n", unitQuote("-"+dir))
	}
	if len(o.homes) > 0 {
		b.WriteString("ProtectHome=tmpfs\n")
	}
	for _, dir := range o.homes {
		fmt.Fprintf(&b, "BindPaths=%s\n", unitQuote("-"+dir))
	}
	for _, why := range o.network {
		fmt.Fprintf(&b, "# %s\n", why)
	}
	if len(o.network) > 0 {
		b.WriteString("IPAddressDeny=\n")
	}
	return b.String()
}

// sentences tell a person what the drop-in changes.
func (o openings) sentences() []string {
	var out []string
	for _, dir := range append(slices.Clone(o.write), o.homes...) {
		line := "may write in " + dir
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			line += ", which does not exist yet: make it before the service starts"
		}
		out = append(out, line)
	}
	for _, why := range o.network {
		out = append(out, "may reach other machines, since "+why)
	}
	return out
}

// unitQuote writes one word of a unit file (systemd.syntax(7)), which has no control characters.
func unitQuote(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(word) + `"`
}

// networkMounts are the places of network shares in proc_pid_mountinfo(5), outer
// ones first: mount point is the fifth field, type the first behind the dash.
func networkMounts(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ask for mounted file systems: %w", err)
	}
	network := []string{"cifs", "smb3", "nfs", "nfs4", "autofs", "9p", "ceph", "glusterfs"}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var out []string
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash < 6 || dash+1 == len(fields) {
			continue
		}
		if kind := fields[dash+1]; slices.Contains(network, kind) || strings.HasPrefix(kind, "fuse.") {
			out = append(out, unescape.Replace(fields[4]))
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return slices.Compact(out), nil
}
