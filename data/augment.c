#include "data/augment.h"

#define DATA_EFFECT(name) &data_effect_##name,
static const data_effect *const effects[] = {
#include "data/effects.def"
};
#undef DATA_EFFECT
#define DATA_EFFECT(name) &data_effect_##name.variant,
static const base_variant *const variants[] = {
#include "data/effects.def"
};
#undef DATA_EFFECT
enum { N_EFFECTS = sizeof effects / sizeof *effects };

const base_variant *const *data_augment_variants(int *n) {
    *n = N_EFFECTS;
    return variants;
}

/* ---- the chain ---- */

struct data_augment_link {
    const data_effect *effect;
    const void *options;
    void *plan;
};
typedef data_augment_link link;

struct data_augment {
    base_arena arena;
    base_node *list; /* a copy, with its defaults */
    link *links;
    int n;
};

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "augment: out of memory");
}

static base_status prepare(link *l, const base_node *node, const dsp_clip_form *form,
                           base_error *err) {
    if (l->effect->needs_stereo && form->n_channels < 2) {
        return base_node_fail(node, err, BASE_ECONFIG, "needs audio.channels: 2");
    }
    if (l->effect->prepare == NULL) return BASE_OK;
    base_error reason;
    base_status status = l->effect->prepare(l->options, form, &l->plan, &reason);
    return status == BASE_OK ? BASE_OK : base_node_fail(node, err, status, "%s", reason.text);
}

static base_status add_effects(data_augment *augment, const dsp_clip_form *form, base_error *err) {
    const base_family family = {.what = "effect", .variants = variants, .n = N_EFFECTS};
    base_node *list = augment->list;
    if (list->kind != BASE_NODE_LIST) {
        return base_node_fail(list, err, BASE_ECONFIG, "a list of effects is needed here");
    }
    augment->links =
        base_arena_alloc(&augment->arena, (size_t)list->n_children, sizeof *augment->links);
    if (augment->links == NULL) return no_memory(err);
    for (base_node *node = list->child; node != NULL; node = node->next) {
        base_choice choice;
        BASE_TRY(base_variant_bind(&family, node, &augment->arena, &choice, err));
        link *l = &augment->links[augment->n++];
        *l = (link){.effect = effects[choice.index], .options = choice.options};
        BASE_TRY(prepare(l, node->child, form, err));
    }
    return BASE_OK;
}

/* Works on a copy, since defaults that are filled in live in this chain's memory. The copy keeps
 * its place in the configuration for errors to name. */
static base_status copy_list(data_augment *augment, const base_node *list, base_error *err) {
    augment->list = list != NULL ? base_node_copy(list, &augment->arena)
                                 : base_node_new(&augment->arena, BASE_NODE_LIST, "default", 0);
    if (augment->list == NULL) return no_memory(err);
    if (list != NULL) {
        augment->list->key = list->key;
        augment->list->parent = list->parent;
    }
    if (base_node_is_null(augment->list)) {
        augment->list->kind = BASE_NODE_LIST;
        augment->list->text = NULL;
    }
    return BASE_OK;
}

base_status data_augment_new(const base_node *list, const dsp_clip_form *form,
                             data_augment **augment, base_error *err) {
    *augment = base_alloc(1, sizeof **augment);
    if (*augment == NULL) return no_memory(err);
    base_status status = copy_list(*augment, list, err);
    if (status == BASE_OK) status = add_effects(*augment, form, err);
    if (status != BASE_OK) {
        data_augment_free(*augment);
        *augment = NULL;
    }
    return status;
}

void data_augment_free(data_augment *augment) {
    if (augment == NULL) return;
    for (int i = 0; i < augment->n; i++) {
        const link *l = &augment->links[i];
        if (l->effect->release != NULL) l->effect->release(l->plan);
    }
    base_arena_release(&augment->arena);
    base_free(augment);
}

const base_node *data_augment_list(const data_augment *augment) {
    return augment->list;
}

