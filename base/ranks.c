#include "base/ranks.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"

enum { NAME_BYTES = 96, HOST_BYTES = 64, PAUSE_US = 500 };

bool base_ranks_launched(void) {
    static const char *const marks[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (getenv(marks[i]) != NULL) return true;
    }
    return false;
}

void base_ranks_pause(void) {
    nanosleep(&(struct timespec){.tv_nsec = 1000L * PAUSE_US}, NULL);
}

#ifdef RIMSHOT_MPI

#include <dlfcn.h>
#include <mpi.h>

/* The functions of the library that are used. */
#define FUNCTIONS(X)                                                                               \
    X(Init_thread)                                                                                 \
    X(Finalize)                                                                                    \
    X(Comm_size)                                                                                   \
    X(Comm_rank)                                                                                   \
    X(Comm_split)                                                                                  \
    X(Comm_free)                                                                                   \
    X(Allgather)                                                                                   \
    X(Allgatherv)                                                                                  \
    X(Bcast)                                                                                       \
    X(Ibarrier)                                                                                    \
    X(Isend)                                                                                       \
    X(Irecv)                                                                                       \
    X(Recv)                                                                                        \
    X(Iprobe)                                                                                      \
    X(Get_count)                                                                                   \
    X(Test)                                                                                        \
    X(Testall)                                                                                     \
    X(Waitall)

/* One library per process, as MPI can be started once. Written by base_ranks_start alone. */
static struct {
#define MEMBER(name) __typeof__(MPI_##name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
    MPI_Comm world;
    MPI_Datatype byte;
} mpi;

enum { TAG_MESSAGE = 1, TAG_TRANSFER = 16, N_OUTGOING = 64 };

/* A message on its way. */
typedef struct {
    MPI_Request request;
    void *data;
} outgoing;

struct base_ranks {
    MPI_Comm comm;
    int n, self;
    char (*name)[NAME_BYTES]; /* [n] */
    base_error *said;         /* [n] */
    int *counts, *starts;     /* [n] */
    outgoing sent[N_OUTGOING];
    int next_sent;
    bool is_world;
};

struct base_transfers {
    base_ranks *ranks;
    MPI_Request *requests;
    int n, n_most;
};

/* ---- loading ---- */

static base_status load(base_error *err) {
    static const char *const names[] = {"libmpi.so.40", "libmpi.so"};
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && library == NULL; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_GLOBAL); /* its plug-ins look for it */
    }
    if (library == NULL) {
        return base_fail(err, BASE_EUSAGE, "started as a rank of an MPI job, but %s", dlerror());
    }
    void *found;
#define FIND(function)                                                                             \
    found = dlsym(library, "MPI_" #function);                                                      \
    if (found == NULL) return base_fail(err, BASE_EUSAGE, "%s", dlerror());                        \
    memcpy(&mpi.function, &found, sizeof found);
    FUNCTIONS(FIND)
#undef FIND
    mpi.world = (MPI_Comm)dlsym(library, "ompi_mpi_comm_world");
    mpi.byte = (MPI_Datatype)dlsym(library, "ompi_mpi_byte");
    if (mpi.world != NULL && mpi.byte != NULL) return BASE_OK;
    return base_fail(err, BASE_EUSAGE, "the MPI library that was loaded is not Open MPI");
}

/* ---- ranks ---- */

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "ranks: out of memory");
}

static void release(base_ranks *ranks) {
    base_free(ranks->name);
    base_free(ranks->said);
    base_free(ranks->counts);
    base_free(ranks->starts);
    base_free(ranks);
}

