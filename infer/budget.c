#include "infer/budget.h"

#include <math.h>
#include <stdlib.h>

#include "base/text.h"

#define MIB 1048576.0

static const infer_needs allowed = {
    .memory_bytes = 1024 * MIB, .work = 1e11, .n_fft = 32768, .file_bytes = 4096 * MIB};

base_status infer_budget(infer_needs *most, base_error *err) {
    const char *text = getenv("RIMSHOT_BUDGET");
    double factor = 1;
    if (text != NULL && *text != '\0' &&
        !(base_parse_double(text, &factor) && isfinite(factor) && factor > 0)) {
        return base_fail(err, BASE_EUSAGE, "RIMSHOT_BUDGET=%s: a positive number is needed", text);
    }
    *most = (infer_needs){.memory_bytes = factor * allowed.memory_bytes,
                          .work = factor * allowed.work,
                          .n_fft = factor * allowed.n_fft,
                          .file_bytes = factor * allowed.file_bytes};
    return BASE_OK;
}

base_status infer_budget_check(const infer_needs *needs, const char *path, base_error *err) {
    infer_needs most = {0};
    BASE_TRY(infer_budget(&most, err));
    const struct {
        double needed, most, unit;
        const char *what;
    } checks[] = {
        {needs->file_bytes, most.file_bytes, MIB, "MiB of weights"},
        {needs->n_fft, most.n_fft, 1, "samples in a Fourier transform"},
        {needs->memory_bytes, most.memory_bytes, MIB, "MiB of memory beside its weights"},
        {needs->work, most.work, 1e6, "million multiply-adds per sound"},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (checks[i].needed <= checks[i].most) continue;
        return base_fail(err, BASE_EDATA,
                         "%s: needs %.0f %s, %.0f are allowed (RIMSHOT_BUDGET=N allows N times as "
                         "much)",
                         path, checks[i].needed / checks[i].unit, checks[i].what,
                         checks[i].most / checks[i].unit);
    }
    return BASE_OK;
}

void infer_needs_add_up(const infer_parts *parts, infer_needs *needs) {
    double n_members = (double)parts->n_members, item = sizeof(float);
    int64_t shape[3];
    dsp_features_shape(parts->features, shape);
    double n_input = (double)shape[0] * (double)shape[1] * (double)shape[2];
    double worker =
        (double)dsp_features_scratch_bytes(parts->features) + (double)parts->n_audio * item;
    double network = (double)parts->network.activation_bytes + (double)parts->network.scratch_bytes;
    needs->memory_bytes = n_members * network + (double)parts->n_workers * worker +
                          (double)parts->batch * n_input * item;
    needs->work = n_members * (dsp_features_work(parts->features) + (double)parts->network.work);
    needs->n_fft = dsp_features_is_framed(parts->options) ? (double)parts->options->n_fft : 0;
}
