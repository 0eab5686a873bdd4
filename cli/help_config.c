#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "train/config.h"

/* Headings of variants stand one level below those of sections. */
enum { SECTION, VARIANT };

static void add_heading(const char *name, const char *help, int level, base_help_form form,
                        base_text *out) {
    switch (form) {
    case BASE_HELP_TEXT:
        base_text_printf(out, "\n%*s%s - %s\n", 2 * level, "", name, help);
        break;
    case BASE_HELP_MARKDOWN:
        base_text_printf(out, "\n%s `%s`\n\n%s.\n\n", level == SECTION ? "##" : "###", name, help);
        break;
    case BASE_HELP_MANUAL:
        base_text_add(out, level == SECTION ? ".SH " : ".SS ");
        base_text_add_troff(out, name);
        base_text_add(out, "\n");
        cli_manual_paragraphs(help, out);
        break;
    }
}

static void add_variant(const base_variant *variant, const char *heading, base_help_form form,
                        base_text *out) {
    static const char *const short_form[] = {
        [BASE_HELP_TEXT] = "    short form: %s: VALUE sets %s\n",
        [BASE_HELP_MARKDOWN] = "Short form: `%s: VALUE` sets `%s`.\n\n",
        [BASE_HELP_MANUAL] = ".PP\nShort form: %s: VALUE sets %s\n",
    };
    add_heading(heading, variant->help, VARIANT, form, out);
    if (variant->shorthand != NULL) {
        base_text_printf(out, short_form[form], variant->name, variant->shorthand);
    }
    if (variant->options != NULL) base_options_help(variant->options, form, out);
}

static void add_section(const train_config_section *section, base_help_form form, base_text *out) {
    add_heading(section->name[0] ? section->name : "top level", section->help, SECTION, form, out);
    if (section->table != NULL) base_options_help(section->table, form, out);
    if (section->variants == NULL) return;
    int n;
    const base_variant *const *variants = section->variants(&n);
    for (int i = 0; i < n; i++) add_variant(variants[i], variants[i]->name, form, out);
}

static void add_head(base_help_form form, base_text *out) {
    switch (form) {
    case BASE_HELP_TEXT:
        break;
    case BASE_HELP_MARKDOWN:
        base_text_add(out, "# Configuration reference\n\nMade by `rimshot help config --markdown` "
                           "from the tables that also check every configuration.\n");
        break;
    case BASE_HELP_MANUAL:
        cli_manual_head("rimshot-config", 5, "configuration of a rimshot experiment", out);
        cli_manual_heading("DESCRIPTION", out);
        cli_manual_paragraphs(
            "A YAML file with the sections below. Every key can be overridden on the command line "
            "of rimshot train by its path: train.epochs=5, augment[0].polarity.p=0, "
            "features={kind: mfcc}. A layer, effect or other named thing is written as its name, "
            "as `name: {options}`, or in its short form.",
            out);
        break;
    }
}

static bool is_within(const char *section, const char *name) {
    size_t length = strlen(name);
    return strncmp(section, name, length) == 0 &&
           (section[length] == '\0' || section[length] == '.');
}

/* ------------------------------------------------------------------ looking for a name */

/* A named thing or a key of a section; `option` NULL: the named thing itself, `variant` NULL too:
 * the section. */
typedef struct {
    const train_config_section *section;
    const base_variant *variant;
    const base_option *option;
} entry;

/* Takes one entry after the other, in the order of the reference. */
typedef void visitor(void *context, const entry *e);

static void visit_keys(entry e, const base_option *table, visitor *visit, void *context) {
    for (; table != NULL && table->key != NULL; table++) {
        e.option = table;
        visit(context, &e);
    }
}

static void visit_all(visitor *visit, void *context) {
    int n_sections, n = 0;
    const train_config_section *sections = train_config_sections(&n_sections);
    for (int s = 0; s < n_sections; s++) {
        entry e = {.section = &sections[s]};
        visit(context, &e);
        visit_keys(e, e.section->table, visit, context);
        const base_variant *const *variants =
            e.section->variants != NULL ? e.section->variants(&n) : NULL;
        for (int v = 0; variants != NULL && v < n; v++) {
            entry named = {.section = e.section, .variant = variants[v]};
            visit(context, &named);
            visit_keys(named, named.variant->options, visit, context);
        }
    }
}

static const char *entry_name(const entry *e) {
    return e->option != NULL    ? e->option->key
           : e->variant != NULL ? e->variant->name
                                : e->section->name;
}

static const char *entry_help(const entry *e) {
    return e->option != NULL    ? e->option->help
           : e->variant != NULL ? e->variant->help
                                : e->section->help;
}

/* "network.gru.hidden" */
static void entry_path(const entry *e, char *path, size_t size) {
    const char *variant = e->variant != NULL ? e->variant->name : "";
    const char *key = e->option != NULL ? e->option->key : "";
    snprintf(path, size, "%s%s%s%s%s", e->section->name,
             e->section->name[0] && variant[0] ? "." : "", variant,
             key[0] && (e->section->name[0] || variant[0]) ? "." : "", key);
}

