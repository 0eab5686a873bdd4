/* train/report/plot_canvas.h - a canvas, and the colours and text styles all plots share.
 *
 * Lengths are in points, the origin is the top left corner. A picture is a function that draws; it
 * runs once for the SVG and once for the PNG. Text is drawn as outlines, so that a picture looks
 * the same everywhere. */
#ifndef TRAIN_REPORT_PLOT_CANVAS_H
#define TRAIN_REPORT_PLOT_CANVAS_H

#include "base/text.h"

typedef struct train_canvas train_canvas;
typedef void train_canvas_draw(train_canvas *canvas, const void *context);

typedef struct {
    double r, g, b; /* sRGB, 0 to 1 */
} train_colour;

extern const train_colour train_ink;      /* text */
extern const train_colour train_muted;    /* secondary text, axes */
extern const train_colour train_hairline; /* grid */
extern const train_colour train_paper;
extern const train_colour train_accent;

/* The colour map: white at 0 to near black at 1, its lightness (Oklab) falling evenly, so that it
 * reads the same in black and white. */
train_colour train_colour_map(double t);
/* `over` on paper with the given opacity. */
train_colour train_colour_faint(train_colour over, double opacity);
/* Ink or paper, whichever reads better on the colour map's `t`. */
train_colour train_colour_on_map(double t);

typedef enum { TRAIN_LEFT, TRAIN_CENTRE, TRAIN_RIGHT } train_align;
typedef struct {
    double size;
    bool bold;
    train_align align; /* which part of the text lies at x; y is the baseline */
    train_colour colour;
    double turn; /* degrees anticlockwise around (x, y) */
} train_type;

typedef struct {
    double x, y;
} train_point;

/* Width of the text as it will be drawn: as it is shown (base/utf8.h), what follows the 100th
 * character as an ellipsis. */
double train_text_width(const char *text, double size, bool bold);

void train_canvas_text(train_canvas *canvas, double x, double y, const train_type *type,
                       const char *text);
typedef struct {
    double x, y, width, height;
} train_box;
void train_canvas_rect(train_canvas *canvas, train_box box, train_colour colour);
/* A line through the points; points that are not finite interrupt it. */
typedef struct {
    double width;
    train_colour colour;
    bool dashed;
} train_stroke;
void train_canvas_line(train_canvas *canvas, const train_point *points, int64_t n,
                       const train_stroke *stroke);
void train_canvas_segment(train_canvas *canvas, train_point from, train_point to,
                          const train_stroke *stroke);
void train_canvas_area(train_canvas *canvas, const train_point *points, int64_t n,
                       train_colour colour);
void train_canvas_dot(train_canvas *canvas, double x, double y, double radius, train_colour colour);
/* value [rows, columns] in 0..1, the first row at the bottom, through the colour map. */
typedef struct {
    double x, y, width, height;
    const float *value;
    int64_t rows, columns;
} train_raster;
void train_canvas_raster(train_canvas *canvas, const train_raster *raster);

/* Draws on a white sheet and writes folder/name.svg and folder/name.png (twice the size, unless it
 * would have more than 64 M pixels or 32,000 in a row). Equal drawings give equal
 * bytes; ids in the SVG start with `name`, so that several can share a page. */
typedef struct {
    double width, height;
    train_canvas_draw *draw;
    const void *context;
} train_picture;
base_status train_picture_write(const train_picture *picture, const char *folder, const char *name,
                                base_error *err);

#endif
