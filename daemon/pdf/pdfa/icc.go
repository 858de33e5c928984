package pdfa

import (
	"encoding/binary"
	"math"
	"slices"
)

// The profiles are built here, since one that may be shipped freely is easier to
// compute than to choose. Their format is ICC.1:2001-04 (version 2).

// SRGB is a display profile of the sRGB colour space (IEC 61966-2-1), for the
// output intent.
func SRGB() []byte {
	curve := make([]int, 1024)
	for i := range curve {
		curve[i] = int(math.Round(0xFFFF * linear(float64(i)/float64(len(curve)-1))))
	}
	tone := slices.Concat([]byte("curv\x00\x00\x00\x00"), be32(len(curve)), be16(curve...))
	// The primaries as the D50 observer of the profile connection space sees them.
	return profile("mntr", "RGB ", "XYZ ", []tag{
		{[]string{"desc"}, description("sRGB")},
		{[]string{"cprt"}, text("No copyright, use freely")},
		{[]string{"wtpt"}, xyz(d50[0], d50[1], d50[2])},
		{[]string{"rXYZ"}, xyz(0.43607, 0.22249, 0.01392)},
		{[]string{"gXYZ"}, xyz(0.38515, 0.71687, 0.09708)},
		{[]string{"bXYZ"}, xyz(0.14307, 0.06061, 0.71410)},
		{[]string{"rTRC", "gTRC", "bTRC"}, tone},
	})
}

// linear undoes the sRGB transfer curve.
func linear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// CMYK is an input profile for pictures of four inks without one of their own.
// It looks like offset printing on coated paper; which press was meant, such a
// picture does not say.
func CMYK() []byte {
	const steps = 9 // grid points along each ink
	lut := slices.Concat([]byte("mft1\x00\x00\x00\x00"), []byte{4, 3, steps, 0},
		fixed(1, 0, 0, 0, 1, 0, 0, 0, 1), slices.Repeat(ramp(), 4))
	mixed := neugebauer()
	for i := range steps * steps * steps * steps {
		var inks [4]float64
		for k, rest := 3, i; k >= 0; k, rest = k-1, rest/steps {
			inks[k] = float64(rest%steps) / (steps - 1)
		}
		l, a, b := mixed(inks)
		lut = append(lut, octet(l*255/100), octet(a+128), octet(b+128))
	}
	lut = append(lut, slices.Repeat(ramp(), 3)...)
	return profile("scnr", "CMYK", "Lab ", []tag{
		{[]string{"desc"}, description("CMYK on coated paper")},
		{[]string{"cprt"}, text("No copyright, use freely")},
		{[]string{"wtpt"}, xyz(d50[0], d50[1], d50[2])},
		{[]string{"A2B0"}, lut},
	})
}

// neugebauer mixes the colours of the sixteen overprints of four inks by the
// paper each covers (Demichel), with the Yule-Nielsen correction for light that
// wanders in the paper. It answers in CIELAB.
func neugebauer() func(inks [4]float64) (l, a, b float64) {
	const n = 2
	// CIELAB of the overprints relative to the paper; bit 0 is cyan, 3 black.
	overprints := [16][3]float64{
		{100, 0, 0}, {57, -37, -51}, {49, 75, -3}, {24, 20, -47}, {91, -5, 97}, {51, -68, 27}, {48, 69, 50}, {22, 1, 1},
		{14, 0, 0}, {10, -3, -5}, {9, 5, 0}, {6, 2, -4}, {12, 0, 6}, {9, -5, 2}, {8, 4, 4}, {5, 0, 0},
	}
	var roots [16][3]float64
	for i, lab := range overprints {
		for k, v := range labToXYZ(lab) {
			roots[i][k] = math.Pow(v, 1.0/n)
		}
	}
	return func(inks [4]float64) (float64, float64, float64) {
		var sum [3]float64
		for i, root := range roots {
			share := 1.0
			for ink, covered := range inks {
				if i>>ink&1 == 0 {
					covered = 1 - covered
				}
				share *= covered
			}
			for k := range sum {
				sum[k] += share * root[k]
			}
		}
		for k := range sum {
			sum[k] = math.Pow(sum[k], n)
		}
		return xyzToLab(sum)
	}
}

var d50 = [3]float64{0.9642, 1, 0.8249}

func labToXYZ(lab [3]float64) (out [3]float64) {
	fy := (lab[0] + 16) / 116
	for k, f := range [3]float64{fy + lab[1]/500, fy, fy - lab[2]/200} {
		if out[k] = f * f * f; f <= 6.0/29 {
			out[k] = 3 * 36.0 / 841 * (f - 4.0/29)
		}
		out[k] = max(0, out[k]*d50[k])
	}
	return out
}

func xyzToLab(v [3]float64) (l, a, b float64) {
	var f [3]float64
	for k := range f {
		if t := v[k] / d50[k]; t > 216.0/24389 {
			f[k] = math.Cbrt(t)
		} else {
			f[k] = (24389.0/27*t + 16) / 116
		}
	}
	return 116*f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])
}

// tag is one element of a profile; several names may share it.
type tag struct {
	names []string
	data  []byte
}

// profile puts a profile together: header, tag table, elements at multiples of
// four bytes (ICC.1:2001-04, clause 6).
func profile(class, space, pcs string, tags []tag) []byte {
	count := 0
	for _, t := range tags {
		count += len(t.names)
	}
	table := be32(count)
	var body []byte
	for _, t := range tags {
		for _, name := range t.names {
			table = slices.Concat(table, []byte(name), be32(128+4+12*count+len(body), len(t.data)))
		}
		body = append(body, t.data...)
		body = append(body, make([]byte, (4-len(body)%4)%4)...)
	}
	header := slices.Concat(be32(128+len(table)+len(body)), make([]byte, 4), be32(0x02400000), []byte(class+space+pcs),
		be16(2000, 1, 1, 0, 0, 0), []byte("acsp"), make([]byte, 28), fixed(d50[:]...), make([]byte, 48))
	return slices.Concat(header, table, body)
}

func description(s string) []byte {
	return slices.Concat([]byte("desc\x00\x00\x00\x00"), be32(len(s)+1), []byte(s), make([]byte, 1+8+3+67))
}

func text(s string) []byte { return []byte("text\x00\x00\x00\x00" + s + "\x00") }

func xyz(x, y, z float64) []byte {
	return append([]byte("XYZ \x00\x00\x00\x00"), fixed(x, y, z)...)
}

// fixed writes numbers with 16 bits before and after the point.
func fixed(values ...float64) (out []byte) {
	for _, v := range values {
		out = append(out, be32(int(math.Round(v*65536)))...)
	}
	return out
}

func ramp() []byte {
	out := make([]byte, 256)
	for i := range out {
		out[i] = byte(i)
	}
	return out
}

func octet(v float64) byte { return byte(math.Round(min(max(v, 0), 255))) }

func be32(values ...int) (out []byte) {
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, uint32(v))
	}
	return out
}

func be16(values ...int) (out []byte) {
	for _, v := range values {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	return out
}
