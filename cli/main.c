#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/processor.h"
#include "cli/args.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "nn/kernels/gemm.h"

extern const cli_command cli_train, cli_pretrain, cli_sweep, cli_curate, cli_evaluate, cli_classify,
    cli_summary, cli_report, cli_data_overview, cli_data_duplicates, cli_data_descriptors,
    cli_data_synth, cli_data_performance, cli_slice, cli_serve, cli_embed, cli_export, cli_import,
    cli_refuse, cli_index, cli_similar, cli_map, cli_organize, cli_kit;

const cli_command *const cli_commands[] = {
    &cli_train,
    &cli_pretrain,
    &cli_sweep,
    &cli_curate,
    &cli_evaluate,
    &cli_classify,
    &cli_index,
    &cli_similar,
    &cli_map,
    &cli_organize,
    &cli_kit,
    &cli_summary,
    &cli_report,
    &cli_data_overview,
    &cli_data_duplicates,
    &cli_data_descriptors,
    &cli_data_synth,
    &cli_data_performance,
    &cli_slice,
    &cli_serve,
    &cli_embed,
    &cli_export,
    &cli_import,
    &cli_refuse,
    &cli_help,
    NULL,
};

static atomic_int stop_requested; /* written by the signal handler, read by any thread */

/* A signal that comes just before a call that waits does not interrupt it; the next tick does. */
enum { TICK_US = 250000, GRACE_TICKS = 4 };
static atomic_int n_ticks;

/* The first signal asks the command to stop at a safe place, a second one ends the process. */
static void on_signal(int number) {
    (void)number;
    if (stop_requested) _exit(CLI_STOPPED);
    stop_requested = 1;
    const struct itimerval every = {{.tv_usec = TICK_US}, {.tv_usec = TICK_US}};
    setitimer(ITIMER_REAL, &every, NULL);
}

/* No such place came. Every file appears whole or not at all, so the end costs no more here than
 * there: what is resumed goes on from the last checkpoint. */
static void on_alarm(int number) {
    static const char line[] = "rimshot: stopped\n";
    (void)number;
    if (++n_ticks < GRACE_TICKS) return;
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written;
    _exit(CLI_STOPPED);
}

bool cli_stopped(void) {
    return stop_requested != 0;
}

/* OpenBLAS picks its kernels when it is loaded, before main, and mistakes some new processors for
 * old ones. Set what it should pick and start over, once; results go with the kernel that is really
 * in use. */
static void choose_blas_kernel(char **argv) {
    const char *best = nn_blas_best_kernel();
    bool chosen = getenv("OPENBLAS_CORETYPE") != NULL || getenv("RIMSHOT_STARTED") != NULL;
    if (chosen || best == NULL || strcmp(best, nn_blas_kernel()) == 0) return;
    setenv("OPENBLAS_CORETYPE", best, 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("RIMSHOT_STARTED", "1", 1);
    execv("/proc/self/exe", argv); /* if it fails, the library's own choice serves */
}

/* A standard file that is closed would give its number to the next file opened, and what is printed
 * would end up in a checkpoint. Opened the wrong way round, its use fails as it should. */
static void open_standard_files(void) {
    for (int file = 0; file <= STDERR_FILENO; file++) {
        int mode = file == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(file, F_GETFD) < 0 && open("/dev/null", mode) < 0) _exit(CLI_FAILED);
    }
}

/* Whatever the parent blocked or ignored: without SIGCHLD no child's status can be learned. A
 * closed pipe is a failed write, not the end of a run. */
