#include "dsp/raster.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "tests/test.h"

enum { ROWS = 8, COLUMNS = 5, STRIDE = 7, GAP = 99 };

/* `picture` has room for rows that are further apart than the columns need. */
static void draw(int64_t hop, const float *audio, int64_t n, float *picture) {
    dsp_raster raster = {.n_rows = ROWS, .n_columns = COLUMNS, .hop = hop, .stride = STRIDE};
    for (int i = 0; i < ROWS * STRIDE; i++) picture[i] = GAP;
    dsp_raster_draw(&raster, audio, n, picture);
    for (int i = 0; i < ROWS * STRIDE; i++)
        ck_assert((picture[i] == GAP) == (i % STRIDE >= COLUMNS));
}

static void check_column(const float *picture, int column, const float *expected) {
    for (int i = 0; i < ROWS; i++) {
        ck_assert_msg(fabsf(picture[i * STRIDE + column] - expected[i]) < 1e-6f,
                      "row %d of column %d is %g, not %g", i, column,
                      (double)picture[i * STRIDE + column], (double)expected[i]);
    }
}

START_TEST(a_line_is_one_row_thick) {
    static const float silence[ROWS] = {0, 0, 0, 0.5f, 0.5f, 0, 0, 0};
    static const float low[ROWS] = {0.5f, 0, 0, 0, 0, 0, 0, 0};
    static const float high[ROWS] = {0, 0, 0, 0, 0, 0, 0.25f, 0.75f};
    const float audio[COLUMNS] = {0, 0, -1, -7, 0.8125f};
    float picture[ROWS * STRIDE];
    draw(1, audio, 2, picture);
    for (int i = 0; i < COLUMNS; i++) check_column(picture, i, silence);
    draw(1, audio + 2, 2, picture); /* beyond -1 is drawn at the edge */
    for (int i = 0; i < COLUMNS; i++) check_column(picture, i, low);
    draw(1, audio + 4, 1, picture);
    for (int i = 0; i < COLUMNS; i++) check_column(picture, i, high);
}
END_TEST

START_TEST(columns_reach_to_their_neighbours) {
    static const float first[ROWS] = {0, 0, 0, 0.5f, 1, 1, 0.5f, 0};
    static const float second[ROWS] = {0, 0.5f, 1, 1, 1, 1, 0.5f, 0};
    static const float third[ROWS] = {0, 0.5f, 0.5f, 0, 0, 0, 0, 0};
    const float audio[] = {0, 0.25f, 0.5f, -0.5f, -0.5f};
    float picture[ROWS * STRIDE];
    draw(2, audio, 5, picture);
    check_column(picture, 0, first);
    check_column(picture, 1, second);
    for (int i = 2; i < COLUMNS; i++) check_column(picture, i, third);
}
END_TEST

/* What is covered adds up to the height of the line. */
START_TEST(heights_add_up) {
    enum { N = 50, HOP = 10 };
    float audio[N], picture[ROWS * STRIDE];
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) audio[i] = 1.6f * base_rng_uniform(&rng) - 0.8f;
    draw(HOP, audio, N, picture);
    for (int t = 0; t < COLUMNS; t++) {
        float low = 1, high = -1, sum = 0;
        for (int i = t * HOP; i <= (t + 1) * HOP && i < N; i++) {
            low = fminf(low, audio[i]);
            high = fmaxf(high, audio[i]);
        }
        for (int i = 0; i < ROWS; i++) sum += picture[i * STRIDE + t];
        ck_assert_float_eq_tol(sum, (high - low) * ROWS / 2 + 1, 1e-5f);
    }
}
END_TEST

TEST_MAIN("dsp/raster", a_line_is_one_row_thick, columns_reach_to_their_neighbours, heights_add_up)
