#include "data/xml.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"

static base_status parse(const char *path, const void *bytes, size_t n_bytes, xmlDoc **document,
                         base_error *err) {
    xmlParserCtxt *context = xmlNewParserCtxt();
    if (context == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", path);
    context->sax->entityDecl = NULL;
    base_status status = BASE_OK;
    *document = xmlCtxtReadMemory(context, bytes, (int)n_bytes, NULL, NULL,
                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (*document == NULL) {
        const xmlError *error = xmlCtxtGetLastError(context);
        const char *message = error != NULL && error->message != NULL ? error->message : "not XML";
        status = base_fail(err, BASE_EFORMAT, "%s:%d: %.*s", path, error != NULL ? error->line : 1,
                           (int)strcspn(message, "\n"), message);
    }
    xmlFreeParserCtxt(context);
    return status;
}

base_status data_xml_read(const char *path, size_t max_bytes, xmlDoc **document, base_error *err) {
    void *bytes;
    size_t n_bytes;
    *document = NULL;
    BASE_TRY(base_file_read(path, max_bytes, &bytes, &n_bytes, err));
    base_status status = parse(path, bytes, n_bytes, document, err);
    base_free(bytes);
    return status;
}

bool data_xml_is(const xmlNode *node, const char *name) {
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

const xmlNode *data_xml_child(const xmlNode *node, const char *name) {
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        if (data_xml_is(child, name)) return child;
    }
    return NULL;
}

const xmlNode *data_xml_next(const xmlNode *root, const xmlNode *node) {
    if (node->type == XML_ELEMENT_NODE && node->children != NULL) return node->children;
    while (node != root && node->next == NULL) node = node->parent;
    return node != root ? node->next : NULL;
}

const char *data_xml_text(const xmlNode *node, base_arena *arena) {
    static const char space[] = " \t\r\n";
    base_text text = {0};
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        bool is_text = child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE;
        if (is_text && child->content != NULL) base_text_add(&text, (const char *)child->content);
    }
    const char *start = base_text_string(&text);
    start += strspn(start, space);
    size_t n = strlen(start);
    while (n > 0 && strchr(space, start[n - 1]) != NULL) n--;
    const char *copy = text.failed ? NULL : base_arena_copy(arena, start, n);
    base_text_release(&text);
    return copy;
}

const char *data_xml_attribute(const xmlNode *node, const char *name, base_arena *arena) {
    for (const xmlAttr *a = node->properties; a != NULL; a = a->next) {
        bool is_it = strcmp((const char *)a->name, name) == 0;
        if (is_it && a->children != NULL && a->children->content != NULL) {
            return base_arena_string(arena, (const char *)a->children->content);
        }
    }
    return "";
}
