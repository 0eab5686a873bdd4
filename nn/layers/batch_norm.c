/* Batch normalisation (S. Ioffe and C. Szegedy, ICML 2015): per channel of an image, per feature of
 * a sequence or vector, over the batch and all other axes, without frames past in_length.
 *
 * An activation and a max pooling that follow are done in the same pass: what is written is only
 * their result, and for backward, in one byte, where each maximum was. One task has one channel of
 * the whole batch, or a few neighbours where planes are small, so that both of its passes find
 * their data in the cache. Where ranks share the batch the sums of all are needed between the two
 * passes, which then are loops of their own. */
#include <math.h>
#include <string.h>

#include "nn/layers/options.h"

enum { COLUMNS = 64, CHUNK_FLOATS = 2048, MAX_GROUP = 16, GROUP_FLOATS = 8192, MIN_GROUPS = 8 };

typedef struct {
    double eps, momentum;
    bool affine;
} batch_norm_options;

static const base_option batch_norm_table[] = {
    {"eps", BASE_OPT_FLOAT, offsetof(batch_norm_options, eps), "1e-5", 1e-12, 1, NULL, NULL,
     "added to the variance"},
    {"momentum", BASE_OPT_FLOAT, offsetof(batch_norm_options, momentum), "0.1", 0, 1, NULL, NULL,
     "share of the newest batch in the running statistics"},
    {"affine", BASE_OPT_BOOL, offsetof(batch_norm_options, affine), "true", 0, 0, NULL, NULL,
     "scale and shift the result by trained numbers"},
    {0}};

/* Kept from forward to backward for each channel. */
typedef struct {
    double mean, inv_deviation;
} channel_statistics;

/* Over each shard: two sums for every channel, in scratch [shards, 2, channels]. */
enum {
    STATISTICS_FLOATS = sizeof(channel_statistics) / sizeof(float),
    SUMS_FLOATS = 2 * sizeof(double) / sizeof(float)
};

/* The passes that a task makes. */
enum { SUM = 1, APPLY = 2 };

static int64_t channels_of(const nn_plan *plan) {
    nn_shape in = plan->in[0];
    return in.rank == 3 ? in.dim[0] : in.dim[in.rank - 1];
}

static base_status plan_tensors(bool affine, nn_plan *plan, base_error *err) {
    int64_t n = channels_of(plan), one = 1;
    nn_shape shape = nn_shape_make(1, &n);
    if (affine) {
        BASE_TRY(nn_plan_tensor(plan, "weight", shape, NN_TRAINED, err));
        BASE_TRY(nn_plan_tensor(plan, "bias", shape, NN_TRAINED, err));
    }
    BASE_TRY(nn_plan_tensor(plan, "running_mean", shape, NN_STATE, err));
    BASE_TRY(nn_plan_tensor(plan, "running_var", shape, NN_STATE, err));
    return nn_plan_tensor(plan, "num_batches_tracked", nn_shape_make(1, &one), NN_STATE, err);
}

static base_status batch_norm_plan(nn_plan *plan, base_error *err) {
    const batch_norm_options *o = plan->options;
    BASE_TRY(plan_tensors(o->affine, plan, err));
    plan->out = plan->in[0];
    if (plan->training) {
        plan->n_cache = channels_of(plan) * STATISTICS_FLOATS;
        plan->n_scratch = plan->n_shards * channels_of(plan) * SUMS_FLOATS;
        plan->backward_reads = NN_READS_X;
    }
    return BASE_OK;
}

/* Pooled rows that are made at once, so that what lies between the steps stays in the L1 cache.
 */
static int64_t rows_at_once(int64_t row_floats) {
    return row_floats < CHUNK_FLOATS ? CHUNK_FLOATS / row_floats : 1;
}

static bool batch_norm_fuse_pool(nn_plan *plan) {
    nn_shape in = plan->in[0];
    int64_t row = plan->pool.kernel_f * in.dim[2];
    plan->n_worker_scratch = rows_at_once(row) * row + in.dim[1] * in.dim[2];
    if (plan->training) plan->n_cache += nn_pool_index_floats(plan);
    return true;
}

