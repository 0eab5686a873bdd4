/* infer/library/serve.h - what a browser that shows a model asks for, and what it gets; no network
 * here (cli/http.h).
 *
 *   GET  /            the page (infer/web.h)
 *   GET  /model.json  its settings
 *   GET  /sample/N    hit of class N of our drum synthesiser, WAV
 *   GET  /library/N   sound N of the index, WAV, its first 10 s
 *   POST /classify    a sound file as the body; JSON: seconds, the clip as the network hears it,
 *                     probabilities, and the sounds of the index that are most like it
 *
 * A path of the file system is no part of any request. */
#ifndef LIBRARY_SERVE_H
#define LIBRARY_SERVE_H

#include "infer/library/index.h"

enum { LIBRARY_MAX_UPLOAD_BYTES = 64 << 20 };

/* All borrowed. */
typedef struct {
    infer_model *model;         /* opened for one clip or more */
    const char *model_name;     /* as it is shown */
    const library_index *index; /* of this model; NULL: none */
    const char *index_path;
    int port; /* that requests must name */
} library_server;

/* Header fields are NULL where the request has none. */
typedef struct {
    const char *method, *path;
    const char *host, *origin;
    const void *body; /* [n_body] */
    size_t n_body;
} library_request;

typedef struct {
    int status;               /* of HTTP */
    const char *type, *allow; /* allow: the header of a 405; NULL: none */
    base_text body;
} library_response;

/* Whether a request comes from a page of this server or from no page at all: Host must be the
 * loopback address or localhost, with the port, and Origin, if there is one, the same. What is
 * false may be another site whose name was made to lead here. */
bool library_request_is_ours(const library_server *server, const library_request *request);

/* Answers; one thread at a time. The caller releases the body. Failures are answers, too: 403 for a
 * request that is not ours, 404, 405, 413, 422 for a sound that cannot be classified, 500. */
void library_serve(const library_server *server, const library_request *request,
                   library_response *response);

#endif
