package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"intray/daemon/config"
	"intray/daemon/web"
	"intray/ledger"
)

func (a *app) openCommand() *cobra.Command {
	var link bool
	var q web.InviteRequest
	c := &cobra.Command{
		Use: "open", Short: "Open Intray's page in the browser, signed in", Args: cobra.NoArgs,
		Long: "Asks the running daemon for a link that signs in once, within two minutes, and opens it in the browser.\n" +
			"With --link it only prints it, for a browser elsewhere on this machine.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			if cfg.Web.Listen == "" {
				return usage(errors.New("the page is off: web.listen is empty"))
			}
			if q.Name == "" {
				q.Name = whoAmI()
			}
			var invited web.Invitation
			r := request{method: http.MethodPost, path: "/api/v1/invitations", body: q, into: &invited}
			_, err = ask(cmd.Context(), cfg, r, func(*ledger.Ledger) error {
				return &exitError{exitUnreachable, errors.New("no daemon runs; start it with `intray run` or `intray service start`")}
			})
			if err != nil {
				return err
			}
			address := pageAddress(cfg.Web) + invited.Path
			if link || !browse(cmd.Context(), address) {
				fmt.Fprintln(a.out, address)
				return nil
			}
			fmt.Fprintln(a.out, "Opened "+pageAddress(cfg.Web)+"/ in the browser.")
			return nil
		},
	}
	c.Flags().BoolVar(&link, "link", false, "print the link instead of opening it")
	c.Flags().StringVar(&q.Name, "name", "", "who signs in, for the history of documents (default: your name here)")
	c.Flags().StringVar(&q.Role, "role", "", "what the link allows: reader, reviewer or admin (default)")
	return c
}

// whoAmI is this user's name, without the machine's that Windows puts before it.
func whoAmI() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username[strings.LastIndex(u.Username, `\`)+1:]
}

// pageAddress is where a browser on this machine finds the page; with a
// certificate, under a name that it is for.
func pageAddress(w config.Web) string {
	address := dialable(w.Listen)
	if w.TLSCert == "" {
		return "http://" + address
	}
	_, port, err := net.SplitHostPort(address)
	certificate, err2 := certificateIn(w.TLSCert)
	if err == nil && err2 == nil {
		for _, name := range certificate.DNSNames {
			if !strings.Contains(name, "*") {
				return "https://" + net.JoinHostPort(name, port)
			}
		}
	}
	return "https://" + address
}

// browse opens an address in the browser; false if there is none that a person
// would see.
func browse(ctx context.Context, address string) bool {
	var cmd *exec.Cmd
	switch {
	case runtime.GOOS == "windows":
		cmd = exec.CommandContext(ctx, "rundll32", "url.dll,FileProtocolHandler", address)
	case runtime.GOOS == "darwin":
		cmd = exec.CommandContext(ctx, "open", address)
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return false
	default:
		cmd = exec.CommandContext(ctx, "xdg-open", address)
	}
	return cmd.Run() == nil
}