/* Backward computes again what the map was applied to, from x; what the map gave may be pooled. */
static bool batch_norm_fuse_map(nn_plan *plan, const nn_function *function) {
    return !plan->training || function->derivative & NN_READS_X;
}

static void fill(float *x, int64_t n, float value) {
    for (int64_t i = 0; i < n; i++) x[i] = value;
}

static void batch_norm_init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    const batch_norm_options *o = plan->options;
    (void)rng;
    int64_t n = channels_of(plan);
    if (o->affine) {
        fill(nn_plan_find(plan, "weight", param), n, 1.0f);
        fill(nn_plan_find(plan, "bias", param), n, 0.0f);
    }
    fill(nn_plan_find(plan, "running_mean", state), n, 0.0f);
    fill(nn_plan_find(plan, "running_var", state), n, 1.0f);
    fill(nn_plan_find(plan, "num_batches_tracked", state), 1, 0.0f);
}

static int64_t batch_norm_length(const nn_plan *plan, int64_t length) {
    return plan->pool.kernel_t > 0 ? length / plan->pool.kernel_t : length;
}

typedef struct {
    const batch_norm_options *options;
    const nn_run *run;
    unsigned passes;
    const nn_kernels_table *kernels;
    const float *weight, *bias;
    float *dweight, *dbias, *running_mean, *running_var;
    channel_statistics *statistics; /* NULL without backward */
    uint8_t *index;                 /* as y, of its maxima; NULL without backward or pooling */
    nn_map map;                     /* the activation; scale and shift are each channel's own */
    const float *x;
    float *y, *dy, *dx;
    int64_t channels, frames;            /* frames: along time, 1 for vectors */
    int64_t height;                      /* images: F; otherwise 1 */
    int64_t kernel_f, kernel_t;          /* 0: no pooling */
    int64_t pooled_height, pooled_width; /* a plane of y */
} norm_call;

static norm_call open_call(const nn_run *run) {
    const nn_plan *plan = run->plan;
    nn_shape in = plan->in[0], out = plan->out;
    norm_call call = {.options = plan->options,
                      .run = run,
                      .kernels = nn_kernels(),
                      .weight = nn_plan_find(plan, "weight", (float *)run->param),
                      .bias = nn_plan_find(plan, "bias", (float *)run->param),
                      .running_mean = nn_plan_find(plan, "running_mean", run->state),
                      .running_var = nn_plan_find(plan, "running_var", run->state),
                      .statistics = plan->training ? (void *)run->cache : NULL,
                      .map = plan->map,
                      .x = run->x[0],
                      .y = run->y,
                      .dy = run->dy,
                      .dx = run->dx[0],
                      .channels = channels_of(plan),
                      .frames = in.rank == 1 ? 1 : in.dim[nn_shape_time_axis(in)],
                      .height = in.rank == 3 ? in.dim[1] : 1,
                      .kernel_f = plan->pool.kernel_f,
                      .kernel_t = plan->pool.kernel_t,
                      .pooled_height = out.rank == 3 ? out.dim[1] : 1,
                      .pooled_width = out.rank == 3 ? out.dim[2] : 1};
    call.map.scale = 1.0f;
    if (plan->training && plan->pool.kernel_f > 0) {
        call.index = (uint8_t *)(run->cache + call.channels * STATISTICS_FLOATS);
    }
    return call;
}

static int64_t length_of(const norm_call *call, int64_t sample) {
    const int32_t *length = call->run->in_length;
    return length != NULL ? length[sample] : call->frames;
}

/* Numbers that each channel's statistics are made of. */
static double count_values(const norm_call *call) {
    double n = 0.0;
    const nn_shards *shards = &call->run->shards;
    for (int64_t b = 0; b < shards->batch; b++) {
        int64_t length = shards->length != NULL ? shards->length[b] : call->frames;
        n += (double)(call->height * length);
    }
    return n > 0.0 ? n : 1.0;
}

/* Of one shard: sums over its samples, for every channel. */
typedef struct {
    double *sum, *dot;
} shard_sums;