static void watch_signals(void) {
    static const struct {
        int number;
        void (*handler)(int);
    } watched[] = {{SIGINT, on_signal},
                   {SIGTERM, on_signal},
                   {SIGALRM, on_alarm},
                   {SIGCHLD, SIG_DFL},
                   {SIGPIPE, SIG_IGN}};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        struct sigaction action = {.sa_handler = watched[i].handler};
        sigemptyset(&action.sa_mask);
        sigaction(watched[i].number, &action, NULL);
        sigaddset(&set, watched[i].number);
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

const cli_command *cli_find_command(const char *const *words, int n, int *n_words) {
    for (int i = 0; cli_commands[i] != NULL; i++) {
        const char *name = cli_commands[i]->name, *space = strchr(name, ' ');
        size_t first = space != NULL ? (size_t)(space - name) : strlen(name);
        bool same = strlen(words[0]) == first && strncmp(words[0], name, first) == 0;
        if (same && space != NULL) same = n > 1 && strcmp(words[1], space + 1) == 0;
        *n_words = space != NULL ? 2 : 1;
        if (same) return cli_commands[i];
    }
    return NULL;
}

/* "data" alone: names those that begin with it. */
static int incomplete_command(const char *word) {
    base_text list = {0};
    size_t length = strlen(word);
    for (int i = 0; cli_commands[i] != NULL; i++) {
        const char *name = cli_commands[i]->name;
        if (strncmp(name, word, length) != 0 || name[length] != ' ') continue;
        base_text_printf(&list, "%s'%s'", list.size ? ", " : "", name);
    }
    int code = list.size == 0
                   ? CLI_OK
                   : cli_usage("%s: a second word is missing: %s", word, base_text_string(&list));
    base_text_release(&list);
    return code;
}

static int unknown_command(int argc, char **argv) {
    const char *names[64];
    char both[256];
    int n = 0;
    if (argc == 2 && incomplete_command(argv[1]) != CLI_OK) return CLI_USAGE;
    for (; cli_commands[n] != NULL; n++) names[n] = cli_commands[n]->name;
    snprintf(both, sizeof both, "%s %s", argv[1], argc > 2 ? argv[2] : "");
    const char *near = base_nearest(both, names, n);
    bool two = near != NULL && strchr(near, ' ') != NULL;
    if (!two) near = base_nearest(argv[1], names, n);
    if (near != NULL) {
        return cli_usage("%s: no such command; did you mean '%s'?   (all commands: rimshot help)",
                         two ? both : argv[1], near);
    }
    return cli_usage("%s: no such command   (all commands: rimshot help)", argv[1]);
}

static bool is_set(const char *variable) {
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0';
}

/* A terminal that cannot redraw a line says so. */
static bool can_redraw(void) {
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static int run_command(cli_call *call) {
    int64_t n_threads = 0;
    if (!cli_int(call, "threads", 1, 1024, &n_threads)) return CLI_USAGE;
    base_error err;
    if (base_processor_check(&err) != BASE_OK) return cli_fail(&err);
    if (base_pool_new((int)n_threads, &call->pool, &err) != BASE_OK) return cli_fail(&err);
    call->terminal = can_redraw() && !call->quiet;
    call->mixed = isatty(STDOUT_FILENO);
    call->columns = cli_terminal_columns(STDOUT_FILENO);
    call->color = call->mixed && !is_set("NO_COLOR");
    int code = call->command->run(call);
    base_pool_free(call->pool);
    return code == CLI_OK && call->n_unread > 0 ? CLI_FAILED : code;
}

/* Of a command; NULL: of the whole program. */
static int print_help(const cli_command *command) {
    base_text out = {0};
    if (command != NULL) cli_help_command(command, BASE_HELP_TEXT, &out);
    if (command == NULL) cli_help_overview(&out);
    return cli_print_release(&out);
}

static int print_candidates(int argc, char **argv) {
    base_text out = {0};
    cli_complete((const char *const *)(argv + 2), argc - 2, &out);
    return cli_print_release(&out);
}

static int print_version(void) {
    base_text out = {0};
    base_text_add(&out, "rimshot " RIMSHOT_VERSION "\n");
    return cli_print_release(&out);
}

int main(int argc, char **argv) {
    open_standard_files();
    choose_blas_kernel(argv);
    nn_blas_setup();
    setlocale(LC_CTYPE, "");
    watch_signals();
    if (argc < 2) return print_help(NULL), CLI_USAGE;
    if (strcmp(argv[1], "--version") == 0) return print_version();
    if (strcmp(argv[1], "--complete") == 0) return print_candidates(argc, argv);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return print_help(NULL);
    int n_words;
    const char *const *words = (const char *const *)(argv + 1);
    const cli_command *command = cli_find_command(words, argc - 1, &n_words);
    if (command == NULL) return unknown_command(argc, argv);
    cli_call call = {.command = command};
    bool help;
    int code = cli_parse(&call, argc - 1 - n_words, argv + 1 + n_words, &help);
    if (code == CLI_OK) code = help ? print_help(command) : run_command(&call);
    base_arena_release(&call.arena);
    return code;
}