/* Whether the parts of `wanted` stand in `path` in this order, the last one at its end: train.adamw
 * is train.optimizer.adamw. */
static bool leads_to(const char *path, const char *wanted) {
    for (;;) {
        size_t n = strcspn(wanted, "."), n_part = strcspn(path, ".");
        bool same = n == n_part && strncmp(wanted, path, n) == 0;
        bool last = path[n_part] == '\0';
        if (same && wanted[n] == '\0' && last) return true;
        if (last || (same && wanted[n] == '\0' && n == 0)) return false;
        if (same && wanted[n] == '.') wanted += n + 1;
        path += n_part + 1;
    }
}

typedef struct {
    const char *wanted;
    base_help_form form;
    base_text *out;
    int n_found;
    entry heading; /* printed last */
} search;

/* The section, or the named thing, that a key is one of. */
static void add_owner(search *s, const entry *e) {
    char path[200];
    entry owner = {.section = e->section, .variant = e->variant};
    bool same = owner.section == s->heading.section && owner.variant == s->heading.variant;
    if (same) return;
    s->heading = owner;
    entry_path(&owner, path, sizeof path);
    add_heading(path[0] ? path : "top level", entry_help(&owner), SECTION, s->form, s->out);
}

static void show_if_named(void *context, const entry *e) {
    search *s = context;
    char path[200];
    entry_path(e, path, sizeof path);
    if (!leads_to(path, s->wanted) || entry_name(e)[0] == '\0') return;
    s->n_found++;
    if (e->option != NULL) {
        const base_option row[] = {*e->option, {0}};
        add_owner(s, e);
        base_options_help(row, s->form, s->out);
    } else if (e->variant != NULL) {
        s->heading = (entry){0};
        add_variant(e->variant, path, s->form, s->out);
    }
}

/* What is not named so may be spoken of. */
static void show_if_mentioned(void *context, const entry *e) {
    search *s = context;
    char path[200];
    if (strcasestr(entry_name(e), s->wanted) == NULL &&
        strcasestr(entry_help(e), s->wanted) == NULL) {
        return;
    }
    entry_path(e, path, sizeof path);
    if (s->n_found++ == 0) base_text_printf(s->out, "'%s' is mentioned by\n\n", s->wanted);
    base_text_printf(s->out, "  %-26s %s\n", path[0] ? path : "top level", entry_help(e));
}

typedef struct {
    const char *names[1024];
    entry entries[1024];
    int n;
} name_list;

static void list_name(void *context, const entry *e) {
    name_list *list = context;
    if (list->n == (int)(sizeof list->names / sizeof *list->names)) return;
    list->names[list->n] = entry_name(e);
    list->entries[list->n++] = *e;
}

const char *cli_help_config_near(const char *name, char *path, size_t size) {
    name_list list = {.n = 0};
    const char *dot = strrchr(name, '.');
    visit_all(list_name, &list);
    const char *near = base_nearest(dot != NULL ? dot + 1 : name, list.names, list.n);
    for (int i = 0; near != NULL && i < list.n; i++) {
        if (list.names[i] != near) continue;
        entry_path(&list.entries[i], path, size);
        return path;
    }
    return NULL;
}

bool cli_help_config_find(const char *name, bool mentioned, base_help_form form, base_text *out) {
    search s = {.wanted = name, .form = form, .out = out};
    if (name[0] == '\0') return false;
    visit_all(mentioned ? show_if_mentioned : show_if_named, &s);
    return s.n_found > 0;
}

static int unknown_section(const char *name) {
    char path[200];
    const char *near = cli_help_config_near(name, path, sizeof path);
    return cli_usage("%s: nothing of a configuration is named so%s%s%s", name,
                     near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                     near != NULL ? "'?" : "");
}

int cli_help_config(const char *name, base_help_form form, base_text *out) {
    int n, n_shown = 0;
    const train_config_section *sections = train_config_sections(&n);
    add_head(form, out);
    for (int i = 0; i < n; i++) {
        if (name != NULL && !is_within(sections[i].name, name)) continue;
        add_section(&sections[i], form, out);
        n_shown++;
    }
    if (n_shown == 0) n_shown = cli_help_config_find(name, false, form, out);
    if (n_shown == 0 && form == BASE_HELP_TEXT) {
        char path[200];
        bool near = cli_help_config_near(name, path, sizeof path) != NULL;
        if (!near) n_shown = cli_help_config_find(name, true, form, out);
    }
    if (form == BASE_HELP_MANUAL) {
        cli_manual_heading("SEE ALSO", out);
        base_text_add(out, ".BR rimshot\\-train (1)\n");
    }
    return n_shown > 0 ? CLI_OK : unknown_section(name);
}