/* name: this rank's own, as all are to know it */
static base_status make_ranks(MPI_Comm comm, const char *name, base_ranks **out, base_error *err) {
    base_ranks *ranks = base_alloc(1, sizeof *ranks);
    if (ranks == NULL) return no_memory(err);
    ranks->comm = comm;
    mpi.Comm_size(comm, &ranks->n);
    mpi.Comm_rank(comm, &ranks->self);
    size_t n = (size_t)ranks->n;
    ranks->name = base_alloc(n, sizeof *ranks->name);
    ranks->said = base_alloc(n, sizeof *ranks->said);
    ranks->counts = base_alloc(n, sizeof *ranks->counts);
    ranks->starts = base_alloc(n, sizeof *ranks->starts);
    if (ranks->name == NULL || ranks->said == NULL || ranks->counts == NULL ||
        ranks->starts == NULL) {
        release(ranks);
        return no_memory(err);
    }
    char own[NAME_BYTES] = {0};
    snprintf(own, sizeof own, "%s", name);
    mpi.Allgather(own, NAME_BYTES, mpi.byte, ranks->name, NAME_BYTES, mpi.byte, comm);
    *out = ranks;
    return BASE_OK;
}

base_status base_ranks_start(base_ranks **ranks, base_error *err) {
    *ranks = NULL;
    if (!base_ranks_launched()) return BASE_OK;
    BASE_TRY(load(err));
    int provided, self;
    mpi.Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
    mpi.Comm_rank(mpi.world, &self);
    char host[HOST_BYTES] = "", name[NAME_BYTES];
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "rank %d (%s)", self, host);
    BASE_TRY(make_ranks(mpi.world, name, ranks, err));
    (*ranks)->is_world = true;
    return BASE_OK;
}

static bool is_over(MPI_Request *request) {
    int over = 0;
    mpi.Test(request, &over, MPI_STATUS_IGNORE);
    return over;
}

static void await(MPI_Request *request) {
    while (!is_over(request)) base_ranks_pause();
}

static void await_sent(base_ranks *ranks) {
    for (int i = 0; i < N_OUTGOING; i++) {
        if (ranks->sent[i].data == NULL) continue;
        await(&ranks->sent[i].request);
        base_free(ranks->sent[i].data);
        ranks->sent[i].data = NULL;
    }
}

void base_ranks_end(base_ranks *ranks) {
    if (ranks == NULL) return;
    await_sent(ranks);
    base_ranks_meet(ranks);
    mpi.Finalize();
    release(ranks);
}

const char *base_ranks_name(const base_ranks *ranks, int rank) {
    return ranks != NULL ? ranks->name[rank] : "this process";
}

int base_ranks_n(const base_ranks *ranks) {
    return ranks != NULL ? ranks->n : 1;
}

int base_ranks_self(const base_ranks *ranks) {
    return ranks != NULL ? ranks->self : 0;
}

base_status base_ranks_split(base_ranks *ranks, int number, base_ranks **part, base_error *err) {
    *part = NULL;
    if (ranks == NULL) return BASE_OK;
    MPI_Comm comm;
    mpi.Comm_split(ranks->comm, number, ranks->self, &comm);
    return make_ranks(comm, ranks->name[ranks->self], part, err);
}

void base_ranks_release(base_ranks *part) {
    if (part == NULL) return;
    BASE_CHECK(!part->is_world);
    await_sent(part);
    mpi.Comm_free(&part->comm);
    release(part);
}

/* ---- together ---- */

void base_ranks_gather(base_ranks *ranks, void *data, const int64_t *begin) {
    if (base_ranks_n(ranks) == 1) return;
    BASE_CHECK(begin[ranks->n] <= INT_MAX);
    for (int r = 0; r < ranks->n; r++) {
        ranks->starts[r] = (int)begin[r];
        ranks->counts[r] = (int)(begin[r + 1] - begin[r]);
    }
    mpi.Allgatherv(MPI_IN_PLACE, 0, mpi.byte, data, ranks->counts, ranks->starts, mpi.byte,
                   ranks->comm);
}

void base_ranks_share(base_ranks *ranks, int from, void *data, size_t n_bytes) {
    if (base_ranks_n(ranks) == 1) return;
    BASE_CHECK(n_bytes <= INT_MAX);
    mpi.Bcast(data, (int)n_bytes, mpi.byte, from, ranks->comm);
}

void base_ranks_meet(base_ranks *ranks) {
    if (base_ranks_n(ranks) == 1) return;
    MPI_Request request;
    mpi.Ibarrier(ranks->comm, &request);
    await(&request);
}

