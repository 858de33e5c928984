#!/bin/sh
# Builds Tesseract and Leptonica as one static library that is faster than the
# distribution's and reads the same text, and copies the language models that
# go into the program. Prints the folder with lib/ and include/ on standard
# output, everything else on standard error. `make static` calls it, and with
# "windows" `make windows`, for which mingw-w64 builds.
#
# The sources are Debian's (or Ubuntu's) source packages, in the version of the
# -dev packages that are installed. The result is kept in .cache/static-ocr
# under a hash of this recipe, of the versions and of the compiler: Go does not
# notice when a library changes, but it does notice another path. The library
# holds no path of this machine, so that programs built elsewhere are the same.
#
# What makes it fast: no OpenMP (Intray reads pages side by side instead),
# -O3, and a first build that is watched reading drawn pages, whose branch counts
# guide the second. No optimization over all files at once (LTO): GCC 12 breaks
# down with an internal error when it is to leave one object. Nothing depends on
# this machine's processor: Tesseract chooses AVX2 and the like when it runs.
# What keeps the text the same: the same sources and the same arithmetic, 32-bit
# floats as the distribution has them (FAST_FLOAT), no -ffast-math beyond the
# one file that upstream builds so, the old engine kept for orientation.
# The Windows library is not watched: that would need Windows while building.
#
# Leptonica gets no image libraries. Pages reach it as pixels (engines/tesseract/
# pix.go), so no C code parses a file from outside, and nothing is linked in
# that is not under Apache-2.0 or BSD licences: Debian's libtiff would bring
# JBIG-KIT, which is under the GPL.
set -eu

cd "$(dirname "$0")/.."
root=$PWD
cache=$root/.cache/static-ocr
models=engines/tesseract/tessdata
target=${1:-linux}
say() { echo "static-ocr: $*" >&2; }

# What differs between the two targets.
common="-O3 -g0"
case "$target" in
linux)
	cc=gcc cxx=g++
	places="-DTESSDATA_PREFIX='\"/usr/share/tesseract-ocr/5\"'"
	optimize="$common -fPIE -fno-plt -fno-semantic-interposition -fstack-protector-strong -D_FORTIFY_SOURCE=2"
	;;
windows)
	cc=x86_64-w64-mingw32-gcc-posix cxx=x86_64-w64-mingw32-g++-posix
	places=""
	# Windows aligns the stack to 16 bytes only; AVX may want 32.
	optimize="$common -Wa,-muse-unaligned-vector-move"
	;;
*)
	say "the target is linux or windows, not $target"
	exit 2
	;;
esac

version() { dpkg-query -W -f '${source:Version}' "$1"; }
tesseract=$(version libtesseract-dev)
leptonica=$(version libleptonica-dev)
key=$({
	cat installers/static-ocr.sh installers/windows/fopen.c engines/enginetest/scan.go engines/enginetest/scan_test.go
	echo "$tesseract $leptonica"
	$cc -dumpfullversion -dumpmachine
} | sha256sum | cut -c1-16)
out=$cache/$key

# The models, and the licences of all that the program then contains.
copy_models() {
	mkdir -p "$models"
	for language in eng osd; do
		model=$(dpkg-query -L "tesseract-ocr-$language" | grep "/$language\.traineddata\$")
		cmp -s "$model" "$models/$language.traineddata" || cp "$model" "$models/$language.traineddata"
	done
}

# fetch gets one source package, whose .dsc apt checks against the archive's
# signature, and unpacks it after checking its parts against the .dsc. The
# machine's own list of archives is left alone: a private copy asks for sources.
fetch() { # package version folder
	(
		cd "$work"
		$apt source --download-only --only-source "$1=$2" >&2
		dpkg-source --require-strong-checksums -x "$1_${2#*:}.dsc" "$3" >&2
	)
}

