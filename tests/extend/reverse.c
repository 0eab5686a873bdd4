/* An effect: the clip played backwards. */
#include "data/effect.h"

static const base_option table[] = {{.key = "p",
                                     .kind = BASE_OPT_FLOAT,
                                     .offset = offsetof(data_effect_options, p),
                                     .preset = "0.5",
                                     .max = 1,
                                     .help = "probability that a clip gets the effect"},
                                    {0}};

static base_status apply_reverse(const data_effect_call *call, base_error *err) {
    (void)err;
    dsp_clip clip = call->clip;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        float *first = clip.x + c * clip.n, *last = first + clip.n - 1;
        for (; first < last; first++, last--) {
            float x = *first;
            *first = *last;
            *last = x;
        }
    }
    return BASE_OK;
}

const data_effect data_effect_reverse = {
    .variant = {.name = "reverse",
                .help = "the clip played backwards",
                .options = table,
                .size_bytes = sizeof(data_effect_options)},
    .apply = apply_reverse,
};