static shard_sums sums_at(const norm_call *call, int shard) {
    double *at = (double *)(void *)call->run->scratch + 2 * shard * call->channels;
    return (shard_sums){at, at + call->channels};
}

/* Clears n channels of one shard. */
static shard_sums begin_sums(const norm_call *call, int shard, int64_t first, int64_t n) {
    shard_sums sums = sums_at(call, shard);
    memset(sums.sum + first, 0, (size_t)n * sizeof *sums.sum);
    memset(sums.dot + first, 0, (size_t)n * sizeof *sums.dot);
    return sums;
}

/* Over all shards. */
static void join_channel(const norm_call *call, int64_t channel, double *sum, double *dot) {
    shard_sums sums = sums_at(call, 0);
    *sum = nn_join_sums(call->run, sums.sum + channel, 2 * call->channels);
    *dot = nn_join_sums(call->run, sums.dot + channel, 2 * call->channels);
}

/* Statistics of the batch from its sums; the running ones follow, with the unbiased variance. */
static channel_statistics batch_statistics(const norm_call *call, int64_t channel) {
    double sum, squares;
    join_channel(call, channel, &sum, &squares);
    double n = count_values(call), mean = sum / n, variance = squares / n - mean * mean;
    if (variance < 0.0) variance = 0.0;
    double m = call->options->momentum, unbiased = n > 1.0 ? variance * (n / (n - 1.0)) : variance;
    float *running_mean = &call->running_mean[channel], *running_var = &call->running_var[channel];
    *running_mean = (float)((1.0 - m) * *running_mean + m * mean);
    *running_var = (float)((1.0 - m) * *running_var + m * unbiased);
    return (channel_statistics){mean, 1.0 / sqrt(variance + call->options->eps)};
}

static channel_statistics running_statistics(const norm_call *call, int64_t channel) {
    double variance = (double)call->running_var[channel] + call->options->eps;
    return (channel_statistics){call->running_mean[channel], 1.0 / sqrt(variance)};
}

static channel_statistics find_statistics(const norm_call *call, int64_t channel) {
    return call->run->training ? batch_statistics(call, channel)
                               : running_statistics(call, channel);
}

static nn_map channel_map(const norm_call *call, int64_t channel, channel_statistics s) {
    nn_map map = call->map;
    double weight = call->weight != NULL ? call->weight[channel] : 1.0;
    double bias = call->bias != NULL ? call->bias[channel] : 0.0;
    map.scale = (float)(weight * s.inv_deviation);
    map.shift = (float)(bias - weight * s.inv_deviation * s.mean);
    return map;
}

/* From sum dz and sum dz x: adds the parameters' gradients and gives the formula of dx. In
 * inference the statistics are constants. */
static nn_slope finish_backward(const norm_call *call, int64_t channel) {
    double sum, dot;
    join_channel(call, channel, &sum, &dot);
    channel_statistics s = call->statistics[channel];
    double n = count_values(call), along = s.inv_deviation * (dot - s.mean * sum);
    double scale = s.inv_deviation;
    if (call->weight != NULL) {
        scale *= call->weight[channel];
        call->dweight[channel] += (float)along;
        call->dbias[channel] += (float)sum;
    }
    nn_slope slope = {.a = (float)scale, .center = (float)s.mean};
    if (call->run->training) {
        slope.b = (float)(-scale * s.inv_deviation * along / n);
        slope.c = (float)(-scale * sum / n);
    }
    return slope;
}

/* Runs of valid numbers of a plane: all of it, or with a length the head of each row. */
typedef struct {
    int64_t n_rows, n, stride;
} plane_rows;

static plane_rows valid_rows(const norm_call *call, int64_t sample) {
    int64_t length = length_of(call, sample);
    if (length == call->frames) return (plane_rows){1, call->height * call->frames, 0};
    return (plane_rows){call->height, length, call->frames};
}

static int64_t plane_floats(const norm_call *call) {
    return call->height * call->frames;
}

static int64_t plane_start(const norm_call *call, int64_t sample, int64_t channel) {
    return (sample * call->channels + channel) * plane_floats(call);
}