prepare_apt() {
	mkdir -p "$work/apt/parts" "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -f "$list" ] && sed -n 's/^deb \(.*\)/deb-src \1/p' "$list" >>"$work/apt/sources.list"
	done
	for list in /etc/apt/sources.list.d/*.sources; do
		[ -f "$list" ] && sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/apt/parts/${list##*/}"
	done
	touch "$work/apt/sources.list"
	apt="apt-get -q -o Dir::Etc::SourceList=$work/apt/sources.list -o Dir::Etc::SourceParts=$work/apt/parts
		-o Dir::State::Lists=$work/apt/lists -o Dir::Cache=$work/apt/cache -o APT::Sandbox::User=$(id -un)"
	# An archive without sources, somebody else's, is no reason to stop.
	$apt update >&2 || say "not all archives could be asked"
}

# configure runs cmake for a static library. Its own choice of flags is replaced.
configure() { # source build flags options...
	source=$1 build=$2 flags="$3 -fmacro-prefix-map=$work=."
	shift 3
	[ "$target" = linux ] || set -- -DCMAKE_TOOLCHAIN_FILE="$work/mingw.cmake" "$@"
	cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$work/inst" -DCMAKE_INSTALL_LIBDIR=lib \
		-DBUILD_SHARED_LIBS=OFF -DSW_BUILD=OFF \
		-DCMAKE_C_FLAGS_RELEASE=-DNDEBUG -DCMAKE_CXX_FLAGS_RELEASE=-DNDEBUG -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" "$@" >&2
}

# mingw writes the file that tells cmake about the other system.
mingw() {
	# Tesseract asks for it in Microsoft's spelling.
	mkdir -p "$work/compat"
	ln -sf "$($cc -print-file-name=libws2_32.a)" "$work/compat/libWs2_32.a"
	cat >"$work/mingw.cmake" <<-EOF
		set(CMAKE_SYSTEM_NAME Windows)
		set(CMAKE_SYSTEM_PROCESSOR x86_64)
		set(CMAKE_C_COMPILER $cc)
		set(CMAKE_CXX_COMPILER $cxx)
		set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
		set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -L$work/compat")
		set(CMAKE_FIND_ROOT_PATH $work/inst)
		set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
		set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
		set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
		set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
	EOF
}

build_leptonica() {
	# Without the two macros it prints a hundred warnings a page.
	configure "$work/leptonica" "$work/b-leptonica" "$optimize -DMINIMUM_SEVERITY=6 -DNO_CONSOLE_IO" -DBUILD_PROG=OFF \
		-DCMAKE_DISABLE_FIND_PACKAGE_GIF=ON -DCMAKE_DISABLE_FIND_PACKAGE_JPEG=ON -DCMAKE_DISABLE_FIND_PACKAGE_PNG=ON \
		-DCMAKE_DISABLE_FIND_PACKAGE_TIFF=ON -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON \
		-DWEBP=0 -DWEBP_LIBRARY= -DWEBP_INCLUDE_DIR= -DWEBPMUX_LIBRARY= -DJP2K_LIBRARY= -DJP2K_INCLUDE_DIR=
	make -C "$work/b-leptonica" -j"$jobs" install >&2
}

build_tesseract() { # flags target
	configure "$work/tesseract" "$work/b-tesseract" "$optimize $places $1" \
		-DBUILD_TRAINING_TOOLS=OFF -DDISABLE_CURL=ON -DDISABLE_ARCHIVE=ON -DGRAPHICS_DISABLED=ON -DENABLE_OPENCL=OFF -DOPENMP_BUILD=OFF \
		-DINSTALL_CONFIGS=OFF -DENABLE_LTO=OFF -DFAST_FLOAT=ON -DDISABLED_LEGACY_ENGINE=OFF -DCOMPILER_SUPPORTS_MARCH_NATIVE=OFF \
		-DCMAKE_DISABLE_FIND_PACKAGE_TIFF=ON -DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON -DLeptonica_DIR="$work/inst/lib/cmake/leptonica"
	make -C "$work/b-tesseract" -j"$jobs" "$2" >&2
}

