#include "base/isolated.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

enum { CHUNK_BYTES = 1 << 16 };

/* ---- the child ---- */

/* Pages of address space in use; sanitizers reserve very many. */
static rlim_t address_space(void) {
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%llu", &pages) != 1) pages = 0;
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void limit(int resource, rlim_t value) {
    setrlimit(resource, &(struct rlimit){value, value});
}

/* What a library says as it goes down is of no use to anyone. */
static void be_silent(void) {
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
}

static void set_limits(const base_isolated_job *job) {
    rlim_t used = address_space();
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, (rlim_t)job->seconds);
    if (used > 0) limit(RLIMIT_AS, used + job->memory_bytes);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody waits for the answer of an orphan */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

/* What goes to the parent: the status, then the result or the error's text. */
static _Noreturn void be_child(const base_isolated_job *job, int file) {
    base_text out = {0};
    base_error err = {0};
    be_silent();
    set_limits(job);
    base_status status = job->work(job->context, &out, &err);
    if (status == BASE_OK && out.failed) status = base_fail(&err, BASE_EMEMORY, "out of memory");
    bool sent = base_write_all(file, &status, sizeof status);
    if (status == BASE_OK) {
        sent = sent && base_write_all(file, base_text_string(&out), out.size);
    } else {
        sent = sent && base_write_all(file, err.text, strlen(err.text));
    }
    _exit(sent ? 0 : 1);
}

/* ---- the parent ---- */

/* False if the child sends more than `most` bytes. */
static bool read_all(int file, size_t most, base_text *text) {
    char chunk[CHUNK_BYTES];
    for (;;) {
        ssize_t n = read(file, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        if ((size_t)n > most - text->size) return false;
        base_text_add_bytes(text, chunk, (size_t)n);
        if (text->failed) return true;
    }
}

/* Whether the child ended of its own accord. */
static bool wait_for(pid_t child) {
    int how;
    while (waitpid(child, &how, 0) < 0) {
        if (errno != EINTR) return false;
    }
    return WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

static base_status take_answer(const base_text *answer, base_text *out, base_error *err) {
    base_status status;
    if (answer->failed) return base_fail(err, BASE_EMEMORY, "out of memory");
    memcpy(&status, answer->data, sizeof status);
    const char *rest = answer->data + sizeof status;
    if (status != BASE_OK) return base_fail(err, status, "%s", rest);
    base_text_add_bytes(out, rest, answer->size - sizeof status);
    return out->failed ? base_fail(err, BASE_EMEMORY, "out of memory") : BASE_OK;
}

base_status base_isolated(const base_isolated_job *job, base_text *out, base_error *err) {
    int ends[2];
    base_text answer = {0};
    if (pipe(ends) != 0) return base_fail_errno(err, errno, "%s: a process to read it", job->name);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        be_child(job, ends[1]);
    }
    int why = errno;
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return base_fail_errno(err, why, "%s: a process to read it", job->name);
    }
    bool fits = read_all(ends[0], job->result_bytes + sizeof(base_status), &answer);
    close(ends[0]);
    if (!fits) kill(child, SIGKILL);
    bool ended = wait_for(child);
    base_status status =
        answer.failed || (ended && answer.size >= sizeof status)
            ? take_answer(&answer, out, err)
            : base_fail(err, BASE_EFORMAT,
                        "%s: so damaged that reading it crashes, does not end or takes all memory",
                        job->name);
    base_text_release(&answer);
    return status;
}
