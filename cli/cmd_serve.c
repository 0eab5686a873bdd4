#include <string.h>

#include "cli/http.h"
#include "cli/library.h"
#include "cli/model.h"

enum { DEFAULT_PORT = 8765 };

/* The address, once it can be opened; then requests until Ctrl-C. */
static int serve(cli_call *call, library_server *server, int port) {
    cli_http *http;
    base_error err;
    base_text out = {0};
    base_status status = cli_http_open(port, server, &http, &err);
    if (status != BASE_OK) {
        base_error told;
        base_fail(&told, status, "%s%s", err.text, port > 0 ? "; --port names another" : "");
        return cli_fail(&told);
    }
    if (!call->quiet) cli_add_name("", server->model_name, " at ", &out);
    base_text_printf(&out, "http://127.0.0.1:%d/", server->port);
    base_text_add(&out, call->quiet ? "\n" : "   (Ctrl-C ends it)\n");
    int code = cli_print_release(&out);
    while (code == CLI_OK && status == BASE_OK && !cli_stopped()) {
        status = cli_http_run(http, &err);
    }
    cli_http_close(http);
    if (status != BASE_OK) return cli_fail(&err);
    return code == CLI_OK ? CLI_STOPPED : code;
}

static int run_serve(cli_call *call) {
    cli_library library = {.call = call, .progress = {.call = call}};
    int64_t port = DEFAULT_PORT;
    const char *index = cli_text(call, "index");
    if (index != NULL && base_folder_exists(index)) {
        index = base_path_join(&call->arena, index, LIBRARY_INDEX_NAME);
        if (index == NULL) return cli_usage("out of memory");
    }
    if (!cli_int(call, "port", 0, 65535, &port)) return CLI_USAGE;
    int code = cli_library_open_model(&library);
    if (code == CLI_OK && call->n_arguments > 0) {
        code = cli_usage("%s: serve takes a model only", call->arguments[0]);
    }
    if (code == CLI_OK && index != NULL) code = cli_library_read(&library, index);
    if (code == CLI_OK) {
        library_server server = {.model = library.model,
                                 .model_name = base_path_name(library.model_path),
                                 .index = index != NULL ? &library.index : NULL,
                                 .index_path = index};
        code = serve(call, &server, (int)port);
    }
    cli_library_release(&library);
    return code;
}

static const cli_flag flags[] = {
    CLI_FLAG_MODEL,
    {"port", "N", "where to listen (default 8765; 0: any port that is free)"},
    {"index", "PATH",
     "an index of a library (rimshot index), or its folder: names sounds like the one shown"},
    {0},
};

const cli_command cli_serve = {
    .name = "serve",
    .arguments = "[MODEL]",
    .summary = "show a model in a browser",
    .description =
        "Serves a page at 127.0.0.1, for this computer alone, with nothing to fetch from "
        "elsewhere: drop files or folders, or pick them, and see and hear what the model makes of "
        "each: waveform, spectrogram, probabilities, and a table that is saved as CSV. Sounds to "
        "try come from the built-in synthesiser; with --index it names the sounds of a library "
        "that are most like the one shown, and plays them.\n\n"
        "Requests that other sites make a browser send are refused, and so are files of more than "
        "64 MiB. Nothing is kept, and no file can be asked for by its path. Ctrl-C ends "
        "it.\n\n" CLI_MODEL_HELP,
    .flags = flags,
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run_serve,
};
