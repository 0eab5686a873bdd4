#include "train/report/plot_axes.h"

#include <math.h>
#include <stdio.h>

const train_type train_type_title = {.size = 14, .bold = true, .colour = {0.11, 0.13, 0.16}};
const train_type train_type_label = {.size = 11.5, .colour = {0.11, 0.13, 0.16}};
const train_type train_type_small = {.size = 10, .colour = {0.42, 0.45, 0.50}};

train_type train_type_aligned(train_type type, train_align align) {
    type.align = align;
    return type;
}

train_type train_type_coloured(train_type type, train_colour colour) {
    type.colour = colour;
    return type;
}

double train_axes_x(const train_axes *axes, double value) {
    return axes->x + axes->width * (value - axes->x_low) / (axes->x_high - axes->x_low);
}

double train_axes_y(const train_axes *axes, double value) {
    return axes->y + axes->height * (axes->y_high - value) / (axes->y_high - axes->y_low);
}

static double tick_step(double low, double high, int wanted) {
    static const double steps[] = {1, 2, 5, 10};
    double rough = (high - low) / wanted;
    double magnitude = pow(10, floor(log10(rough)));
    int i = 0;
    while (i < 3 && steps[i] * magnitude < rough * 0.999) i++;
    return steps[i] * magnitude;
}

int train_ticks(double low, double high, int wanted, double ticks[TRAIN_MAX_TICKS], int *decimals) {
    double step = tick_step(low, high, wanted);
    *decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    double first = ceil(low / step - 1e-9);
    int n = 0;
    while (n < TRAIN_MAX_TICKS && (first + n) * step <= high + 1e-9 * step) {
        ticks[n] = (first + n) * step;
        n++;
    }
    return n;
}

void train_ticks_widen(double *low, double *high, int wanted) {
    if (!(*high > *low)) {
        double around = fmax(fabs(*low) * 0.1, 0.05);
        *low -= around;
        *high += around;
    }
    double step = tick_step(*low, *high, wanted);
    *low = floor(*low / step + 1e-9) * step;
    *high = ceil(*high / step - 1e-9) * step;
}

void train_axes_rows(train_canvas *canvas, const train_axes *axes, int wanted, double scale,
                     const char *unit) {
    const train_stroke hairline = {.width = 0.75, .colour = train_hairline};
    const train_type type = train_type_aligned(train_type_small, TRAIN_RIGHT);
    double ticks[TRAIN_MAX_TICKS];
    int decimals;
    int n = train_ticks(axes->y_low * scale, axes->y_high * scale, wanted, ticks, &decimals);
    for (int i = 0; i < n; i++) {
        double y = train_axes_y(axes, ticks[i] / scale);
        char number[64];
        snprintf(number, sizeof number, "%.*f%s", decimals, ticks[i], unit);
        train_canvas_segment(canvas, (train_point){axes->x, y},
                             (train_point){axes->x + axes->width, y}, &hairline);
        train_canvas_text(canvas, axes->x - 7, y + 3.5, &type, number);
    }
}

void train_axes_columns(train_canvas *canvas, const train_axes *axes,
                        const train_numbers *numbers) {
    double scale = numbers->scale;
    bool whole = numbers->whole;
    const train_type type = train_type_aligned(train_type_small, TRAIN_CENTRE);
    double ticks[TRAIN_MAX_TICKS], base = axes->y + axes->height + 15;
    int decimals;
    int n =
        train_ticks(axes->x_low * scale, axes->x_high * scale, numbers->wanted, ticks, &decimals);
    for (int i = 0; i < n; i++) {
        if (whole && ticks[i] != floor(ticks[i])) continue;
        char number[64];
        snprintf(number, sizeof number, "%.*f", whole ? 0 : decimals, ticks[i]);
        train_canvas_text(canvas, train_axes_x(axes, ticks[i] / scale), base, &type, number);
    }
    const train_type right = train_type_aligned(train_type_small, TRAIN_RIGHT);
    train_canvas_text(canvas, axes->x + axes->width, base + 15, &right, numbers->caption);
}
