#include "cli/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 16, BACKLOG = 16, MAX_HEADER_BYTES = 64 << 10, TIMEOUT_S = 30 };
enum { WAIT_MS = 200 };
#define MAX_ARRIVING_BYTES ((size_t)128 << 20)

struct cli_http {
    library_server *server;
    struct MHD_Daemon *daemon;
    size_t n_arriving; /* bytes of all bodies */
};

/* One request, from its header to its answer. */
typedef struct {
    cli_http *http;
    base_text body;
    int refused; /* status to refuse it with; 0: not */
} request;

/* ---- answers ---- */

static enum MHD_Result send_response(struct MHD_Connection *connection, library_response *r) {
    static const char *const headers[][2] = {
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Frame-Options", "DENY"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    struct MHD_Response *response = MHD_create_response_from_buffer(
        r->body.size, (void *)base_text_string(&r->body), MHD_RESPMEM_MUST_COPY);
    base_text_release(&r->body);
    if (response == NULL) return MHD_NO;
    MHD_add_response_header(response, "Content-Type", r->type);
    if (r->allow != NULL) MHD_add_response_header(response, "Allow", r->allow);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    }
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, int status) {
    library_response r = {.status = status, .type = "application/json"};
    base_text_printf(&r.body, "{\"error\": \"%s\"}\n",
                     status == MHD_HTTP_CONTENT_TOO_LARGE ? "larger than 64 MiB"
                                                          : "too much at once");
    return send_response(connection, &r);
}

/* ---- requests ---- */

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Memory is taken as the body arrives; what its header promises is not believed, but refused at
 * once where it is too much. */
static int take_body(request *r, const char *data, size_t n_bytes) {
    cli_http *http = r->http;
    if (r->body.size + n_bytes > LIBRARY_MAX_UPLOAD_BYTES) return MHD_HTTP_CONTENT_TOO_LARGE;
    if (http->n_arriving + n_bytes > MAX_ARRIVING_BYTES) return MHD_HTTP_SERVICE_UNAVAILABLE;
    size_t before = r->body.size;
    base_text_add_bytes(&r->body, data, n_bytes);
    http->n_arriving += r->body.size - before;
    return r->body.failed ? MHD_HTTP_SERVICE_UNAVAILABLE : 0;
}

static void drop_body(request *r) {
    r->http->n_arriving -= r->body.size;
    base_text_release(&r->body);
}

static enum MHD_Result begin(cli_http *http, struct MHD_Connection *connection, void **state) {
    const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t n_bytes = 0;
    if (length != NULL && base_parse_int(length, &n_bytes) && n_bytes > LIBRARY_MAX_UPLOAD_BYTES) {
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE);
    }
    request *r = base_alloc(1, sizeof *r);
    if (r == NULL) return MHD_NO;
    r->http = http;
    *state = r;
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *data, size_t *n_data, void **state) {
    cli_http *http = context;
    request *r = *state;
    (void)version;
    if (r == NULL) return begin(http, connection, state);
    const library_request asked = {.method = method,
                                   .path = path,
                                   .host = header(connection, MHD_HTTP_HEADER_HOST),
                                   .origin = header(connection, MHD_HTTP_HEADER_ORIGIN),
                                   .body = r->body.data,
                                   .n_body = r->body.size};
    if (*n_data > 0) {
        bool is_ours = library_request_is_ours(http->server, &asked);
        if (r->refused == 0 && is_ours) r->refused = take_body(r, data, *n_data);
        if (r->refused != 0) drop_body(r);
        *n_data = 0;
        return MHD_YES;
    }
    if (r->refused != 0) return refuse(connection, r->refused);
    library_response response;
    library_serve(http->server, &asked, &response);
    return send_response(connection, &response);
}

static void on_end(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code) {
    request *r = *state;
    (void)context;
    (void)connection;
    (void)code;
    if (r != NULL) drop_body(r);
    base_free(r);
    *state = NULL;
}

/* ---- the server ---- */

/* A socket that listens; -1 with errno set. */
static int listen_at(int port, int *found) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); /* not while another listens */
    bool done = bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, BACKLOG) == 0 &&
                getsockname(fd, (struct sockaddr *)&at, &n) == 0;
    if (done) {
        *found = ntohs(at.sin_port);
        return fd;
    }
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

base_status cli_http_open(int port, library_server *server, cli_http **http, base_error *err) {
    cli_http *h = *http = base_alloc(1, sizeof *h);
    if (h == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    h->server = server;
    int fd = listen_at(port, &server->port);
    if (fd < 0) {
        int why = errno;
        cli_http_close(h);
        *http = NULL;
        return base_fail_errno(err, why, "127.0.0.1:%d", port);
    }
    h->daemon = MHD_start_daemon(0, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_HEADER_BYTES,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
    if (h->daemon != NULL) return BASE_OK;
    close(fd);
    cli_http_close(h);
    *http = NULL;
    return base_fail(err, BASE_EIO, "127.0.0.1:%d: the server does not start", port);
}

base_status cli_http_run(cli_http *http, base_error *err) {
    if (MHD_run_wait(http->daemon, WAIT_MS) == MHD_YES || errno == EINTR) return BASE_OK;
    return base_fail(err, BASE_EIO, "127.0.0.1:%d: the server failed", http->server->port);
}

void cli_http_close(cli_http *http) {
    if (http == NULL) return;
    if (http->daemon != NULL) MHD_stop_daemon(http->daemon);
    base_free(http);
}
