package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
)

// The roles of users of the page; each may do what those before it may.
const (
	RoleReader   = "reader"
	RoleReviewer = "reviewer"
	RoleAdmin    = "admin"
)

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// loopback is true when only this machine reaches the address, or nobody does.
func (w Web) loopback() bool {
	host, _, err := net.SplitHostPort(w.Listen)
	ip := net.ParseIP(host)
	return err != nil || strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// web checks who reaches the page, and how.
func (v *checker) web(w Web) {
	switch {
	case (w.TLSCert == "") != (w.TLSKey == ""):
		v.add("web.tls_cert", "web.tls_cert and web.tls_key belong together; give both or none")
	case w.TLSCert == "" && !w.loopback():
		v.add("web.listen", "web.listen is %q, which other machines reach: passwords and pages would cross the network in the clear. "+
			"Give web.tls_cert and web.tls_key, or listen on 127.0.0.1", w.Listen)
	}
	for _, h := range w.Hosts {
		if !hostName.MatchString(h) {
			v.add("web.hosts", "web.hosts has %q; write names such as \"scan.example.com\", without port and scheme", h)
		}
	}
	for i, u := range w.Users {
		key := fmt.Sprintf("web.user.%d", i)
		if !word.MatchString(u.Name) {
			v.add(key+".name", "user name %q: use letters, digits, blank, dot, dash and underscore", u.Name)
		}
		if slices.ContainsFunc(w.Users[:i], func(o User) bool { return o.Name == u.Name }) {
			v.add(key+".name", "two users are called %q", u.Name)
		}
		v.oneOf(key+".role", u.Role, RoleReader, RoleReviewer, RoleAdmin)
		if u.Password == (Secret{}) {
			v.add(key+".password", "user %q needs a password: password = { file = \"PATH\" } or { env = \"NAME\" }", u.Name)
		}
	}
}