static int64_t pooled_start(const norm_call *call, int64_t sample, int64_t channel) {
    return (sample * call->channels + channel) * call->pooled_height * call->pooled_width;
}

/* Adds the sums of a and a b over the valid part of a plane to *sum and *dot. */
static void sum_plane(const norm_call *call, int64_t sample, const float *a, const float *b,
                      double *sum, double *dot) {
    plane_rows rows = valid_rows(call, sample);
    for (int64_t i = 0; i < rows.n_rows; i++) {
        double row_sum, row_dot;
        call->kernels->sum_and_dot(a + i * rows.stride, b + i * rows.stride, rows.n, &row_sum,
                                   &row_dot);
        *sum += row_sum;
        *dot += row_dot;
    }
}

/* Channels of a task: as many as make a good run of memory, if that leaves enough tasks. */
static int64_t group_size(const norm_call *call) {
    int64_t size = GROUP_FLOATS / plane_floats(call), most = call->channels / MIN_GROUPS;
    return nn_max(nn_min(nn_min(size, MAX_GROUP), most), 1);
}

typedef struct {
    int64_t first, n;
} channel_group;

static channel_group group_of(const norm_call *call, int64_t task) {
    int64_t size = group_size(call), first = task * size;
    return (channel_group){first, nn_min(call->channels - first, size)};
}

/* What is summed over one plane. */
typedef void sum_function(const norm_call *call, int64_t sample, int64_t channel, int worker,
                          shard_sums sums);

static void sum_group(const norm_call *call, channel_group group, int worker, sum_function *add) {
    const nn_run *run = call->run;
    for (int shard = run->shards.first; shard < run->shards.end; shard++) {
        shard_sums sums = begin_sums(call, shard, group.first, group.n);
        int64_t begin = nn_shard_begin(run, shard), end = nn_shard_begin(run, shard + 1);
        for (int64_t j = begin * group.n; j < end * group.n; j++) {
            add(call, j / group.n, group.first + j % group.n, worker, sums);
        }
    }
}

static void image_forward_plane(const norm_call *call, int64_t sample, int64_t channel, int worker,
                                shard_sums sums) {
    (void)worker;
    const float *x = call->x + plane_start(call, sample, channel);
    sum_plane(call, sample, x, x, sums.sum + channel, sums.dot + channel);
}

/* The windows of rows [row, row + n) of a pooled plane. */
typedef struct {
    const norm_call *call;
    nn_map map;
    float *activated; /* scratch for rows_at_once */
    int64_t length;   /* valid frames of the sample */
    int64_t row, n;
} pooled_rows;

/* Activates the rows of x [F,T] below n pooled rows. A sample always has one pooled frame; where
 * its own frames don't fill that window the rest is zero, as between layers apart. */
static void activate_rows(const pooled_rows *rows, const float *x) {
    const norm_call *call = rows->call;
    int64_t floats = call->kernel_f * call->frames;
    call->kernels->activate(&rows->map, x + rows->row * floats, rows->activated, rows->n * floats);
    if (rows->length >= call->kernel_t) return;
    for (int64_t i = 0; i < rows->n * call->kernel_f; i++) {
        fill(rows->activated + i * call->frames + rows->length, call->kernel_t - rows->length,
             0.0f);
    }
}

/* n rows of windows. */
static nn_pool_windows windows_of(const norm_call *call, int64_t n) {
    return (nn_pool_windows){.kernel_f = call->kernel_f,
                             .kernel_t = call->kernel_t,
                             .width = call->frames,
                             .n_f = n,
                             .n_t = call->pooled_width};
}

static bool next_rows(pooled_rows *rows) {
    const norm_call *call = rows->call;
    rows->row += rows->n;
    rows->n = rows_at_once(call->kernel_f * call->frames);
    int64_t left = call->pooled_height - rows->row;
    if (rows->n > left) rows->n = left;
    return left > 0;
}

/* The maxima of a plane x, which start at y. */
static void pool_plane(pooled_rows rows, const float *x, float *y) {
    const norm_call *call = rows.call;
    while (next_rows(&rows)) {
        nn_pool_windows windows = windows_of(call, rows.n);
        float *to = y + rows.row * call->pooled_width;
        activate_rows(&rows, x);
        call->kernels->max_pool(&windows, rows.activated, to,
                                call->index != NULL ? call->index + (to - call->y) : NULL);
    }
}

