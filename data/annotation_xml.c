/* Annotations in XML: IDMT-SMT-Drums, and layers of Sonic Visualiser. */
#include <math.h>

#include "base/text.h"
#include "data/annotation.h"
#include "data/xml.h"

enum { MAX_XML_BYTES = 64 << 20 };

static base_status no_memory(const data_annotation *a, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: no memory", a->path);
}

static int line_of(const xmlNode *node) {
    long line = xmlGetLineNo(node);
    return line > 0 ? (int)line : 0;
}

/* <event><onsetSec>0.52</onsetSec><instrument>KD</instrument></event> */
static base_status add_event(data_annotation *a, const xmlNode *node, base_error *err) {
    const xmlNode *onset = data_xml_child(node, "onsetSec");
    const xmlNode *instrument = data_xml_child(node, "instrument");
    data_event event = {.line = line_of(node), .label = ""};
    if (onset == NULL) return data_annotation_fail(a, event.line, err, "an event without onsetSec");
    const char *text = data_xml_text(onset, a->arena);
    if (instrument != NULL) event.label = data_xml_text(instrument, a->arena);
    if (text == NULL || event.label == NULL) return no_memory(a, err);
    if (!base_parse_double(text, &event.begin_s)) {
        return data_annotation_fail(a, event.line, err, "'%.40s' is no time in seconds", text);
    }
    return data_annotation_add(a, event, err);
}

/* <model sampleRate="44100"/>, then <point frame="22050" duration="100" label="KD"/>. The first
 * model gives the rate of all points. */
typedef struct {
    bool is_svl;
    double rate_hz; /* 0: no model came yet */
} reading;

static base_status read_number(data_annotation *a, const xmlNode *node, const char *name,
                               double *value, base_error *err) {
    const char *text = data_xml_attribute(node, name, a->arena);
    if (text == NULL) return no_memory(a, err);
    if (text[0] == '\0') return BASE_OK;
    if (base_parse_double(text, value) && isfinite(*value) && *value >= 0) return BASE_OK;
    return data_annotation_fail(a, line_of(node), err, "%s='%.40s' is no number of frames", name,
                                text);
}

static base_status add_point(data_annotation *a, const reading *r, const xmlNode *node,
                             base_error *err) {
    double frame = -1, duration = 0;
    data_event event = {.line = line_of(node),
                        .label = data_xml_attribute(node, "label", a->arena)};
    if (event.label == NULL) return no_memory(a, err);
    BASE_TRY(read_number(a, node, "frame", &frame, err));
    BASE_TRY(read_number(a, node, "duration", &duration, err));
    if (frame < 0 || r->rate_hz <= 0) {
        return data_annotation_fail(a, event.line, err, "a point without %s",
                                    frame < 0 ? "frame" : "a model's sampleRate before it");
    }
    event.begin_s = frame / r->rate_hz;
    event.end_s = duration > 0 ? (frame + duration) / r->rate_hz : 0;
    return data_annotation_add(a, event, err);
}

static base_status read_node(data_annotation *a, reading *r, const xmlNode *node, base_error *err) {
    if (!r->is_svl) return data_xml_is(node, "event") ? add_event(a, node, err) : BASE_OK;
    if (data_xml_is(node, "model") && r->rate_hz <= 0) {
        return read_number(a, node, "sampleRate", &r->rate_hz, err);
    }
    return data_xml_is(node, "point") ? add_point(a, r, node, err) : BASE_OK;
}

static base_status read(data_annotation *a, reading *r, base_error *err) {
    xmlDoc *document;
    BASE_TRY(data_xml_read(a->path, MAX_XML_BYTES, &document, err));
    const xmlNode *root = xmlDocGetRootElement(document);
    base_status status = BASE_OK;
    for (const xmlNode *n = root; n != NULL && status == BASE_OK; n = data_xml_next(root, n)) {
        status = read_node(a, r, n, err);
    }
    xmlFreeDoc(document);
    return status;
}

base_status data_annotation_read_xml(data_annotation *annotation, base_error *err) {
    return read(annotation, &(reading){.is_svl = false}, err);
}

base_status data_annotation_read_svl(data_annotation *annotation, base_error *err) {
    return read(annotation, &(reading){.is_svl = true}, err);
}
