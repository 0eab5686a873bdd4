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

static void add_variant(const base_variant *variant, base_help_form form, base_text *out) {
    static const char *const short_form[] = {
        [BASE_HELP_TEXT] = "    short form: %s: VALUE sets %s\n",
        [BASE_HELP_MARKDOWN] = "Short form: `%s: VALUE` sets `%s`.\n\n",
        [BASE_HELP_MANUAL] = ".PP\nShort form: %s: VALUE sets %s\n",
    };
    add_heading(variant->name, variant->help, VARIANT, form, out);
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
    for (int i = 0; i < n; i++) add_variant(variants[i], form, out);
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

static int unknown_section(const char *name, const char *const *names, int n) {
    const char *near = base_nearest(name, names, n);
    return cli_usage("%s: no such section of a configuration%s%s%s", name,
                     near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                     near != NULL ? "'?" : "");
}

int cli_help_config(const char *name, base_help_form form, base_text *out) {
    int n, n_shown = 0;
    const train_config_section *sections = train_config_sections(&n);
    const char *names[32];
    add_head(form, out);
    for (int i = 0; i < n; i++) {
        names[i] = sections[i].name;
        if (name != NULL && !is_within(sections[i].name, name)) continue;
        add_section(&sections[i], form, out);
        n_shown++;
    }
    if (form == BASE_HELP_MANUAL) {
        cli_manual_heading("SEE ALSO", out);
        base_text_add(out, ".BR rimshot\\-train (1)\n");
    }
    return n_shown > 0 ? CLI_OK : unknown_section(name, names, n);
}
