#!/bin/sh
# The life of an installation, under Wine: installed silently, a scan read by the
# service, killed, upgraded with an edited configuration, an older version refused,
# removed, installed again, purged. Prints each step's output and stops at the first
# that is not as it should be. `make test-msi` calls it.
#
# What Wine does not do, so that nobody has seen it here: recovery actions,
# delayed starts and rights are noted or ignored, never acted upon.
set -eu

cd "$(dirname "$0")/../.."
repository=$PWD
wine=$repository/installers/windows/wine.sh
bin=bin/test-msi
WINEPREFIX=$repository/.cache/wine/test-msi
export WINEPREFIX
began=$(date +%s)
say() { printf '\n== %s (at %s s)\n' "$1" "$(($(date +%s) - began))"; }
fail() {
	echo "FAILED: $1"
	tail -n 20 "$data/data/logs/intray.log" 2>/dev/null || true
	exit 1
}

mkdir -p $bin
say "two versions, for Wine's service manager"
for version in 1.0.0 1.1.0; do
	VERSION=$version sh installers/windows/program.sh $bin/$version.exe winescm 2>/dev/null
	VERSION=$version sh installers/windows/msi.sh $bin/$version.exe $bin 2>/dev/null
done
ls -l $bin

# A Windows that stays: without this, services end with the last program.
rm -rf "$WINEPREFIX"
"$wine" wineboot --init >/dev/null 2>&1
# A busy machine may take longer than Wine's ten seconds to start a service.
"$wine" reg add 'HKLM\SYSTEM\CurrentControlSet\Control' /v ServicesPipeTimeout /t REG_DWORD /d 120000 /f >/dev/null 2>&1
"$wine" wineboot --kill >/dev/null 2>&1
hold=$(mktemp -u)
mkfifo "$hold"
"$wine" cmd.exe <"$hold" >/dev/null 2>&1 &
exec 8>"$hold"
rm "$hold"
trap '"$wine" net stop intray >/dev/null 2>&1 || true; exec 8>&-; "$wine" wineboot --kill >/dev/null 2>&1 || true' EXIT

drive=$WINEPREFIX/drive_c
data=$drive/ProgramData/Intray
program="$drive/Program Files/Intray/intray.exe"
installer() { # expected arguments... : 0 for success
	expected=$1
	shift
	code=0
	"$wine" msiexec "$@" /qn /norestart || code=$?
	printf 'msiexec %s: %s\n' "$*" "$code"
	[ "$code" = "$expected" ] || fail "expected $expected"
}
msi() { echo "Z:$repository/$bin/intray-$1-windows-x64.msi" | tr / '\\'; }
state() { "$wine" sc query intray 2>/dev/null | tr -d '\r' | sed -n 's/.*STATE *: *[0-9]* *//p'; }
is() { # what expected actual
	printf '%s: %s\n' "$1" "$3"
	[ "$2" = "$3" ] || fail "$1 should be $2"
}
# within waits for a command to succeed, for as many seconds.
within() { # seconds what command...
	limit=$(($(date +%s) + $1)) what=$2
	shift 2
	until "$@"; do
		[ "$(date +%s)" -lt "$limit" ] || fail "$what did not happen"
		sleep 0.2
	done
	echo "$what"
}
running() { [ "$(state)" = RUNNING ]; }
# stop ends the service. Windows Installer does so itself and waits for it; Wine's
# does not wait, and then finds the program in use.
stop() {
	"$wine" net stop intray >/dev/null 2>&1
	within 60 "the service stopped" sh -c '"$@" | grep -q STOPPED' sh "$wine" sc query intray
}
intray() { "$wine" 'C:\Program Files\Intray\intray.exe' "$@" --config 'C:\ProgramData\Intray\config.toml'; }
product() { "$wine" reg query 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall' /s 2>/dev/null | tr -d '\r' | sed -n 's/.*DisplayVersion *REG_SZ *//p'; }
# drop puts a scan of its own, made by the program, into the hot folder.
drop() {
	intray sample "C:\\scan-$1.pdf" >/dev/null 2>&1
	printf '\n%% %s\n' "$1" >>"$drive/scan-$1.pdf" # another file each time
	mv "$drive/scan-$1.pdf" "$data/in/scan-$1.pdf"
}
delivered() { [ -f "$data/out/scan-$1.json" ] && [ -f "$data/out/scan-$1.pdf" ]; }

say "install"
start=$(date +%s)
installer 0 /i "$(msi 1.0.0)"
running || fail "the service does not run"
is "installed version" 1.0.0 "$(product)"
"$wine" reg query 'HKLM\SYSTEM\CurrentControlSet\Services\intray' /v ImagePath
"$wine" reg query 'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\intray'
"$wine" reg query 'HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment' /v PATH | grep -F 'C:\Program Files\Intray' || fail "the program is not on the path"
find "$data" "$drive/Program Files/Intray" -maxdepth 1

say "a scan"
drop first
within 180 "scan-first.pdf is there" delivered first
echo "from installing to the first searchable PDF: $(($(date +%s) - start)) s"
ls -l "$data/out"

say "a crash: killed, and started again as the recovery actions would"
"$wine" taskkill /F /IM intray.exe >/dev/null 2>&1 || true
within 30 "the service manager noticed" sh -c '! "$@" | grep -q RUNNING' sh "$wine" sc query intray
"$wine" net start intray >/dev/null 2>&1
within 30 "it runs" running
drop second
within 180 "scan-second.pdf is there" delivered second

say "upgrade, with an edited configuration"
printf '\n# edited by IT\n[web]\nlisten = "127.0.0.1:17423"\n' >>"$data/config.toml"
before=$(sha256sum <"$program")
stop
installer 0 /i "$(msi 1.1.0)"
is "installed version" 1.1.0 "$(product)"
running || fail "the service does not run"
grep -q '^# edited by IT' "$data/config.toml" || fail "the edit is lost"
[ "$before" != "$(sha256sum <"$program")" ] || fail "the program is the old one"
intray list
is "documents that are known" 2 "$(intray list | grep -c completed)"
drop third
within 180 "scan-third.pdf is there" delivered third

say "an older version is refused"
installer 67 /i "$(msi 1.0.0)" # 1603 modulo 256
is "installed version" 1.1.0 "$(product)"
running || fail "the service does not run"

say "a broken configuration, and mended"
cp "$data/config.toml" "$drive/good.toml"
echo 'bad = [' >>"$data/config.toml"
stop
"$wine" net start intray >/dev/null 2>&1
within 30 "it runs all the same" running
mv "$drive/good.toml" "$data/config.toml"
drop fourth
within 180 "scan-fourth.pdf is there" delivered fourth

say "remove"
stop
installer 0 /x "$(msi 1.1.0)"
is "service" "" "$(state)"
[ ! -e "$program" ] || fail "the program stays"
[ -f "$data/config.toml" ] && [ -f "$data/data/ledger.db" ] && delivered first || fail "data is gone"
echo "configuration, ledger and results stay"

say "install again"
installer 0 /i "$(msi 1.1.0)"
running || fail "the service does not run"
is "documents that are known" 4 "$(intray list | grep -c completed)"

say "purge"
stop
installer 0 /x "$(msi 1.1.0)" PURGE=1
is "service" "" "$(state)"
[ ! -e "$data" ] || fail "$(find "$data") stays"
echo "nothing stays in ProgramData"
say "all as it should be"
