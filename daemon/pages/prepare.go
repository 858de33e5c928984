package pages

import (
	"image"

	"intray/daemon/document"
)

// Preparing makes another picture of the page for the engine alone: what is
// delivered is never made from it. Each step looks first whether the picture is
// of the kind it helps; one that is not comes back as it is, the same bytes.

// Steps of Prepared.
const (
	StepContrast     = "contrast"      // paper made even and white, ink black
	StepBinarize     = "binarize"      // black and white by what is around each pixel
	StepNormalizeDPI = "normalize_dpi" // small letters enlarged
	StepDenoise      = "denoise"       // specks taken away
	StepLevel        = "level"         // lines that lean made level
)

// PrepareSteps lists the steps, in the order in which they make sense together.
func PrepareSteps() []string {
	return []string{StepContrast, StepNormalizeDPI, StepLevel, StepDenoise, StepBinarize}
}

// Prepared is the picture after the steps, in their order; unknown ones are
// passed over. When its size changes, so do DPI and Geometry.ImageToPage: what
// is read in it lies where it did. Ink and Warnings stay those of the original.
// It takes time in proportion to the pixels, and memory for one more picture a
// step, at most maxRender pixels where it enlarges.
func (p Picture) Prepared(steps []string) Picture {
	if len(steps) == 0 || p.Image == nil || p.Width <= 0 || p.Height <= 0 || len(p.Image) < p.Width*p.Height {
		return p
	}
	w, h := p.Width, p.Height
	before := &image.Gray{Pix: p.Image[len(p.Image)-w*h:], Stride: w, Rect: image.Rect(0, 0, w, h)}
	now, dpi, back := before, p.DPI, document.Identity()
	for _, step := range steps {
		switch step {
		case StepContrast:
			now = contrast(now)
		case StepBinarize:
			now = binarize(now)
		case StepDenoise:
			now = denoise(now)
		case StepNormalizeDPI:
			bigger := enlarge(now, dpi)
			dpi *= float64(bigger.Rect.Dx()) / float64(now.Rect.Dx())
			back = document.Scale(float64(now.Rect.Dx())/float64(bigger.Rect.Dx()), float64(now.Rect.Dy())/float64(bigger.Rect.Dy())).Then(back)
			now = bigger
		case StepLevel:
			levelled, turned := level(now)
			p.Levelled = levelled != now
			now, back = levelled, turned.Then(back)
		}
	}
	if now == before {
		return p
	}
	p.Image, p.Width, p.Height, p.DPI = encodePNM(now), now.Rect.Dx(), now.Rect.Dy(), dpi
	p.Geometry.ImageToPage = back.Then(p.Geometry.ImageToPage)
	return p
}

// greys is how often each grey occurs in a picture.
type greys [256]int

func count(img *image.Gray) (n greys) {
	for _, v := range img.Pix {
		n[v]++
	}
	return n
}

func (n *greys) add(more *greys) {
	for v, c := range more {
		n[v] += c
	}
}

// below is the grey under which the given share of the pixels lies.
func (n *greys) below(share float64) int {
	total := 0
	for _, c := range n {
		total += c
	}
	seen, wanted := 0, int(share*float64(total))
	for v, c := range n {
		if seen += c; seen > wanted {
			return v
		}
	}
	return 255
}

// bilevel is true for a picture of black and white only, as fax and line art
// scanners make it.
func (n *greys) bilevel() bool {
	between := 0
	for _, c := range n[1:255] {
		between += c
	}
	return between == 0
}

// split is Otsu's threshold (IEEE Trans. SMC 9, 1979): the grey that parts ink
// from paper with the least spread in either.
func (n *greys) split() (threshold int) {
	var total, sum float64
	for v, c := range n {
		total += float64(c)
		sum += float64(v * c)
	}
	var under, underSum, best float64
	for v, c := range n {
		under += float64(c)
		underSum += float64(v * c)
		over := total - under
		if under == 0 || over == 0 {
			continue
		}
		d := (sum-underSum)/over - underSum/under
		if spread := under * over * d * d; spread > best {
			best, threshold = spread, min(v+1, 255)
		}
	}
	return threshold
}
