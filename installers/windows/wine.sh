#!/bin/sh
# Runs a Windows program, for the tests: wine.sh PROGRAM ARGUMENT...
# `go test -exec` calls it, too. An exit code comes back modulo 256.
#
# Wine 10 or later is needed: earlier ones lack functions that Go's programs
# want. Where the machine has none, a Debian 13 with it is set up once in
# .cache/wine/root (by debootstrap, about a minute) and entered for each call with
# /tmp and this repository in it; that needs root.
#
# WINEPREFIX is the Windows machine: a folder, made when it is not there. The
# default is .cache/wine/prefix. For a call through the chroot it must lie in the
# repository or below /tmp.
set -eu

here=$(dirname "$0")
repository=$(cd "$here/../.." && pwd)
cache=$repository/.cache/wine
root=$cache/root

export WINEPREFIX="${WINEPREFIX:-$cache/prefix}"
export WINEDEBUG="${WINEDEBUG:--all}"
export WINEDLLOVERRIDES="mscoree,mshtml,winemenubuilder.exe="
mkdir -p "$WINEPREFIX"

has_wine() {
	major=$(wine --version 2>/dev/null | sed -n 's/^wine-\([0-9]*\).*/\1/p')
	[ "${major:-0}" -ge 10 ]
}

set_up() {
	(
		flock 9
		[ -f "$root/ready" ] && exit 0
		if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
			echo "wine.sh: install Wine 10 or later, or run this as root with debootstrap installed" >&2
			exit 1
		fi
		echo "wine.sh: setting up Wine in $root, once" >&2
		rm -rf "$root"
		debootstrap --variant=minbase --include=wine64,wine trixie "$root" >"$cache/debootstrap.log" 2>&1 || {
			tail -n 5 "$cache/debootstrap.log" >&2
			exit 1
		}
		touch "$root/ready"
	) 9>"$cache/lock"
}

mkdir -p "$cache"
if has_wine; then
	exec wine "$@"
fi
[ -f "$root/ready" ] || set_up
# shellcheck disable=SC2016 # for the inner shells
exec unshare --mount sh -c '
	root=$1 repository=$2
	shift 2
	mkdir -p "$root$repository"
	for place in /proc /dev /tmp "$repository"; do
		mount --rbind "$place" "$root$place" || exit 125
	done
	export HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
	exec chroot "$root" sh -c '\''cd "$1" && shift && exec wine "$@"'\'' sh "$PWD" "$@"
' sh "$root" "$repository" "$@"