base_status base_ranks_agree(base_ranks *ranks, base_status status, base_error *err) {
    if (base_ranks_n(ranks) == 1) return status;
    base_error own = {.status = BASE_OK};
    if (status != BASE_OK) own = *err;
    own.status = status;
    base_ranks_meet(ranks);
    mpi.Allgather(&own, sizeof own, mpi.byte, ranks->said, sizeof own, mpi.byte, ranks->comm);
    int failed = -1;
    for (int r = ranks->n - 1; r >= 0; r--) {
        base_status theirs = ranks->said[r].status;
        bool real = theirs != BASE_OK && theirs != BASE_ESTOPPED;
        if (real || (theirs != BASE_OK && (failed < 0 || ranks->said[failed].status == theirs))) {
            failed = r;
        }
    }
    if (failed < 0) return BASE_OK;
    *err = ranks->said[failed];
    return failed == 0 ? err->status : base_fail_within(err, "%s", ranks->name[failed]);
}

bool base_ranks_all(base_ranks *ranks, bool flag) {
    if (base_ranks_n(ranks) == 1) return flag;
    char own = flag, *all = (char *)ranks->counts; /* as many bytes, at least */
    mpi.Allgather(&own, 1, mpi.byte, all, 1, mpi.byte, ranks->comm);
    return memchr(all, 0, (size_t)ranks->n) == NULL;
}

/* ---- messages ---- */

void base_ranks_send(base_ranks *ranks, int to, const void *data, size_t n_bytes) {
    outgoing *place = &ranks->sent[ranks->next_sent];
    ranks->next_sent = (ranks->next_sent + 1) % N_OUTGOING;
    if (place->data != NULL) {
        await(&place->request);
        base_free(place->data);
    }
    place->data = base_alloc(n_bytes, 1);
    BASE_CHECK(place->data != NULL && n_bytes <= INT_MAX);
    memcpy(place->data, data, n_bytes);
    mpi.Isend(place->data, (int)n_bytes, mpi.byte, to, TAG_MESSAGE, ranks->comm, &place->request);
}

int64_t base_ranks_receive(base_ranks *ranks, void *data, size_t capacity, int *from) {
    int there = 0, n_bytes;
    MPI_Status status;
    mpi.Iprobe(MPI_ANY_SOURCE, TAG_MESSAGE, ranks->comm, &there, &status);
    if (!there) return -1;
    mpi.Get_count(&status, mpi.byte, &n_bytes);
    BASE_CHECK(n_bytes >= 0 && (size_t)n_bytes <= capacity);
    *from = status.MPI_SOURCE;
    mpi.Recv(data, n_bytes, mpi.byte, *from, TAG_MESSAGE, ranks->comm, MPI_STATUS_IGNORE);
    return n_bytes;
}

/* ---- transfers ---- */

base_transfers *base_transfers_new(base_ranks *ranks, int n_most) {
    base_transfers *transfers = base_alloc(1, sizeof *transfers);
    if (transfers == NULL) return NULL;
    *transfers = (base_transfers){.ranks = ranks, .n_most = n_most};
    transfers->requests = base_alloc((size_t)n_most, sizeof *transfers->requests);
    if (transfers->requests != NULL) return transfers;
    base_free(transfers);
    return NULL;
}

void base_transfers_free(base_transfers *transfers) {
    if (transfers == NULL) return;
    base_free(transfers->requests);
    base_free(transfers);
}

void base_transfers_send(base_transfers *transfers, int to, int tag, const void *data,
                         size_t n_bytes) {
    BASE_CHECK(transfers->n < transfers->n_most && n_bytes <= INT_MAX);
    mpi.Isend(data, (int)n_bytes, mpi.byte, to, TAG_TRANSFER + tag, transfers->ranks->comm,
              &transfers->requests[transfers->n++]);
}

void base_transfers_receive(base_transfers *transfers, int from, int tag, void *data,
                            size_t n_bytes) {
    BASE_CHECK(transfers->n < transfers->n_most && n_bytes <= INT_MAX);
    mpi.Irecv(data, (int)n_bytes, mpi.byte, from, TAG_TRANSFER + tag, transfers->ranks->comm,
              &transfers->requests[transfers->n++]);
}

