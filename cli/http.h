/* cli/http.h - an HTTP server on the loopback address; the only user of libmicrohttpd.
 *
 * One thread, the caller's, answers one request after the other. Limits: 16 connections, 64 MiB a
 * request and 128 MiB over all that are arriving, 64 KiB of header fields, 30 s of silence. */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include "infer/library/serve.h"

typedef struct cli_http cli_http;

/* Listens at 127.0.0.1:port; port 0: any that is free. Sets server->port, and borrows the server.
 * EIO, naming address and port, if the port is in use or may not be used. */
base_status cli_http_open(int port, library_server *server, cli_http **http, base_error *err);
/* Serves what comes within a moment. EIO if that is over for good. */
base_status cli_http_run(cli_http *http, base_error *err);
void cli_http_close(cli_http *http); /* NULL is fine */

#endif
