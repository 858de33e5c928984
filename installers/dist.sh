#!/bin/sh
# What a release adds to the packages that `make dist` has put into bin/dist: the
# bill of materials, the licences, the checksums. Then the same commit is built
# once more, in another folder and with nothing kept from the first time, and the
# checksums are compared. INTRAY_DIST_ONCE=1 leaves that out.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
dist=$root/bin/dist
version=${VERSION:-$(sh installers/version.sh)}

if ! go version -m bin/intray-static | grep -q 'vcs.revision='; then
	echo "dist: the program does not know its commit. Go writes it in an ordinary clone, not in a worktree." >&2
	exit 1
fi
cp bin/intray-static "$dist/intray-$version-linux-amd64"
cp bin/intray-static.NOTICES.txt "$dist/NOTICES.txt"
cp bin/intray.exe "$dist/intray-$version-windows-amd64.exe"
cp bin/intray.NOTICES.txt "$dist/NOTICES-windows.txt"
sh installers/sbom.sh bin/intray-static "$version" "$dist/intray-$version-linux-amd64.cdx.json"
(cd "$dist" && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >"$root/bin/SHA256SUMS")
mv bin/SHA256SUMS "$dist/"
(cd "$dist" && ls -l)
[ -z "${INTRAY_DIST_ONCE:-}" ] || exit 0

if [ -n "$(git status --porcelain)" ]; then
	echo "dist: not everything is committed, so nothing can be compared" >&2
	exit 1
fi
work=$(mktemp -d "${TMPDIR:-/var/tmp}/intray-dist.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
echo "dist: building the same commit once more in $work"
git clone -q --no-local "$root" "$work/a-folder-of-another-name"
git -C "$work/a-folder-of-another-name" checkout -q "$(git rev-parse HEAD)"
INTRAY_DIST_ONCE=1 VERSION=$version GOCACHE=$work/gocache make -C "$work/a-folder-of-another-name" dist >"$work/log" 2>&1 || {
	tail -20 "$work/log" >&2
	exit 1
}
if ! diff "$dist/SHA256SUMS" "$work/a-folder-of-another-name/bin/dist/SHA256SUMS"; then
	echo "dist: two builds of one commit differ" >&2
	exit 1
fi
echo "dist: both builds are the same, byte for byte:"
cat "$dist/SHA256SUMS"
