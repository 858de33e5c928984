#!/bin/sh
# The life of the bare program as a service, without a package, in a bare Debian with a
# real systemd: installed by itself, refused twice, killed, misconfigured, taken out.
# `make test-linux` calls it. Needs root; ends at the first step that fails.
#
#   service.sh PROGRAM PACKAGE.deb
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
package=$(realpath "$2")
. "$here/root.sh"

intray() { inside /opt/intray/intray "$@" --config /opt/tray/config.toml; }
property() { inside systemctl show -p "$1" --value intray; }
state() { [ "$(intray service status 2>&1 | head -1)" = "$1" ]; }
working() { intray service status | grep -q '^working since'; }
restarted() { [ "$(property MainPID)" != "$pid" ] && working; }
refuses() { # a word of the refusal, then the arguments
	word=$1
	shift
	said=$(intray "$@" 2>&1) && fail "intray $* was not refused"
	echo "      $said"
	echo "$said" | grep -q "$word" || fail "that does not say \"$word\""
}
scan() {
	inside /opt/intray/intray sample "/opt/tray/in/$1.pdf"
	inside sh -c "echo '% $1' >>/opt/tray/in/$1.pdf"
	until_true 120 "$1.json" inside test -f "/opt/tray/out/$1.json"
}

step "a bare root boots"
make_root
install -D "$program" "$root/opt/intray/intray"
boot

step "install, start, and the first scan"
inside /opt/intray/intray init /opt/tray >/dev/null
refuses "not installed" service start
intray service install | sed 's/^/      /'
refuses "installed already" service install
[ "$(inside systemctl is-enabled intray)" = enabled ] || fail "it would not start with the machine"
inside systemd-analyze verify --man=no intray.service || fail "the unit is not right"
state stopped || fail "it runs before it was started"
intray service start
until_true 30 "the service" working
scan first
intray service status | sed 's/^/      /'

step "kill -9, and it is back"
pid=$(property MainPID)
inside systemctl kill --kill-who=main -s KILL intray
until_true 60 "the restart" restarted
scan afterkill

step "a broken configuration, and recovery"
cp "$root/opt/tray/config.toml" "$work/good.toml"
echo 'nonsense = [' >>"$root/opt/tray/config.toml"
intray service restart
until_true 30 "the degraded service" state running
intray service status | sed 's/^/      /'
cp "$work/good.toml" "$root/opt/tray/config.toml"
inside systemctl reload intray
until_true 30 "the recovered service" working
scan aftermending

step "uninstall; folders and data stay"
intray service stop
state stopped || fail "it was not stopped"
intray service uninstall
refuses "not installed" service status
[ -f "$root/opt/tray/data/ledger.db" ] || fail "the ledger is gone"

step "beside a package's own unit"
cp "$package" "$root/package.deb"
inside dpkg -i /package.deb >/dev/null
refuses "package" service install
refuses "package" service uninstall
step ""
echo "all steps passed"