/* dz [F,T] from the gradient of the pooled plane, which starts at dy. */
static void unpool_plane(const norm_call *call, const nn_map *map, const float *x, const float *dy,
                         float *dz) {
    nn_pool_windows windows = windows_of(call, 1);
    int64_t floats = call->kernel_f * call->frames, done = call->pooled_height * floats;
    int64_t rest = call->frames - call->pooled_width * call->kernel_t;
    for (int64_t i = 0; i < call->pooled_height; i++) {
        const float *from = dy + i * call->pooled_width;
        float *d = dz + i * floats;
        call->kernels->max_unpool(&windows, from, call->index + (from - call->dy), d);
        for (int64_t k = 1; k <= call->kernel_f; k++) {
            fill(d + k * call->frames - rest, rest, 0.0f);
        }
        call->kernels->activate_backward(map, x + i * floats, d, floats);
    }
    fill(dz + done, plane_floats(call) - done, 0.0f);
}

static float *scratch_of(const norm_call *call, int worker) {
    return call->run->worker_scratch + worker * call->run->plan->n_worker_scratch;
}

static void image_forward_task(void *context, int64_t task, int worker) {
    const norm_call *call = context;
    channel_group group = group_of(call, task);
    channel_statistics s[MAX_GROUP];
    if (call->passes & SUM) sum_group(call, group, worker, image_forward_plane);
    if (!(call->passes & APPLY)) return;
    for (int64_t i = 0; i < group.n; i++) s[i] = find_statistics(call, group.first + i);
    if (call->statistics != NULL) {
        memcpy(call->statistics + group.first, s, (size_t)group.n * sizeof *s);
    }
    pooled_rows rows = {.call = call, .activated = scratch_of(call, worker)};
    for (int64_t j = 0; j < call->run->batch * group.n; j++) {
        int64_t b = j / group.n, i = j % group.n, channel = group.first + i;
        const float *x = call->x + plane_start(call, b, channel);
        float *y = call->y + pooled_start(call, b, channel);
        rows.map = channel_map(call, channel, s[i]);
        rows.length = length_of(call, b);
        if (call->kernel_f > 0) {
            pool_plane(rows, x, y);
        } else {
            call->kernels->activate(&rows.map, x, y, plane_floats(call));
        }
    }
}

/* Where dz of a plane is kept: without pooling in dy, with it in dx or else in scratch. */
static float *gradient_place(const norm_call *call, int64_t sample, int64_t channel, int worker) {
    int64_t at = plane_start(call, sample, channel);
    if (call->kernel_f == 0) return call->dy + at;
    if (call->dx != NULL) return call->dx + at;
    int64_t row = call->kernel_f * call->frames;
    return scratch_of(call, worker) + rows_at_once(row) * row;
}

/* dx = slope(dz, x) where valid, 0 elsewhere. */
static void finish_plane(const norm_call *call, int64_t sample, int64_t channel,
                         const nn_slope *slope) {
    plane_rows rows = valid_rows(call, sample);
    int64_t at = plane_start(call, sample, channel);
    const float *dz = gradient_place(call, sample, channel, 0);
    for (int64_t i = 0; i < rows.n_rows; i++) {
        int64_t row = i * rows.stride;
        call->kernels->normalize_backward(slope, call->x + at + row, dz + row, call->dx + at + row,
                                          rows.n);
        if (rows.stride > 0) fill(call->dx + at + row + rows.n, rows.stride - rows.n, 0.0f);
    }
}

/* Makes dz of one plane and adds to its channel's sums. */
static void image_backward_plane(const norm_call *call, int64_t sample, int64_t channel, int worker,
                                 shard_sums sums) {
    nn_map map = channel_map(call, channel, call->statistics[channel]);
    const float *x = call->x + plane_start(call, sample, channel);
    float *dz = gradient_place(call, sample, channel, worker);
    if (call->kernel_f > 0) {
        unpool_plane(call, &map, x, call->dy + pooled_start(call, sample, channel), dz);
    } else {
        call->kernels->activate_backward(&map, x, dz, plane_floats(call));
    }
    sum_plane(call, sample, dz, x, sums.sum + channel, sums.dot + channel);
}

