//go:build cgo

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <sstream>

#include <tesseract/baseapi.h>
#include <tesseract/ltrresultiterator.h>

namespace {

using namespace tesseract;

// Access names what TessBaseAPI offers to its subclasses only.
struct Access : TessBaseAPI {
	static LTRResultIterator *walk(TessBaseAPI *api) { return (api->*&Access::GetLTRIterator)(); }
	static int width(const TessBaseAPI *api) { return api->*&Access::rect_width_; }
	static int height(const TessBaseAPI *api) { return api->*&Access::rect_height_; }
};

void box(const LTRResultIterator &it, PageIteratorLevel level, std::ostream &out) {
	int left = 0, top = 0, right = 0, bottom = 0;
	it.BoundingBox(level, &left, &top, &right, &bottom);
	out << "bbox " << left << ' ' << top << ' ' << right << ' ' << bottom;
}

// baseline is a line relative to the lower left corner of the box, or the turn
// of a text that is not upright.
void baseline(const LTRResultIterator &it, std::ostream &out) {
	Orientation orientation;
	WritingDirection direction;
	TextlineOrder order;
	float skew;
	it.Orientation(&orientation, &direction, &order, &skew);
	if (orientation != ORIENTATION_PAGE_UP) {
		out << "; textangle " << 360 - orientation * 90;
		return;
	}
	int left, top, right, bottom, x1, y1, x2, y2;
	if (!it.BoundingBox(RIL_TEXTLINE, &left, &top, &right, &bottom) || !it.Baseline(RIL_TEXTLINE, &x1, &y1, &x2, &y2) || x1 == x2) {
		return;
	}
	double slope = (y2 - y1) / static_cast<double>(x2 - x1);
	double offset = y1 - bottom - slope * (x1 - left);
	out << "; baseline " << std::round(slope * 1000.0) / 1000.0 << ' ' << std::round(offset * 1000.0) / 1000.0;
}

void line(const LTRResultIterator &it, std::ostream &out) {
	const char *kind = "ocr_line";
	switch (it.BlockType()) {
	case PT_HEADING_TEXT: kind = "ocr_header"; break;
	case PT_PULLOUT_TEXT: kind = "ocr_textfloat"; break;
	case PT_CAPTION_TEXT: kind = "ocr_caption"; break;
	default: break;
	}
	float height, descenders, ascenders;
	it.RowAttributes(&height, &descenders, &ascenders);
	out << "<span class='" << kind << "' title=\"";
	box(it, RIL_TEXTLINE, out);
	baseline(it, out);
	out << "; x_size " << height << "; x_descenders " << -descenders << "\">";
}

void escape(const char *text, std::ostream &out) {
	for (; *text != 0; text++) {
		switch (*text) {
		case '<': out << "&lt;"; break;
		case '>': out << "&gt;"; break;
		case '&': out << "&amp;"; break;
		default: out << *text;
		}
	}
}

// word writes a word, or says that it is none that can be written here.
bool word(const LTRResultIterator &it, std::ostream &out) {
	StrongScriptDirection direction = it.WordDirection();
	if (direction == DIR_RIGHT_TO_LEFT || direction == DIR_MIX) {
		return false;
	}
	out << "<span class='ocrx_word' title='";
	box(it, RIL_WORD, out);
	out << "; x_wconf " << static_cast<int>(it.Confidence(RIL_WORD)) << "'>";
	if (char *text = it.GetUTF8Text(RIL_WORD)) {
		escape(text, out);
		delete[] text;
	}
	out << "</span>";
	return true;
}

} // namespace

// intray_words is the page that was read last in the hOCR that parseHOCR
// understands, nullptr if there is none or if it has words that run from right to
// left. The caller frees it.
//
// TessBaseAPI::GetHOCRText says the same, but walks from the page's beginning
// some thirty times for each word, which takes a twentieth of all the time that
// a page is read in.
extern "C" char *intray_words(void *handle) {
	TessBaseAPI *api = static_cast<TessBaseAPI *>(handle);
	LTRResultIterator *it = Access::walk(api);
	if (it == nullptr) {
		return nullptr;
	}
	std::ostringstream out;
	out.imbue(std::locale::classic());
	out << std::setprecision(8);
	out << "<div class='ocr_page' title='bbox 0 0 " << Access::width(api) << ' ' << Access::height(api) << "'>";
	bool block = false, open = false, simple = true;
	for (; simple && !it->Empty(RIL_BLOCK); it->Next(RIL_WORD)) {
		if (it->Empty(RIL_WORD)) {
			continue;
		}
		if (it->IsAtBeginningOf(RIL_TEXTLINE)) {
			out << (open ? "</span>" : "");
			if (it->IsAtBeginningOf(RIL_BLOCK)) {
				out << (block ? "</div>" : "") << "<div class='ocr_carea' title=\"";
				box(*it, RIL_BLOCK, out);
				out << "\">";
				block = true;
			}
			line(*it, out);
			open = true;
		}
		simple = word(*it, out);
	}
	delete it;
	if (!simple) {
		return nullptr;
	}
	out << (open ? "</span>" : "") << (block ? "</div>" : "") << "</div>";
	return strdup(out.str().c_str());
}
