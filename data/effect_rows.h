/* data/effect_rows.h - rows of the tables of effects' options. */
#ifndef DATA_EFFECT_ROWS_H
#define DATA_EFFECT_ROWS_H

#include "data/effect.h"

#define P_ROW(type)                                                                                \
    {                                                                                              \
        "p", BASE_OPT_FLOAT, offsetof(type, common.p), "0.5", 0, 1, NULL, NULL,                    \
            "probability that a clip gets the effect"                                              \
    }
#define RANGE_ROW(type, key, preset, min, max, unit, help)                                         \
    FIELD_RANGE_ROW(type, common.range, key, preset, min, max, unit, help)
#define FIELD_RANGE_ROW(type, field, key, preset, min, max, unit, help)                            \
    { key, BASE_OPT_RANGE, offsetof(type, field), preset, min, max, NULL, unit, help }
#define CHOICE_ROW(type, field, key, preset, choices, help)                                        \
    { key, BASE_OPT_CHOICE, offsetof(type, field), preset, 0, 0, choices, NULL, help }
#define VARIANT(name, help, table, type)                                                           \
    { name, help, NULL, table, sizeof(type) }

#endif