# train has the watched build read pages of every kind. Tesseract sorts some things by
# their addresses, what is counted then differs a little and so, now and then, does the
# code: addresses are the same every time, where the machine allows that, and so are
# names and surroundings.
train() {
	mkdir -p "$work/pages"
	INTRAY_TRAINING_PAGES=$work/pages go test -count=1 -run '^TestTrainingPages$' ./engines/enginetest >&2
	ln -sfn "$root/$models" "$work/models"
	steady=""
	setarch -R true 2>/dev/null && steady="setarch -R"
	(
		cd "$work"
		for page in pages/*.pgm; do
			env -i $steady b-tesseract/bin/tesseract "$page" - --tessdata-dir models --psm 1 -c tessedit_create_hocr=1 >/dev/null 2>&1
		done
	)
}

# combine makes one object of Tesseract and what it needs of Leptonica: the order
# in which gosseract names the two libraries, which is wrong for static ones, then
# does not matter, since one of them is empty.
combine() {
	rm -rf "$work/out"
	mkdir -p "$work/out/lib"
	if [ "$target" = windows ]; then
		# Its linker does not make one object of many; one archive is as good.
		$cc -O2 -g0 -Wall -Werror -c -o "$work/fopen.o" installers/windows/fopen.c >&2
		printf 'create %s\n' "$work/out/lib/libtesseract.a" >"$work/join.mri"
		printf 'addlib %s\n' "$work"/b-tesseract/libtesseract*.a "$work"/inst/lib/libleptonica*.a >>"$work/join.mri"
		printf 'save\nend\n' >>"$work/join.mri"
		x86_64-w64-mingw32-ar -M <"$work/join.mri" >&2
		x86_64-w64-mingw32-objcopy --redefine-sym fopen=ocr_fopen --redefine-sym __imp_fopen=__imp_ocr_fopen "$work/out/lib/libtesseract.a"
		x86_64-w64-mingw32-ar rcsD "$work/out/lib/libtesseract.a" "$work/fopen.o"
	else
		g++ -r -nostdlib -Wl,-u,pixRead -Wl,-u,pixReadMem -o "$work/ocr.o" \
			-Wl,--whole-archive "$work/b-tesseract/libtesseract.a" -Wl,--no-whole-archive "$work/inst/lib/libleptonica.a" >&2
		ar rcs "$work/out/lib/libtesseract.a" "$work/ocr.o"
	fi
	ar rcs "$work/out/lib/libleptonica.a"
	cp -r "$work/inst/include" "$work/out/"
	mkdir -p "$work/out/include/tesseract"
	cp "$work"/tesseract/include/tesseract/*.h "$work"/b-tesseract/include/tesseract/*.h "$work/out/include/tesseract/"
	{
		echo "This program contains Tesseract $tesseract and Leptonica $leptonica, and Tesseract's models eng and osd."
		for part in tesseract leptonica; do
			printf '\n==== %s ====\n\n' "$part"
			cat "$work/$part/debian/copyright"
		done
		printf '\n==== models ====\n\n'
		cat /usr/share/doc/tesseract-ocr-eng/copyright
	} >"$work/out/NOTICES.txt"
}

# step does something once; what was broken off goes on at the next call.
step() { # name command...
	name=$1
	shift
	[ -f "$work/done-$name" ] || {
		say "$name"
		"$@"
		touch "$work/done-$name"
	}
}

get_sources() {
	rm -rf "$work"/*
	prepare_apt
	fetch "$(dpkg-query -W -f '${source:Package}' libleptonica-dev)" "$leptonica" leptonica
	fetch "$(dpkg-query -W -f '${source:Package}' libtesseract-dev)" "$tesseract" tesseract
}

copy_models
[ -f "$out/NOTICES.txt" ] && echo "$out" && exit
work=$cache/work-$key
mkdir -p "$work"
exec 9>"$cache/lock-$key"
flock 9 # another may be at it
if [ ! -f "$out/NOTICES.txt" ]; then
	say "building Tesseract $tesseract and Leptonica $leptonica for $target in $out; a few minutes, once"
	jobs=$(env -u OMP_THREAD_LIMIT nproc) # nproc obeys that limit, too
	guided="-fprofile-use -fprofile-partial-training -fprofile-correction -Wno-missing-profile"
	export OMP_THREAD_LIMIT=1
	step sources get_sources
	[ "$target" = linux ] || mingw
	step leptonica build_leptonica
	if [ "$target" = windows ]; then
		guided=""
	else
		step watched build_tesseract "-fprofile-generate" tesseract
		step training train
	fi
	step tesseract build_tesseract "$guided" libtesseract
	combine
	mv -T "$work/out" "$out"
fi
rm -rf "$work"
echo "$out"
