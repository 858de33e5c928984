# A bare Debian with a real systemd in a container, for the tests of packages.
# To be read by other scripts, which then have $work, a folder that goes with them, and
# in it $root.
[ "$(id -u)" = 0 ] || {
	echo "$0: root is needed to boot a container" >&2
	exit 1
}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/intray-packages.XXXXXX")
root=$work/root
cleanup() {
	[ $? = 0 ] || echo "FAILED in this step" >&2
	halt
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# make_root unpacks a fresh one into $root. It is made once and kept; making it
# takes some minutes.
make_root() {
	suite=${SUITE:-bookworm}
	kept=${XDG_CACHE_HOME:-$HOME/.cache}/intray-test/$suite.tar
	if [ ! -f "$kept" ]; then
		echo "making a bare $suite, once: $kept"
		mkdir -p "${kept%/*}"
		debootstrap --variant=minbase --include=systemd-sysv,dbus "$suite" "$work/new" ${MIRROR:+"$MIRROR"} >"$work/debootstrap.log" 2>&1 ||
			fail "debootstrap: $(tail -3 "$work/debootstrap.log")"
		rm -rf "$work"/new/var/cache/apt/archives/*.deb "$work"/new/var/lib/apt/lists/*
		tar -C "$work/new" -cf "$kept.new" .
		mv "$kept.new" "$kept"
		rm -rf "$work/new"
	fi
	rm -rf "$root"
	mkdir -p "$root"
	tar -C "$root" -xf "$kept"
}

# boot starts it, without a network to the outside, and waits until it is up.
boot() {
	systemd-nspawn -q -D "$root" -b --register=no --keep-unit --private-network --console=pipe >"$work/console" 2>&1 </dev/null &
	container=$!
	leader=
	until_true 60 "the container to boot" up
}

up() {
	leader=$(pgrep -P "$container" -x systemd) || return 1
	case $(inside systemctl is-system-running 2>/dev/null) in
	running | degraded) ;;
	*) return 1 ;;
	esac
}

# inside runs a command in the container, as its root.
inside() {
	nsenter -t "$leader" -m -u -i -n -p -C env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive SYSTEMD_PAGER= "$@"
}

halt() {
	[ -n "${leader:-}" ] || return 0
	inside systemctl poweroff >/dev/null 2>&1 || kill "$container" 2>/dev/null || :
	wait "$container" 2>/dev/null || :
	leader=
}

fail() {
	echo "FAILED: $*" >&2
	[ -z "${leader:-}" ] || inside journalctl -u intray -n 30 --no-pager >&2 || :
	exit 1
}

# until_true asks ten times a second until a command is content.
until_true() { # seconds what command...
	tries=$(($1 * 10))
	waited_for=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "waited in vain for $waited_for"
		sleep 0.1
	done
}

# step ends the step before and says how long it took.
step() {
	now=$(date +%s%N)
	[ -z "${step_began:-}" ] || echo "      ok, $(seconds_since "$step_began") s"
	step_began=$now
	[ -z "${1:-}" ] || echo "== $*"
}

seconds_since() { echo "$1 $(date +%s%N)" | awk '{printf "%.1f", ($2-$1)/1e9}'; }
