// What Tesseract and Leptonica open files with on Windows, in fopen's place
// (static-ocr.sh sees to that): names are UTF-8, as Go writes them, and may be
// of any length. The system's own fopen takes them for the machine's code page and
// stops at 260 characters.
//
// Source of the prefixes: Microsoft, "Maximum Path Length Limitation".

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <windows.h>

static const wchar_t disk[] = L"\\\\?\\", share[] = L"\\\\?\\UNC\\";

// wide is a name in UTF-16, NULL if it is not UTF-8 or there is no memory. The
// caller frees it.
static wchar_t *wide(const char *name) {
	int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, NULL, 0);
	wchar_t *out = n > 0 ? malloc(n * sizeof *out) : NULL;
	if (out != NULL) {
		MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, out, n);
	}
	return out;
}

// whole is the name from the root on, in the form that may be long, NULL if
// there is none. The caller frees it.
static wchar_t *whole(const wchar_t *name) {
	DWORD n = GetFullPathNameW(name, 0, NULL, NULL);
	wchar_t *full = n > 0 ? malloc(n * sizeof *full) : NULL;
	if (full == NULL) {
		return NULL;
	}
	GetFullPathNameW(name, n, full, NULL);
	const wchar_t *prefix = disk, *rest = full;
	if (wcsncmp(full, L"\\\\?\\", 4) == 0 || wcsncmp(full, L"\\\\.\\", 4) == 0) {
		return full; // such a name already, or a device: nul
	}
	if (wcsncmp(full, L"\\\\", 2) == 0) {
		prefix = share;
		rest = full + 2;
	}
	wchar_t *out = malloc((wcslen(prefix) + wcslen(rest) + 1) * sizeof *out);
	if (out != NULL) {
		wcscpy(out, prefix);
		wcscat(out, rest);
	}
	free(full);
	return out;
}

FILE *ocr_fopen(const char *name, const char *mode) {
	FILE *file = NULL;
	wchar_t *given = wide(name), *how = wide(mode), *full = NULL;
	if (given != NULL && how != NULL) {
		full = whole(given);
		file = full != NULL ? _wfopen(full, how) : _wfopen(given, how);
	}
	free(full);
	free(how);
	free(given);
	return file;
}

// Code that takes fopen for a function of a DLL looks for this pointer.
FILE *(*__imp_ocr_fopen)(const char *, const char *) = ocr_fopen;
