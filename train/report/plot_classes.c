#include <math.h>

#include "train/report/plot.h"
#include "train/report/plot_axes.h"

#define ROW     24.0
#define BAR     14.0
#define LONGEST 300.0

typedef struct {
    const train_plot_counts *bars;
    double left;
    int64_t most;
} layout;

static void draw(train_canvas *canvas, const void *context) {
    const layout *l = context;
    const train_type right = train_type_aligned(train_type_label, TRAIN_RIGHT);
    train_canvas_text(canvas, TRAIN_PLOT_MARGIN, TRAIN_PLOT_MARGIN + 11, &train_type_title,
                      "Clips per class");
    for (int c = 0; c < l->bars->n_classes; c++) {
        double y = TRAIN_PLOT_MARGIN + 34 + c * ROW;
        double width = l->most > 0 ? LONGEST * (double)l->bars->counts[c] / (double)l->most : 0;
        char count[32];
        train_canvas_text(canvas, l->left - 10, y + BAR - 3, &right, l->bars->classes[c]);
        train_canvas_rect(canvas, (train_box){l->left, y, fmax(width, 1), BAR}, train_accent);
        train_canvas_text(canvas, l->left + width + 7, y + BAR - 3, &train_type_small,
                          base_thousands(l->bars->counts[c], count));
    }
}

base_status train_plot_classes(const train_plot_counts *bars, const char *folder, const char *name,
                               base_error *err) {
    layout l = {.bars = bars};
    for (int c = 0; c < bars->n_classes; c++) {
        l.left = fmax(l.left, train_text_width(bars->classes[c], train_type_label.size, false));
        l.most = bars->counts[c] > l.most ? bars->counts[c] : l.most;
    }
    l.left += TRAIN_PLOT_MARGIN + 10;
    char most[32];
    double number = train_text_width(base_thousands(l.most, most), train_type_small.size, false);
    const train_picture picture = {
        ceil(l.left + LONGEST + 7 + number + TRAIN_PLOT_MARGIN),
        TRAIN_PLOT_MARGIN + 34 + bars->n_classes * ROW + TRAIN_PLOT_MARGIN - (ROW - BAR), draw, &l};
    return train_picture_write(&picture, folder, name, err);
}
