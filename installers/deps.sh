#!/bin/sh
# Installs the native parts that building Intray needs on Debian and Ubuntu;
# with "test", "static", "packages", "windows", "test-windows" or "bench" also what
# these targets of the Makefile need.
# Says what it will install first, and asks when it has to become root. Does
# nothing when everything is there.
set -eu

want="g++ pkg-config libtesseract-dev libleptonica-dev tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd"
case "${1:-}" in
test) want="$want git poppler-utils qpdf chromium" ;;
static) want="$want cmake dpkg-dev" ;;
packages) want="debootstrap systemd-container poppler-utils rpm procps util-linux" ;;
windows) want="$want cmake dpkg-dev g++-mingw-w64-x86-64-posix wixl msitools osslsigncode faketime" ;;
test-windows) want="$want cmake dpkg-dev g++-mingw-w64-x86-64-posix wixl msitools osslsigncode faketime debootstrap" ;;
bench) want="$want poppler-utils ocrmypdf" ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "This is not Debian or Ubuntu. Install a C++ compiler, Tesseract 5 and Leptonica with their headers," >&2
	echo "the models eng and osd, and for the tests poppler, qpdf and Chromium." >&2
	exit 0
fi

missing=""
for package in $want; do
	status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
	[ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

echo "Intray needs these packages:$missing"
sudo=""
if [ "$(id -u)" -ne 0 ]; then
	sudo=sudo
	printf 'Install them now with sudo apt-get? [y/N] '
	read -r answer || answer=n
	case "$answer" in
	y | Y | yes) ;;
	*)
		echo "Then install them yourself: sudo apt-get install$missing"
		exit 1
		;;
	esac
fi
$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