static void image_backward_task(void *context, int64_t task, int worker) {
    const norm_call *call = context;
    channel_group group = group_of(call, task);
    nn_slope slope[MAX_GROUP];
    if (call->passes & SUM) sum_group(call, group, worker, image_backward_plane);
    if (!(call->passes & APPLY)) return;
    for (int64_t i = 0; i < group.n; i++) slope[i] = finish_backward(call, group.first + i);
    for (int64_t j = 0; j < call->run->batch * group.n && call->dx != NULL; j++) {
        int64_t i = j % group.n;
        finish_plane(call, j / group.n, group.first + i, &slope[i]);
    }
}

/* Sequences and vectors: a task has the columns [first, first + n) of all frames. */
typedef struct {
    int64_t first, n;
} column_block;

static column_block block_of(const norm_call *call, int64_t task) {
    int64_t first = task * COLUMNS;
    return (column_block){first, nn_min(call->channels - first, COLUMNS)};
}

static int64_t row_start(const norm_call *call, int64_t sample, int64_t frame, column_block block) {
    return (sample * call->frames + frame) * call->channels + block.first;
}

static void sum_block(const norm_call *call, column_block block, shard_sums sums, int64_t sample) {
    for (int64_t t = 0; t < length_of(call, sample); t++) {
        const float *x = call->x + row_start(call, sample, t, block);
        call->kernels->add_columns(x, x, block.n, sums.sum + block.first, sums.dot + block.first);
    }
}

static void sum_block_forward(const norm_call *call, column_block block) {
    const nn_run *run = call->run;
    for (int shard = run->shards.first; shard < run->shards.end; shard++) {
        shard_sums sums = begin_sums(call, shard, block.first, block.n);
        int64_t end = nn_shard_begin(run, shard + 1);
        for (int64_t b = nn_shard_begin(run, shard); b < end; b++) sum_block(call, block, sums, b);
    }
}

typedef struct {
    float scale[COLUMNS], shift[COLUMNS];
} column_maps;

static column_maps maps_of(const norm_call *call, column_block block, const channel_statistics *s) {
    column_maps maps = {0};
    for (int64_t i = 0; i < block.n; i++) {
        nn_map map = channel_map(call, block.first + i, s[i]);
        maps.scale[i] = map.scale;
        maps.shift[i] = map.shift;
    }
    return maps;
}

static void normalize_row(const column_maps *maps, const float *x, float *z, int64_t n) {
    for (int64_t i = 0; i < n; i++) z[i] = maps->scale[i] * x[i] + maps->shift[i];
}

static void column_forward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const norm_call *call = context;
    column_block block = block_of(call, task);
    channel_statistics s[COLUMNS];
    if (call->passes & SUM) sum_block_forward(call, block);
    if (!(call->passes & APPLY)) return;
    for (int64_t i = 0; i < block.n; i++) s[i] = find_statistics(call, block.first + i);
    if (call->statistics != NULL) {
        memcpy(call->statistics + block.first, s, (size_t)block.n * sizeof *s);
    }
    column_maps maps = maps_of(call, block, s);
    for (int64_t row = 0; row < call->run->batch * call->frames; row++) {
        int64_t at = row_start(call, 0, row, block);
        normalize_row(&maps, call->x + at, call->y + at, block.n);
        call->kernels->activate(&call->map, call->y + at, call->y + at, block.n);
    }
}

static void finish_row(const norm_call *call, const nn_slope *slope, int64_t at, int64_t n,
                       bool valid) {
    const float *x = call->x + at, *dz = call->dy + at;
    for (int64_t i = 0; i < n; i++) {
        const nn_slope *k = &slope[i];
        float dx = k->a * dz[i] + (k->b * (x[i] - k->center) + k->c);
        call->dx[at + i] = valid ? dx : 0.0f;
    }
}

