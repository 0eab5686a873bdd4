/* train/report/plot_svg.h - makes cairo's SVG repeatable and fit to share a page. */
#ifndef TRAIN_REPORT_PLOT_SVG_H
#define TRAIN_REPORT_PLOT_SVG_H

#include "base/text.h"

/* Adds `svg` with its ids renamed prefix-1, prefix-2, ... in the order in which they occur. cairo
 * numbers some of them through the whole process, so that the second of two equal pictures would
 * differ from the first. */
void train_svg_rename_ids(const char *svg, const char *prefix, base_text *out);

#endif
