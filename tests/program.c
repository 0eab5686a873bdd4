#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "data/synth.h"
#include "tests/test.h"
#include "tests/program.h"

/* Tests are programs of their own; memory lives until they end. */
static base_arena memory;

static const char *in_folder(const char *folder, const char *name) {
    const char *path = base_path_join(&memory, folder, name);
    ck_assert_ptr_nonnull(path);
    return path;
}

static const char *content(const char *folder, const char *name) {
    void *data;
    size_t n_bytes;
    base_error err;
    TEST_OK(base_file_read(in_folder(folder, name), 0, &data, &n_bytes, &err), err);
    const char *text = base_arena_string(&memory, data);
    base_free(data);
    return text;
}

/* build/tests/cli/test_cli -> build/rimshot */
static const char *program_path(void) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    ck_assert_int_gt(n, 0);
    path[n] = '\0';
    for (int i = 0; i < 3; i++) *strrchr(path, '/') = '\0';
    return in_folder(path, "rimshot");
}

void program_exec(const char *folder, const char *command) {
    const char *program = program_path(), *cache = in_folder(folder, ".cache");
    setenv("RIMSHOT", program, 1);
    setenv("RIMSHOT_CACHE", cache, 1);
    unsetenv("RIMSHOT_STARTED");
    if (chdir(folder) == 0) execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(99);
}

pid_t program_start(const char *folder, const char *command) {
    const char *out = in_folder(folder, ".out"), *err = in_folder(folder, ".err");
    remove(err); /* what an earlier program said */
    fflush(NULL);
    pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process > 0) return process;
    if (freopen(out, "w", stdout) && freopen(err, "w", stderr)) program_exec(folder, command);
    _exit(99);
}

program_end program_wait(pid_t process, const char *folder) {
    int status;
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    return (program_end){.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
                         .out = content(folder, ".out"),
                         .err = content(folder, ".err")};
}

program_end program_run(const char *folder, const char *command) {
    return program_wait(program_start(folder, command), folder);
}

bool program_says(pid_t process, const char *folder, const char *text) {
    for (;;) {
        siginfo_t info = {0};
        bool ended = waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                     info.si_pid == process;
        bool there = base_file_exists(in_folder(folder, ".err"));
        if (there && strstr(content(folder, ".err"), text)) return true;
        if (ended) return false;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

program_end program_expect(const char *folder, const char *command, int code, const char *part) {
    program_end end = program_run(folder, command);
    ck_assert_msg(end.code == code, "%s: exit status %d, not %d\n%s", command, end.code, code,
                  end.err);
    if (!part) return end;
    const char *newline = strchr(end.err, '\n');
    ck_assert_msg(newline && newline[1] == '\0', "%s: not one line: %s", command, end.err);
    ck_assert_msg(strncmp(end.err, "rimshot: ", 9) == 0 && strstr(end.err, part),
                  "%s: '%s' is not in: %s", command, part, end.err);
    return end;
}

void program_write(const char *folder, const char *name, const char *text) {
    base_error err;
    TEST_OK(base_file_write(in_folder(folder, name), text, strlen(text), &err), err);
}

static const char tiny[] = "name: tiny\n"
                           "dataset: {source: folder, path: drums}\n"
                           "audio: {sample_rate: 8000, seconds: 0.25}\n"
                           "features: {kind: log_mel, n_fft: 256, hop: 256, n_mels: 8}\n"
                           "augment:\n"
                           "  - polarity: {p: 0.5}\n"
                           "  - gain: {p: 0.5, db: [-12, 0]}\n"
                           "network:\n"
                           "  - conv2d: {out: 4, kernel: 3, pad: same}\n"
                           "  - batch_norm\n"
                           "  - relu\n"
                           "  - to_sequence\n"
                           "  - gru: {hidden: 4}\n"
                           "  - time_pool: mean\n"
                           "  - dropout: 0.2\n"
                           "  - linear: classes\n"
                           "train: {epochs: 2, batch: 8, ema: 0.5}\n"
                           "folds: {k: 2}\n";

static int class_index(const char *name) {
    int c = 0;
    while (strcmp(name, data_synth_classes[c]) != 0) c++;
    return c;
}

void program_fixture(const char *folder, int per_class) {
    static const char *const classes[] = {"kick", "snare", "closedhat", "openhat", "clap",
                                          "tom",  "crash", "cowbell",   "rim"};
    base_error err;
    for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) {
        const char *name = classes[k];
        const char *class_folder = in_folder(in_folder(folder, "drums"), name);
        TEST_OK(base_folder_make(class_folder, &err), err);
        for (int i = 0; i < per_class; i++) {
            data_audio hit;
            char *path = base_arena_printf(&memory, "%s/%d.wav", class_folder, i);
            TEST_OK(data_synth_hit(class_index(name), i, 1, &hit, &err), err);
            TEST_OK(data_audio_write(path, &hit, &err), err);
            data_audio_release(&hit);
        }
    }
    program_write(folder, "tiny.yaml", tiny);
}

const char *program_on_terminal(const char *folder, const char *command, int columns) {
    static char text[1 << 20];
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    int terminal;
    pid_t process = forkpty(&terminal, NULL, NULL, &size);
    ck_assert_int_ge(process, 0);
    if (process == 0) {
        setenv("TERM", "xterm", 1);
        program_exec(folder, command);
    }
    size_t n = 0;
    for (ssize_t got; n < sizeof text - 1; n += (size_t)got) {
        got = read(terminal, text + n, sizeof text - 1 - n); /* EIO once the process is gone */
        if (got <= 0) break;
    }
    text[n] = '\0';
    int status;
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: %s", command, text);
    close(terminal);
    return text;
}
