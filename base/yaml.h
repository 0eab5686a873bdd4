/* base/yaml.h - configuration files as trees that remember where each value stood.
 *
 * The only user of libyaml. Input is bounded: 1 MiB, 64 levels, 100,000 nodes; aliases and tags are
 * refused, so a small file cannot unfold into a large one. A key that stands twice in one map is an
 * error that names both lines. */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"

typedef enum { BASE_NODE_SCALAR, BASE_NODE_LIST, BASE_NODE_MAP } base_node_kind;

/* Lives in the arena it was parsed into. */
typedef struct base_node base_node;
struct base_node {
    base_node_kind kind;
    const char *text;                 /* scalar: its value; otherwise NULL */
    bool quoted;                      /* scalar: stood in quotes */
    const char *key;                  /* within a map: its key; otherwise NULL */
    const char *source;               /* file name, "command line" or "default" */
    int line;                         /* from 1; 0 where there is none */
    base_node *parent, *child, *next; /* child: first entry; next: next entry of the parent */
    int64_t n_children;
};

base_status base_yaml_parse(const char *text, const char *source, base_arena *arena,
                            base_node **root, base_error *err);
base_status base_yaml_read(const char *path, base_arena *arena, base_node **root, base_error *err);

/* Writes a tree as YAML that parses back to the same tree: block maps and lists, leaves of one line
 * in flow style where short. A plain scalar that YAML could misread is put in quotes, and so is a
 * key that is no plain word. Equal trees give equal bytes. */
void base_yaml_write(const base_node *root, base_text *out);

/* The child of a map by key, or NULL. Index in a list: base_node_at. */
base_node *base_node_get(const base_node *map, const char *key);
base_node *base_node_at(const base_node *list, int64_t index);

/* True for a plain scalar that is empty, "~" or "null" (also Null, NULL). */
bool base_node_is_null(const base_node *node);

/* Says that a scalar is text: it is written in quotes where a reader of YAML could take it for
 * something else, as YAML 1.1 does with no, on, 12:30 and 1e-10. */
void base_node_mark_text(base_node *node);

/* true, yes and on, false, no and off, each also as True and TRUE. False for any other text. */
bool base_yaml_truth(const char *text, bool *value);

/* Deep copy, detached from any parent. NULL when out of memory. */
base_node *base_node_copy(const base_node *node, base_arena *arena);
base_node *base_node_scalar(base_arena *arena, const char *text, const char *source, int line);
base_node *base_node_new(base_arena *arena, base_node_kind kind, const char *source, int line);

/* Appends `child` to a list (key NULL) or puts it into a map, replacing an entry of that key in its
 * place. */
void base_node_put(base_node *parent, const char *key, base_node *child);

/* "network[2].gru" - the way from the root; into buf, truncated to size. Returns buf. */
const char *base_node_path(const base_node *node, char *buf, size_t size);

/* Fails with "source:line: path: text" ("path: text" where there is no line). */
base_status base_node_fail(const base_node *node, base_error *err, base_status status,
                           const char *format, ...) BASE_PRINTF(4, 5);

/* Applies one "train.epochs=5" or "augment[0].polarity.p=0" or "features={kind: mfcc}": the value
 * is parsed as YAML (flow), missing maps on the way are created, list items must exist. Whether the
 * key is known is the binding's affair. */
base_status base_yaml_override(base_node *root, const char *assignment, base_arena *arena,
                               base_error *err);

#endif