size_t data_augment_scratch_bytes(const data_augment *augment) {
    size_t most = 0;
    for (int i = 0; i < augment->n; i++) {
        const link *l = &augment->links[i];
        size_t bytes = l->effect->scratch_bytes != NULL ? l->effect->scratch_bytes(l->plan) : 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* What one effect takes from the sample's stream: always three numbers, whether it is applied or
 * not, so that no effect's settings change what the others draw. An effect that needs many numbers
 * has them from a stream of its own. */
typedef struct {
    bool applied;
    double amount;
    base_rng rng;
} draw;

static draw draw_effect(const data_effect_options *options, base_rng *rng) {
    draw d = {.applied = base_rng_chance(rng, options->p)};
    d.amount = base_rng_range(rng, options->range[0], options->range[1]);
    d.rng = base_rng_open(base_rng_u64(rng), BASE_RNG_AUGMENT, 0, 0);
    return d;
}

static base_status apply(const link *l, dsp_clip clip, draw *d, void *scratch, base_error *err) {
    data_effect_call call = {.options = l->options,
                             .plan = l->plan,
                             .amount = d->amount,
                             .rng = &d->rng,
                             .scratch = scratch,
                             .clip = clip};
    if (l->effect->apply(&call, err) == BASE_OK) return BASE_OK;
    return base_fail_within(err, "augment: %s", l->effect->variant.name);
}

base_status data_augment_waveform(const data_augment *augment, dsp_clip clip, base_rng *rng,
                                  void *scratch, base_error *err) {
    for (int i = 0; i < augment->n; i++) {
        const link *l = &augment->links[i];
        if (l->effect->apply == NULL) continue;
        draw d = draw_effect(l->options, rng);
        if (d.applied) BASE_TRY(apply(l, clip, &d, scratch, err));
    }
    return BASE_OK;
}

static float mean_of(const float *x, int64_t n) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return (float)(sum / (double)n);
}

void data_augment_features(const data_augment *augment, float *features, const int64_t shape[3],
                           base_rng *rng) {
    for (int i = 0; i < augment->n; i++) {
        const link *l = &augment->links[i];
        if (l->effect->mask == NULL) continue;
        draw d = draw_effect(l->options, rng);
        if (!d.applied) continue;
        l->effect->mask(
            &(data_effect_call){.options = l->options,
                                .plan = l->plan,
                                .amount = d.amount,
                                .rng = &d.rng,
                                .features = features,
                                .shape = shape,
                                .mean = mean_of(features, shape[0] * shape[1] * shape[2])});
    }
}

static base_status augment_clip(const void *context, dsp_clip clip, base_rng *rng, void *scratch,
                                base_error *err) {
    return data_augment_waveform(context, clip, rng, scratch, err);
}

static void augment_features(const void *context, float *x, const int64_t shape[3], base_rng *rng) {
    data_augment_features(context, x, shape, rng);
}

data_augmenter data_augmenter_of(const data_augment *augment) {
    return (data_augmenter){.scratch_bytes = data_augment_scratch_bytes(augment),
                            .waveform = augment_clip,
                            .features = augment_features,
                            .context = augment};
}

bool data_augment_is_empty(const data_augment *augment) {
    return augment->n == 0;
}

int data_augment_n(const data_augment *augment) {
    return augment->n;
}

const data_augment_link *data_augment_at(const data_augment *augment, int index) {
    BASE_CHECK(index >= 0 && index < augment->n);
    return &augment->links[index];
}

const char *data_augment_link_name(const data_augment_link *l) {
    return l->effect->variant.name;
}

base_status data_augment_link_run(const data_augment_link *l, dsp_clip clip, base_rng *rng,
                                  void *scratch, base_error *err) {
    draw d = draw_effect(l->options, rng);
    return l->effect->apply != NULL ? apply(l, clip, &d, scratch, err) : BASE_OK;
}
