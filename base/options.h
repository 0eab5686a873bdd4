/* base/options.h - options declared once, as data.
 *
 * A module describes its settings in one table; the same table validates a configuration, fills in
 * defaults, converts into a struct and prints the reference. An unknown key is an error with its
 * line and the nearest known key. Binding adds the defaults it used to the tree, so that writing
 * the tree afterwards gives the resolved configuration. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/yaml.h"

typedef enum {
    BASE_OPT_BOOL,    /* bool */
    BASE_OPT_INT,     /* int64_t, min..max */
    BASE_OPT_FLOAT,   /* double, min..max; must be finite */
    BASE_OPT_STRING,  /* const char * */
    BASE_OPT_CHOICE,  /* int: index into `choices` ("a|b|c") */
    BASE_OPT_RANGE,   /* double[2], lo <= hi, both in min..max; one number means both */
    BASE_OPT_INTS,    /* base_ints; one number is a list of one; each in min..max */
    BASE_OPT_FLOATS,  /* base_floats; likewise */
    BASE_OPT_STRINGS, /* base_strings; likewise */
    BASE_OPT_NODE     /* const base_node *: left to the module; NULL when absent */
} base_option_kind;

typedef struct {
    const int64_t *items;
    int n;
} base_ints;
typedef struct {
    const double *items;
    int n;
} base_floats;
typedef struct {
    const char *const *items;
    int n;
} base_strings;

/* One setting. A table ends with a row whose key is NULL. */
typedef struct {
    const char *key;
    base_option_kind kind;
    size_t offset;      /* of the field in the module's struct */
    const char *preset; /* default as YAML text; NULL: required (NODE: optional); "~": absent */
    double min, max;    /* numbers: inclusive limits; both 0: none */
    const char *choices;
    const char *unit; /* "Hz", "ms", "dB"; NULL if none */
    const char *help; /* one sentence without a final stop */
} base_option;

/* Converts `node` (a map; NULL or an empty scalar counts as an empty map) into *out by `table`.
 * Strings and lists live in `arena`. On failure *out is unspecified. A STRING or list whose preset
 * is "~" and that is absent becomes NULL or n = 0; a number cannot have it. */
base_status base_options_bind(const base_option *table, base_node *node, void *out,
                              base_arena *arena, base_error *err);

/* One of several named things with options of their own: a layer, an effect, an optimiser.
 * Written `name`, `name: {options}`, or `name: scalar-or-list` where `shorthand` names the option
 * meant. */
typedef struct {
    const char *name;
    const char *help;           /* one sentence */
    const char *shorthand;      /* key, or NULL */
    const base_option *options; /* NULL: takes none */
    size_t size_bytes;          /* of the options struct */
} base_variant;

/* The variants a configuration chooses from; `what` names the family in errors ("layer", "effect").
 */
typedef struct {
    const char *what;
    const base_variant *const *variants;
    int n;
} base_family;

typedef struct {
    int index;     /* of the variant in its family */
    void *options; /* its options struct, in the arena */
} base_choice;

/* Finds which variant `node` names (a scalar, or a map of one entry) and binds its options. The
 * node is rewritten to the long form `name: {options}`. */
base_status base_variant_bind(const base_family *family, base_node *node, base_arena *arena,
                              base_choice *choice, base_error *err);

/* Adds the reference of a table: text for a terminal, a Markdown table, or the paragraphs of a
 * manual page. */
typedef enum { BASE_HELP_TEXT, BASE_HELP_MARKDOWN, BASE_HELP_MANUAL } base_help_form;
void base_options_help(const base_option *table, base_help_form form, base_text *out);

#endif
