/* infer/web.h - the page that shows a model in a browser, and what it is told about the model.
 *
 * The page is one for all: as an export it runs the network itself, beside model.onnx; served by
 * `rimshot serve`, where its settings say "served", it asks the server. */
#ifndef INFER_WEB_H
#define INFER_WEB_H

#include "base/text.h"
#include "infer/model.h"

extern const char infer_web_index[]; /* infer/web/index.html */

/* Adds model.json: classes, how a clip is prepared, when a sound is unknown
 * (refuse: the number of the class or -1, and the bounds by class of infer/refusal.h), the model's
 * record, and `more`, members such as "\"served\": true" (NULL: none). */
void infer_web_add_settings(const infer_model *model, const char *more, base_text *out);

#endif
