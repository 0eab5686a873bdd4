/* infer/export/metadata.h - texts under keys that go with a model's weights, the same in every
 * format.
 *
 * classes (JSON list), config (YAML), record (JSON), temperature, activation (softmax or sigmoid),
 * sample_rate_hz, channels, samples, features ("[C,F,T]"), norm_offset and norm_scale (JSON lists,
 * y = (x - offset) / scale: one number, one per row of the features, or none), refused (the class
 * for what is none of the others, or nothing), above and least (JSON lists of bounds, one per
 * class: infer/refusal.h). */
#ifndef INFER_EXPORT_METADATA_H
#define INFER_EXPORT_METADATA_H

#include "infer/export/export.h"

enum { INFER_METADATA_MAX = 16 };

typedef struct {
    base_arena arena;
    const char *key[INFER_METADATA_MAX];
    const char *value[INFER_METADATA_MAX];
    int n;
} infer_metadata;

/* Of one member, or of all (-1), where the lists of normalisation are empty. */
base_status infer_metadata_make(const infer_model *model, int member, infer_metadata *metadata,
                                base_error *err);
void infer_metadata_release(infer_metadata *metadata);
/* As a JSON object of strings. */
void infer_metadata_add_json(const infer_metadata *metadata, base_text *out);

#endif
