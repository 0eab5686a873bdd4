/* A run's beginning in a job of several ranks. Rank 0 writes the run folder; all others read the
 * data for themselves, after it, so that they find what it decoded in the cache. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/temporary.h"
#include "nn/kernels/gemm.h"
#include "nn/kernels/kernels.h"
#include "train/experiment_internal.h"

enum { FOLDER_WAIT_MS = 3000 };

/* What must be the same for all. */
typedef struct {
    char version[32], kernel[32], level[8];
    char text[33]; /* digest */
    int64_t data_parallel;
} common;

static bool leads(const train__experiment *e) {
    return base_ranks_self(e->options->ranks) == 0;
}

static void describe(const train__experiment *e, common *own) {
    base_text yaml = {0};
    base_yaml_write(e->config->root, &yaml);
    const char *text = base_text_string(&yaml);
    snprintf(own->version, sizeof own->version, "%s", RIMSHOT_VERSION);
    snprintf(own->kernel, sizeof own->kernel, "%s", nn_blas_kernel());
    snprintf(own->level, sizeof own->level, "%s", nn_kernels()->level);
    base_digest_hex(base_digest_bytes(text, strlen(text)), own->text);
    own->data_parallel = e->options->data_parallel;
    base_text_release(&yaml);
}

static base_status differ(const char *what, const char *own, const char *first, base_error *err) {
    return base_fail(err, BASE_EMISMATCH, "%s %s here, %s on rank 0: all ranks must compute alike",
                     what, own, first);
}

static base_status compare(const common *own, const common *first, base_error *err) {
    if (strcmp(own->version, first->version) != 0) {
        return differ("version", own->version, first->version, err);
    }
    if (strcmp(own->kernel, first->kernel) != 0) {
        return differ("OpenBLAS kernel", own->kernel, first->kernel, err);
    }
    if (strcmp(own->level, first->level) != 0) {
        return differ("kernels of level", own->level, first->level, err);
    }
    if (strcmp(own->text, first->text) != 0 || own->data_parallel != first->data_parallel) {
        return base_fail(err, BASE_EMISMATCH, "another configuration than that of rank 0");
    }
    return BASE_OK;
}

static base_status check_sharing(const train__experiment *e, base_error *err) {
    int size = e->options->data_parallel;
    int64_t n_shards = e->config->train.shards;
    if (size <= 1) return BASE_OK;
    if (e->config->classifier != NULL) {
        return base_fail(err, BASE_EUSAGE,
                         "--data-parallel %d: ranks cannot share the fitting of a classifier",
                         size);
    }
    if (size <= n_shards) return BASE_OK;
    return base_fail(err, BASE_EUSAGE,
                     "--data-parallel %d: more ranks than work: a batch has %lld shards "
                     "(train.shards)",
                     size, (long long)n_shards);
}

/* Programs and configurations, before anything is done by them. */
static base_status compare_programs(const train__experiment *e, base_error *err) {
    base_ranks *ranks = e->options->ranks;
    common own = {0}, first;
    describe(e, &own);
    first = own;
    base_ranks_share(ranks, 0, &first, sizeof first);
    return base_ranks_agree(ranks, compare(&own, &first, err), err);
}

/* What the weights depend on, now that the sounds are known. */
static base_status compare_data(const train__experiment *e, base_error *err) {
    base_ranks *ranks = e->options->ranks;
    char first[sizeof e->fingerprint];
    memcpy(first, e->fingerprint, sizeof first);
    base_ranks_share(ranks, 0, first, sizeof first);
    base_status status = BASE_OK;
    if (strcmp(first, e->fingerprint) != 0) {
        status = base_fail(err, BASE_EMISMATCH,
                           "other sounds, labels, folds or starting weights than on rank 0: all "
                           "ranks must read the same files");
    }
    return base_ranks_agree(ranks, status, err);
}

/* A file of rank 0's, under a name that no other file system can have, nor have cached as absent.
 */
static base_status look_for(const char *path, const char *folder, base_error *err) {
    int64_t deadline = base_clock_ns() + (int64_t)FOLDER_WAIT_MS * 1000000;
    while (!base_file_exists(path)) {
        if (base_clock_ns() > deadline) {
            return base_fail(err, BASE_ENOTFOUND,
                             "%s: is not the folder that rank 0 works in: it must be on a file "
                             "system that all ranks share",
                             folder);
        }
        base_ranks_pause();
    }
    return BASE_OK;
}

static base_status check_folder(train__experiment *e, base_error *err) {
    enum { NAME_BYTES = 64 };
    base_ranks *ranks = e->options->ranks;
    const char *folder = e->options->folder;
    base_temporary mark = {0};
    char name[NAME_BYTES] = "";
    base_status status =
        leads(e) ? base_temporary_file(folder, 0600, &e->arena, &mark, err) : BASE_OK;
    if (mark.path != NULL) snprintf(name, sizeof name, "%s", strrchr(mark.path, '/') + 1);
    base_ranks_share(ranks, 0, name, sizeof name);
    if (!leads(e) && name[0] != '\0') {
        const char *path = base_path_join(&e->arena, folder, name);
        status = path != NULL ? look_for(path, folder, err) : train__out_of_memory(err);
    }
    status = base_ranks_agree(ranks, status, err);
    if (mark.path != NULL) {
        unlink(mark.path);
        base_temporary_close(&mark);
    }
    return status;
}

base_status train__ranks_begin(train__experiment *e, base_error *err) {
    base_ranks *ranks = e->options->ranks;
    BASE_TRY(compare_programs(e, err));
    BASE_TRY(check_sharing(e, err));
    BASE_TRY(base_ranks_agree(ranks, train_setup_check(e->config, err), err));
    base_status status = BASE_OK;
    if (leads(e)) {
        status = train_work_folder_open(&e->work, err);
        if (status == BASE_OK) status = train__prepare(e, err);
    }
    BASE_TRY(base_ranks_agree(ranks, status, err));
    BASE_TRY(base_ranks_agree(ranks, leads(e) ? BASE_OK : train__prepare(e, err), err));
    BASE_TRY(compare_data(e, err));
    BASE_TRY(base_ranks_agree(ranks, leads(e) ? train__folder_begin(e, err) : BASE_OK, err));
    return check_folder(e, err);
}
