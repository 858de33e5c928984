package deliver

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// LongestName is what file systems allow for one name, in bytes.
const LongestName = 255

// SafeName turns a name without its extension into one that Windows can hold,
// wherever Intray runs: results end up on shares. What cannot stand in a name
// is written as %XX, byte by byte, and so is a '%' that would be mistaken for
// that; RawName reads it back.
//
// Source: Microsoft, "Naming Files, Paths, and Namespaces".
func SafeName(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		last := i+size == len(name)
		switch c := name[i]; {
		case r == utf8.RuneError && size <= 1, c < 0x20, c == 0x7F, strings.IndexByte(`<>:"/\|?*`, c) >= 0,
			c == '%' && escaped(name[i:]), last && (c == '.' || c == ' '), i == 0 && isDevice(name):
			escape(&b, c)
			i++
		default:
			b.WriteString(name[i : i+size])
			i += size
		}
	}
	return b.String()
}

// RawName reads what SafeName wrote.
func RawName(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		if escaped(name[i:]) {
			c, _ := hex.DecodeString(name[i+1 : i+3]) // it is, escaped says so
			b.Write(c)
			i += 3
			continue
		}
		b.WriteByte(name[i])
		i++
	}
	return b.String()
}

func escape(b *strings.Builder, c byte) {
	b.WriteByte('%')
	b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{c})))
}

// escaped is true when s begins with a percent sign and two hexadecimal digits.
func escaped(s string) bool {
	if len(s) < 3 || s[0] != '%' {
		return false
	}
	_, err := hex.DecodeString(s[1:3])
	return err == nil
}

// isDevice is true for names that Windows keeps for devices, with or without
// something after a dot.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, isPort := strings.CutPrefix(base, "COM")
	if !isPort {
		port, isPort = strings.CutPrefix(base, "LPT")
	}
	return isPort && utf8.RuneCountInString(port) == 1 && strings.ContainsAny(port, "0123456789¹²³")
}

// SafePath is SafeName for each part of a relative path with forward slashes.
func SafePath(rel string) string {
	if rel == "." || rel == "" {
		return ""
	}
	parts := strings.Split(rel, "/")
	for i, p := range parts {
		safe := SafeName(p)
		if len(safe) > LongestName {
			sum := sha256.Sum256([]byte(p))
			safe = cut(safe, LongestName-9) + "-" + hex.EncodeToString(sum[:4])
		}
		parts[i] = safe
	}
	return filepath.Join(parts...)
}

// SafeFile is SafeName for a name with its extension, cut before the extension
// if it would be too long.
func SafeFile(name string) string {
	ext := filepath.Ext(name)
	if ext == name || len(ext) > 16 {
		ext = ""
	}
	stem, ext := SafeName(strings.TrimSuffix(name, ext)), SafeName(ext)
	return cut(stem, LongestName-len(ext)) + ext
}

// cut shortens a name to so many bytes, not within a character or an escape.
func cut(name string, most int) string {
	if len(name) <= most {
		return name
	}
	end := most
	for back := 1; back <= 2; back++ {
		if end >= back && escaped(name[end-back:]) {
			end -= back
			break
		}
	}
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return strings.TrimRight(name[:end], " .")
}