/* dz takes the place of dy. */
static void sum_block_backward(const norm_call *call, column_block block) {
    const nn_run *run = call->run;
    column_maps maps = maps_of(call, block, call->statistics + block.first);
    float z[COLUMNS];
    for (int shard = run->shards.first; shard < run->shards.end; shard++) {
        shard_sums sums = begin_sums(call, shard, block.first, block.n);
        int64_t end = nn_shard_begin(run, shard + 1) * call->frames;
        for (int64_t row = nn_shard_begin(run, shard) * call->frames; row < end; row++) {
            if (row % call->frames >= length_of(call, row / call->frames)) continue;
            int64_t at = row_start(call, 0, row, block);
            normalize_row(&maps, call->x + at, z, block.n);
            call->kernels->activate_backward(&call->map, z, call->dy + at, block.n);
            call->kernels->add_columns(call->dy + at, call->x + at, block.n, sums.sum + block.first,
                                       sums.dot + block.first);
        }
    }
}

static void column_backward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const norm_call *call = context;
    column_block block = block_of(call, task);
    if (call->passes & SUM) sum_block_backward(call, block);
    if (!(call->passes & APPLY)) return;
    nn_slope slope[COLUMNS];
    for (int64_t i = 0; i < block.n; i++) slope[i] = finish_backward(call, block.first + i);
    for (int64_t b = 0; b < call->run->batch && call->dx != NULL; b++) {
        for (int64_t t = 0; t < call->frames; t++) {
            finish_row(call, slope, row_start(call, b, t, block), block.n, t < length_of(call, b));
        }
    }
}

static void run_passes(norm_call *call, unsigned passes, base_task *image, base_task *columns) {
    call->passes = passes;
    if (call->run->plan->in[0].rank == 3) {
        int64_t size = group_size(call);
        base_parallel(call->run->pool, nn_ceil_div(call->channels, size), image, call);
    } else {
        base_parallel(call->run->pool, nn_ceil_div(call->channels, COLUMNS), columns, call);
    }
}

/* sums: whether there are any; in inference forward has none. */
static void run_tasks(norm_call *call, bool sums, base_task *image, base_task *columns) {
    const nn_run *run = call->run;
    if (!sums || run->ranks == NULL) {
        run_passes(call, sums ? SUM | APPLY : APPLY, image, columns);
        return;
    }
    run_passes(call, SUM, image, columns);
    nn_gather_sums(run, (double *)(void *)run->scratch, 2 * call->channels);
    run_passes(call, APPLY, image, columns);
}

static void batch_norm_forward(const nn_run *run) {
    norm_call call = open_call(run);
    run_tasks(&call, run->training, image_forward_task, column_forward_task);
    if (run->training) *nn_plan_find(run->plan, "num_batches_tracked", run->state) += 1.0f;
}

static void batch_norm_backward(const nn_run *run) {
    norm_call call = open_call(run);
    call.dweight = nn_plan_find(run->plan, "weight", run->dparam);
    call.dbias = nn_plan_find(run->plan, "bias", run->dparam);
    run_tasks(&call, true, image_backward_task, column_backward_task);
}

static void batch_norm_scales(const nn_plan *plan, const float *param, const float *state,
                              float *scale, float *shift) {
    nn_run run = {.plan = plan, .param = param, .state = (float *)state}; /* only read */
    norm_call call = open_call(&run);
    for (int64_t i = 0; i < call.channels; i++) {
        nn_map map = channel_map(&call, i, running_statistics(&call, i));
        scale[i] = map.scale;
        shift[i] = map.shift;
    }
}

const nn_layer nn_layer_batch_norm = {
    .variant = {"batch_norm", "normalises each channel over the batch", NULL, batch_norm_table,
                sizeof(batch_norm_options)},
    .plan = batch_norm_plan,
    .fuse_map = batch_norm_fuse_map,
    .fuse_pool = batch_norm_fuse_pool,
    .scales = batch_norm_scales,
    .init = batch_norm_init,
    .length = batch_norm_length,
    .passes_padding = true,
    .forward = batch_norm_forward,
    .backward = batch_norm_backward,
};
