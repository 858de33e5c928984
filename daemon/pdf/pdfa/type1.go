package pdfa

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
)

// type1 is a Type 1 font program (Adobe Type 1 Font Format), as far as glyphs
// and their widths go.
type type1 struct {
	widths   map[string]float64 // in thousandths of an em, by glyph name
	encoding map[byte]string    // nil for the standard encoding
	// unknown are glyphs whose outline begins in a way that is not followed.
	unknown map[string]bool
}

var errType1 = errors.New("it is damaged")

// maxGlyphs is how many glyphs a font may have.
const maxGlyphs = 65536

func parseType1(data []byte) (*type1, error) {
	i := bytes.Index(data, []byte("eexec"))
	if i < 0 {
		return nil, errType1
	}
	f := &type1{widths: map[string]float64{}, unknown: map[string]bool{}}
	scale, err := f.clearText(data[:i])
	if err != nil {
		return nil, err
	}
	i += len("eexec")
	for i < len(data) && bytes.IndexByte([]byte(" \t\r\n"), data[i]) >= 0 {
		i++
	}
	secret := data[i:]
	if len(secret) < 8 {
		return nil, errType1
	}
	if digits := hexOnly(secret); digits != nil {
		secret = digits
	}
	return f, f.charStrings(decrypt(secret, 55665, 4), scale)
}

// hexOnly decodes an encrypted part that is written in hexadecimal: its first
// four characters are digits.
func hexOnly(data []byte) []byte {
	for _, c := range data[:4] {
		if bytes.IndexByte([]byte("0123456789abcdefABCDEF"), c) < 0 {
			return nil
		}
	}
	var digits []byte
	for _, c := range data {
		if bytes.IndexByte([]byte("0123456789abcdefABCDEF"), c) >= 0 {
			digits = append(digits, c)
		}
	}
	out := make([]byte, len(digits)/2)
	n, _ := hex.Decode(out, digits[:len(digits)/2*2])
	return out[:n]
}

// decrypt undoes eexec and charstring encryption and drops the first bytes.
func decrypt(data []byte, key uint16, drop int) []byte {
	out := make([]byte, len(data))
	for i, c := range data {
		out[i] = c ^ byte(key>>8)
		key = (uint16(c)+key)*52845 + 22719
	}
	return out[min(drop, len(out)):]
}

// clearText reads the encoding and the scale of widths.
func (f *type1) clearText(data []byte) (scale float64, err error) {
	scale = 1
	if i := bytes.Index(data, []byte("/FontMatrix")); i >= 0 {
		if words := bytes.Fields(bytes.Trim(data[i+len("/FontMatrix"):min(len(data), i+100)], " [{\r\n")); len(words) > 0 {
			v, err := strconv.ParseFloat(string(words[0]), 64)
			if err != nil || v <= 0 {
				return 0, errType1
			}
			scale = v * 1000
		}
	}
	i := bytes.Index(data, []byte("/Encoding"))
	if i < 0 {
		return scale, nil
	}
	words := bytes.Fields(data[i+len("/Encoding"):])
	if len(words) > 0 && string(words[0]) == "StandardEncoding" {
		return scale, nil
	}
	f.encoding = map[byte]string{}
	for k := 0; k+3 < len(words) && string(words[k]) != "def" && string(words[k]) != "readonly"; k++ {
		code, err := strconv.Atoi(string(words[k+1]))
		if string(words[k]) == "dup" && err == nil && code >= 0 && code < 256 && words[k+2][0] == '/' && string(words[k+3]) == "put" {
			f.encoding[byte(code)] = string(words[k+2][1:])
			k += 3
		}
	}
	return scale, nil
}

// charStrings reads "/name length RD bytes ND" for each glyph.
func (f *type1) charStrings(data []byte, scale float64) error {
	drop := 4
	if i := bytes.Index(data, []byte("/lenIV")); i >= 0 {
		if words := bytes.Fields(data[i+6 : min(len(data), i+30)]); len(words) > 0 {
			drop, _ = strconv.Atoi(string(words[0]))
		}
	}
	if drop < 0 || drop > 16 {
		return errType1
	}
	i := bytes.Index(data, []byte("/CharStrings"))
	if i < 0 {
		return errType1
	}
	data = data[i+len("/CharStrings"):]
	for len(f.widths)+len(f.unknown) < maxGlyphs {
		slash := bytes.IndexByte(data, '/')
		if slash < 0 || bytes.Contains(data[:slash], []byte("end")) {
			break
		}
		data = data[slash+1:]
		words := bytes.Fields(data[:min(len(data), 200)])
		if len(words) < 3 {
			return errType1
		}
		name := string(words[0])
		length, err := strconv.Atoi(string(words[1]))
		at := len(name)
		for _, w := range words[1:3] {
			at += bytes.Index(data[at:], w) + len(w)
		}
		at++ // one space before the bytes
		if err != nil || length < 0 || at+length > len(data) {
			return errType1
		}
		if w, ok := type1Width(decrypt(data[at:at+length], 4330, drop)); ok {
			f.widths[name] = w * scale
		} else {
			f.unknown[name] = true
		}
		data = data[at+length:]
	}
	if len(f.widths) == 0 {
		return errType1
	}
	return nil
}

// type1Width finds the width in a charstring: hsbw or sbw come first.
func type1Width(code []byte) (float64, bool) {
	var stack []float64
	for len(code) > 0 && len(stack) < 24 {
		b := code[0]
		code = code[1:]
		switch n := len(stack); {
		case b >= 32 && b < 255:
			v, used := cffInteger(b, code, 0)
			if used < 0 {
				return 0, false
			}
			stack, code = append(stack, v), code[used:]
		case b == 255 && len(code) >= 4:
			stack, code = append(stack, float64(int32(binary.BigEndian.Uint32(code)))), code[4:]
		case b == 13 && n == 2: // hsbw
			return stack[1], true
		case b == 12 && len(code) > 0 && code[0] == 7 && n == 4: // sbw
			return stack[2], true
		case b == 12 && len(code) > 0 && code[0] == 12 && n >= 2 && stack[n-1] != 0: // div
			stack, code = append(stack[:n-2], stack[n-2]/stack[n-1]), code[1:]
		default:
			return 0, false
		}
	}
	return 0, false
}
