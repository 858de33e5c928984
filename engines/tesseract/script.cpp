//go:build cgo

#include <cstring>

#include <tesseract/baseapi.h>

// From Leptonica's allheaders.h, whose place differs between systems.
extern "C" Pix *pixReadMem(const unsigned char *data, size_t size);
extern "C" void pixDestroy(Pix **);

// intray_script is Tesseract's name of the script that a picture is written in,
// nullptr if it cannot tell. models is the folder of models, nullptr for Tesseract's
// own choice. The caller frees the name. gosseract has no call for this.
extern "C" char *intray_script(const char *models, const unsigned char *picture, size_t size, int dpi, float *confidence) {
	tesseract::TessBaseAPI api;
	if (api.Init(models, "osd") != 0) {
		return nullptr;
	}
#ifdef _WIN32
	api.SetVariable("debug_file", "nul");
#else
	api.SetVariable("debug_file", "/dev/null");
#endif
	Pix *pix = pixReadMem(picture, size);
	if (pix == nullptr) {
		return nullptr;
	}
	api.SetImage(pix);
	if (dpi > 0) {
		api.SetSourceResolution(dpi);
	}
	int degrees = 0;
	float upright = 0;
	const char *name = nullptr;
	char *out = nullptr;
	if (api.DetectOrientationScript(&degrees, &upright, &name, confidence) && name != nullptr) {
		out = strdup(name);
	}
	api.End();
	pixDestroy(&pix);
	return out;
}
