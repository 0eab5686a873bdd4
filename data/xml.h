/* data/xml.h - XML files by libxml2, whose header is included here for those that read them.
 *
 * Files come from strangers: nothing is fetched, no entity is even declared, so none can unfold. */
#ifndef DATA_XML_H
#define DATA_XML_H

#include <libxml/parser.h>

#include "base/arena.h"

/* The document of a file of at most max_bytes; free with xmlFreeDoc. Errors name file and line. */
base_status data_xml_read(const char *path, size_t max_bytes, xmlDoc **document, base_error *err);

bool data_xml_is(const xmlNode *node, const char *name); /* an element of that name */
/* The first child element of that name; NULL if there is none. */
const xmlNode *data_xml_child(const xmlNode *node, const char *name);
/* The next node in document order within `root`, behind `node` or below it; NULL at the end. */
const xmlNode *data_xml_next(const xmlNode *root, const xmlNode *node);
/* The text of an element, in the arena, without the white space around it; NULL: no memory. */
const char *data_xml_text(const xmlNode *node, base_arena *arena);
/* An attribute's text, in the arena; "" if it is not there. NULL: no memory. */
const char *data_xml_attribute(const xmlNode *node, const char *name, base_arena *arena);

#endif