bool base_transfers_over(base_transfers *transfers) {
    int over = 1;
    mpi.Testall(transfers->n, transfers->requests, &over, MPI_STATUSES_IGNORE);
    if (over) transfers->n = 0;
    return over;
}

void base_transfers_wait(base_transfers *transfers) {
    mpi.Waitall(transfers->n, transfers->requests, MPI_STATUSES_IGNORE);
    transfers->n = 0;
}

#else /* one rank */

struct base_ranks {
    char unused;
};

base_status base_ranks_start(base_ranks **ranks, base_error *err) {
    *ranks = NULL;
    const char *n = getenv("OMPI_COMM_WORLD_SIZE");
    if (!base_ranks_launched() || (n != NULL && strcmp(n, "1") == 0)) return BASE_OK;
    return base_fail(err, BASE_EUSAGE,
                     "started as a rank of an MPI job, but built without MPI (make MPI=1)");
}

void base_ranks_end(base_ranks *ranks) {
    BASE_CHECK(ranks == NULL);
}

int base_ranks_n(const base_ranks *ranks) {
    BASE_CHECK(ranks == NULL);
    return 1;
}

int base_ranks_self(const base_ranks *ranks) {
    BASE_CHECK(ranks == NULL);
    return 0;
}

const char *base_ranks_name(const base_ranks *ranks, int rank) {
    BASE_CHECK(ranks == NULL && rank == 0);
    return "this process";
}

base_status base_ranks_split(base_ranks *ranks, int number, base_ranks **part, base_error *err) {
    (void)number, (void)err;
    BASE_CHECK(ranks == NULL);
    *part = NULL;
    return BASE_OK;
}

void base_ranks_release(base_ranks *part) {
    BASE_CHECK(part == NULL);
}

void base_ranks_gather(base_ranks *ranks, void *data, const int64_t *begin) {
    (void)data, (void)begin;
    BASE_CHECK(ranks == NULL);
}

void base_ranks_share(base_ranks *ranks, int from, void *data, size_t n_bytes) {
    (void)from, (void)data, (void)n_bytes;
    BASE_CHECK(ranks == NULL);
}

void base_ranks_meet(base_ranks *ranks) {
    BASE_CHECK(ranks == NULL);
}

base_status base_ranks_agree(base_ranks *ranks, base_status status, base_error *err) {
    (void)err;
    BASE_CHECK(ranks == NULL);
    return status;
}

bool base_ranks_all(base_ranks *ranks, bool flag) {
    BASE_CHECK(ranks == NULL);
    return flag;
}

/* Without MPI there is nobody to send to, and nothing below is called. */

void base_ranks_send(base_ranks *ranks, int to, const void *data, size_t n_bytes) {
    (void)to, (void)data, (void)n_bytes;
    BASE_CHECK(ranks != NULL);
}

int64_t base_ranks_receive(base_ranks *ranks, void *data, size_t capacity, int *from) {
    (void)data, (void)capacity, (void)from;
    BASE_CHECK(ranks != NULL);
    return -1;
}

base_transfers *base_transfers_new(base_ranks *ranks, int n_most) {
    (void)n_most;
    BASE_CHECK(ranks != NULL);
    return NULL;
}

void base_transfers_free(base_transfers *transfers) {
    BASE_CHECK(transfers == NULL);
}

void base_transfers_send(base_transfers *transfers, int to, int tag, const void *data,
                         size_t n_bytes) {
    (void)to, (void)tag, (void)data, (void)n_bytes;
    BASE_CHECK(transfers != NULL);
}

void base_transfers_receive(base_transfers *transfers, int from, int tag, void *data,
                            size_t n_bytes) {
    (void)from, (void)tag, (void)data, (void)n_bytes;
    BASE_CHECK(transfers != NULL);
}

bool base_transfers_over(base_transfers *transfers) {
    BASE_CHECK(transfers != NULL);
    return true;
}

void base_transfers_wait(base_transfers *transfers) {
    BASE_CHECK(transfers != NULL);
}

#endif
