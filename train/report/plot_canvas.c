#include "train/report/plot_canvas.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "train/report/plot_svg.h"

enum {
    PNG_SCALE = 2,
    MAX_PIXELS = 1 << 26, /* of a PNG; larger pictures get a smaller scale */
    MAX_SIDE = 32000,     /* cairo draws no more than 32767 */
    MAX_CHARACTERS = 100, /* of a text; more is cut, with an ellipsis */
};

struct train_canvas {
    cairo_t *cr;
    bool failed;
};

/* ---- colours ---- */

const train_colour train_ink = {0.11, 0.13, 0.16};
const train_colour train_muted = {0.42, 0.45, 0.50};
const train_colour train_hairline = {0.87, 0.885, 0.90};
const train_colour train_paper = {1, 1, 1};
const train_colour train_accent = {0.063, 0.380, 0.557}; /* #10618e */

static double companded(double linear) {
    double x = fmin(fmax(linear, 0), 1);
    return x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055;
}

/* B. Ottosson, "A perceptual color space for image processing", 2020. */
static train_colour oklab(double lightness, double a, double b) {
    double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    return (train_colour){companded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                          companded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                          companded(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

static double map_lightness(double t) {
    return 1 - 0.76 * t;
}

/* From white through the accent's blue, turning a little towards indigo on the way. */
train_colour train_colour_map(double t) {
    t = fmin(fmax(t, 0), 1);
    double hue = (232 + 22 * t) * M_PI / 180;
    double chroma = 0.115 * sin(M_PI * t);
    return oklab(map_lightness(t), chroma * cos(hue), chroma * sin(hue));
}

train_colour train_colour_on_map(double t) {
    return map_lightness(t) < 0.6 ? train_paper : train_ink;
}

train_colour train_colour_faint(train_colour over, double opacity) {
    double rest = 1 - opacity;
    return (train_colour){rest + opacity * over.r, rest + opacity * over.g,
                          rest + opacity * over.b};
}

/* ---- text ---- */

/* A text as it is drawn: cairo refuses what is not UTF-8, and names come from file systems. Its
 * room is here: without memory its width would be another. */
typedef struct {
    char bytes[(MAX_CHARACTERS + 1) * BASE_SHOWN_BYTES];
} clean_text;

static clean_text clean_text_of(const char *text) {
    static const char ellipsis[] = "…";
    clean_text clean = {.bytes = ""};
    char shown[BASE_SHOWN_BYTES], *end = clean.bytes;
    int n_left = MAX_CHARACTERS;
    for (size_t n; (n = base_utf8_show(text, shown)) > 0; text += n) {
        size_t length = strlen(shown);
        if (n_left-- == 0) {
            memcpy(end, ellipsis, sizeof ellipsis);
            break;
        }
        memcpy(end, shown, length + 1);
        end += length;
    }
    return clean;
}

/* Unhinted metrics, so that both outputs break and align alike. */
static void set_font(cairo_t *cr, double size, bool bold) {
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(cr, options);
    cairo_font_options_destroy(options);
    cairo_select_font_face(cr, "sans", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size);
}

static double advance(cairo_t *cr, const char *clean) {
    cairo_text_extents_t extents;
    cairo_text_extents(cr, clean, &extents);
    return extents.x_advance;
}

double train_text_width(const char *text, double size, bool bold) {
    clean_text clean = clean_text_of(text);
    cairo_surface_t *sheet = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *cr = cairo_create(sheet);
    set_font(cr, size, bold);
    double width = advance(cr, clean.bytes);
    cairo_destroy(cr);
    cairo_surface_destroy(sheet);
    return width;
}

static void set_colour(cairo_t *cr, train_colour colour) {
    cairo_set_source_rgb(cr, colour.r, colour.g, colour.b);
}

void train_canvas_text(train_canvas *canvas, double x, double y, const train_type *type,
                       const char *text) {
    cairo_t *cr = canvas->cr;
    clean_text clean = clean_text_of(text);
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_rotate(cr, -type->turn * M_PI / 180);
    set_font(cr, type->size, type->bold);
    set_colour(cr, type->colour);
    double shift = 0.5 * type->align * advance(cr, clean.bytes);
    cairo_move_to(cr, -shift, 0);
    cairo_show_text(cr, clean.bytes);
    cairo_restore(cr);
}

/* ---- shapes ---- */

void train_canvas_rect(train_canvas *canvas, train_box box, train_colour colour) {
    set_colour(canvas->cr, colour);
    cairo_rectangle(canvas->cr, box.x, box.y, box.width, box.height);
    cairo_fill(canvas->cr);
}

void train_canvas_line(train_canvas *canvas, const train_point *points, int64_t n,
                       const train_stroke *stroke) {
    static const double dashes[] = {3, 3};
    cairo_t *cr = canvas->cr;
    cairo_new_path(cr);
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(points[i].x) && isfinite(points[i].y)) {
            cairo_line_to(cr, points[i].x, points[i].y);
        } else {
            cairo_new_sub_path(cr);
        }
    }
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, stroke->dashed ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
    cairo_set_dash(cr, dashes, stroke->dashed ? 2 : 0, 0);
    cairo_set_line_width(cr, stroke->width);
    set_colour(cr, stroke->colour);
    cairo_stroke(cr);
}

void train_canvas_segment(train_canvas *canvas, train_point from, train_point to,
                          const train_stroke *stroke) {
    train_canvas_line(canvas, (const train_point[]){from, to}, 2, stroke);
}

void train_canvas_area(train_canvas *canvas, const train_point *points, int64_t n,
                       train_colour colour) {
    cairo_new_path(canvas->cr);
    for (int64_t i = 0; i < n; i++) cairo_line_to(canvas->cr, points[i].x, points[i].y);
    cairo_close_path(canvas->cr);
    set_colour(canvas->cr, colour);
    cairo_fill(canvas->cr);
}

void train_canvas_dot(train_canvas *canvas, double x, double y, double radius,
                      train_colour colour) {
    cairo_new_path(canvas->cr);
    cairo_arc(canvas->cr, x, y, radius, 0, 2 * M_PI);
    set_colour(canvas->cr, colour);
    cairo_fill(canvas->cr);
}

static uint32_t pixel(train_colour c) {
    uint32_t r = (uint32_t)lround(255 * c.r), g = (uint32_t)lround(255 * c.g),
             b = (uint32_t)lround(255 * c.b);
    return r << 16 | g << 8 | b;
}

static void fill_pixels(cairo_surface_t *image, const train_raster *raster) {
    unsigned char *data = cairo_image_surface_get_data(image);
    int stride = cairo_image_surface_get_stride(image);
    cairo_surface_flush(image);
    for (int64_t row = 0; row < raster->rows; row++) {
        const float *value = raster->value + (raster->rows - 1 - row) * raster->columns;
        for (int64_t c = 0; c < raster->columns; c++) {
            uint32_t colour = pixel(train_colour_map(value[c]));
            memcpy(data + row * stride + 4 * c, &colour, 4);
        }
    }
    cairo_surface_mark_dirty(image);
}

void train_canvas_raster(train_canvas *canvas, const train_raster *raster) {
    cairo_t *cr = canvas->cr;
    cairo_surface_t *image =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)raster->columns, (int)raster->rows);
    if (cairo_surface_status(image) == CAIRO_STATUS_SUCCESS) {
        fill_pixels(image, raster);
        cairo_save(cr);
        cairo_translate(cr, raster->x, raster->y);
        cairo_scale(cr, raster->width / (double)raster->columns,
                    raster->height / (double)raster->rows);
        cairo_set_source_surface(cr, image, 0, 0);
        cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_NEAREST);
        cairo_rectangle(cr, 0, 0, (double)raster->columns, (double)raster->rows);
        cairo_fill(cr);
        cairo_restore(cr);
    } else {
        canvas->failed = true;
    }
    cairo_surface_destroy(image);
}

