package daemon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"intray/engines/enginetest/servers"
)

// labSays is on every page that a lab answers: nobody shall take it for a reading.
const labSays = "Made up by Intray's provider lab"

// providerLab is a cloud provider's server on this machine.
type providerLab struct {
	listen string
	faults float64
	seed   uint64
	slow   time.Duration
	polls  int
	// section is set when only what belongs into config.toml is wanted.
	section bool
}

// providerLabCommand is hidden: it is for trying a cloud set-up without an account.
func (a *app) providerLabCommand() *cobra.Command {
	var names []string
	for _, t := range servers.Trials() {
		names = append(names, t.Name)
	}
	var l providerLab
	c := &cobra.Command{
		Use: "provider-lab " + strings.Join(names, "|"), Short: "Play a cloud provider on this machine", Hidden: true,
		Args: cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: names,
		Long: "Answers as a cloud provider does, so that a configuration can be tried without an account. It reads nothing: what it\n" +
			"answers is made up. It prints what belongs into config.toml, then a line for each call; Ctrl-C ends it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if l.faults < 0 || l.faults > 1 || l.slow < 0 || l.polls < 0 {
				return usage(errors.New("--faults is a share from 0 to 1; --slow and --polls are not below 0"))
			}
			if !cmd.Flags().Changed("seed") {
				l.seed = rand.Uint64N(1_000_000)
			}
			for _, t := range servers.Trials() {
				switch {
				case t.Name != args[0]:
				case l.section:
					_, err := fmt.Fprint(a.out, "\n", section(t, l.listen))
					return err
				default:
					return a.playProvider(cmd.Context(), t, l)
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&l.listen, "listen", "127.0.0.1:7450", "address to answer at; Intray sends credentials to this machine alone without https")
	c.Flags().BoolVar(&l.section, "section", false, "only print what belongs into config.toml")
	c.Flags().Float64Var(&l.faults, "faults", 0, "share of calls that go wrong, such as 0.2: lost, cut, slow, refused, torn, forged")
	c.Flags().Uint64Var(&l.seed, "seed", 0, "the same seed and the same calls give the same faults (default: one that is printed)")
	c.Flags().DurationVar(&l.slow, "slow", 2*time.Second, "how long a slow answer takes")
	c.Flags().IntVar(&l.polls, "polls", 1, "how often a job is still running when it is asked about")
	return c
}

func (a *app) playProvider(ctx context.Context, t servers.Trial, p providerLab) error {
	credentials, err := t.Environment()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.listen)
	if err != nil {
		return usage(fmt.Errorf("the address %s cannot be used: %w", p.listen, err))
	}
	lab := servers.New(t.Service)
	lab.Says, lab.Polls, lab.Stall, lab.Announce = labSays, p.polls, p.slow, time.Second
	lab.Told = func(v servers.Visit) { fmt.Fprintln(a.out, time.Now().Format(time.TimeOnly), v) }
	if p.faults > 0 {
		lab.Chaos(p.faults, p.seed)
	}
	a.introduce(t, p, listener.Addr(), credentials)
	server := &http.Server{Handler: lab, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() {
		lab.Close()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(bounded) != nil {
			_ = server.Close() // a trial keeps nobody waiting
		}
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer calls: %w", err)
	}
	return nil
}

// section is what to write into config.toml.
func section(t servers.Trial, address string) string {
	text := t.Section("http://" + address)
	if t.Calls() {
		text += "[webhooks]\nlisten = \"127.0.0.1:7424\"\npublic_url = \"http://127.0.0.1:7424\"\n"
	}
	return text
}

// introduce says what to do with the server.
func (a *app) introduce(t servers.Trial, p providerLab, address net.Addr, credentials [][2]string) {
	fmt.Fprintf(a.out, "A made-up %s. %s\n", t.Name, t.Synthetic)
	fmt.Fprintf(a.out, "\nFor config.toml (and engine = \"%s\" or engine = [\"local\", \"%s\"] in a folder):\n\n%s", t.Name, t.Name, section(t, address.String()))
	fmt.Fprint(a.out, "\nBefore `intray run`, in its shell:\n\n")
	for _, c := range credentials {
		fmt.Fprintf(a.out, "export %s='%s'\n", c[0], c[1])
	}
	fmt.Fprintln(a.out)
	if p.faults > 0 {
		fmt.Fprintf(a.out, "%.0f %% of calls go wrong (--seed %d has the same ones again).\n", p.faults*100, p.seed)
	}
	if tcp, ok := address.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		fmt.Fprintln(a.out, "Anybody who reaches this address can use it, and Intray sends no credential there without https.")
	}
	fmt.Fprintln(a.out, "Answering. Ctrl-C ends it.")
}