/* ---- files ---- */

static cairo_status_t add_bytes(void *text, const unsigned char *bytes, unsigned n_bytes) {
    base_text_add_bytes(text, bytes, n_bytes);
    return ((base_text *)text)->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

/* Draws on the surface and finishes what was drawn; cairo's word on how it went. */
static cairo_status_t draw_on(cairo_surface_t *surface, double scale,
                              const train_picture *picture) {
    train_canvas canvas = {.cr = cairo_create(surface)};
    cairo_scale(canvas.cr, scale, scale);
    train_canvas_rect(&canvas, (train_box){0, 0, picture->width, picture->height}, train_paper);
    picture->draw(&canvas, picture->context);
    cairo_status_t status = canvas.failed ? CAIRO_STATUS_NO_MEMORY : cairo_status(canvas.cr);
    cairo_destroy(canvas.cr);
    return status;
}

static cairo_status_t draw_svg(const train_picture *picture, base_text *svg) {
    cairo_surface_t *surface =
        cairo_svg_surface_create_for_stream(add_bytes, svg, picture->width, picture->height);
    cairo_status_t status = draw_on(surface, 1, picture);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status;
}

static double png_scale(double width, double height) {
    double scale = fmin(PNG_SCALE, sqrt(MAX_PIXELS / (width * height)));
    return fmin(scale, MAX_SIDE / fmax(width, height));
}

static cairo_status_t draw_png(const train_picture *picture, base_text *png) {
    double scale = png_scale(picture->width, picture->height);
    cairo_surface_t *surface = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, (int)ceil(scale * picture->width), (int)ceil(scale * picture->height));
    cairo_status_t status = draw_on(surface, scale, picture);
    if (status == CAIRO_STATUS_SUCCESS) {
        status = cairo_surface_write_to_png_stream(surface, add_bytes, png);
    }
    cairo_surface_destroy(surface);
    return status;
}

static base_status write_file(const char *folder, const char *name, const char *extension,
                              const base_text *content, base_error *err) {
    base_arena arena = {0};
    const char *path = base_arena_printf(&arena, "%s/%s.%s", folder, name, extension);
    base_status status = path != NULL ? base_file_write_text(path, content, err)
                                      : base_fail(err, BASE_EMEMORY, "%s: out of memory", name);
    base_arena_release(&arena);
    return status;
}

base_status train_picture_write(const train_picture *picture, const char *folder, const char *name,
                                base_error *err) {
    base_text raw = {0}, svg = {0}, png = {0};
    cairo_status_t drawn = draw_svg(picture, &raw);
    if (drawn == CAIRO_STATUS_SUCCESS) drawn = draw_png(picture, &png);
    train_svg_rename_ids(base_text_string(&raw), name, &svg);
    base_status status = BASE_OK;
    if (drawn != CAIRO_STATUS_SUCCESS) {
        status = base_fail(err, drawn == CAIRO_STATUS_NO_MEMORY ? BASE_EMEMORY : BASE_EIO,
                           "%s/%s: cannot draw: %s", folder, name, cairo_status_to_string(drawn));
    }
    if (status == BASE_OK) status = write_file(folder, name, "svg", &svg, err);
    if (status == BASE_OK) status = write_file(folder, name, "png", &png, err);
    base_text_release(&raw);
    base_text_release(&svg);
    base_text_release(&png);
    return status;
}
