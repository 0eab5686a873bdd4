/* base/ranks.h - the processes of one job, which MPI starts on one machine or on many.
 *
 * MPI is loaded when a job starts that mpirun or srun launched, and not before: a program that is
 * started by itself neither needs nor loads it. A process that dies, or a connection that breaks,
 * ends the whole job: the calls below do not fail. All of them are for one thread at a time, and
 * those marked "together" are to be made by all ranks, in the same order. */
#ifndef BASE_RANKS_H
#define BASE_RANKS_H

#include "base/status.h"

/* Some processes that work together, numbered from 0. NULL everywhere: this process alone. */
typedef struct base_ranks base_ranks;

/* Whether a launcher started this process as one of a job. */
bool base_ranks_launched(void);

/* Joins the job's other processes (together); *ranks is NULL if no launcher started this process.
 * EUSAGE in a build without MPI, or where its library cannot be loaded. Once per process. */
base_status base_ranks_start(base_ranks **ranks, base_error *err);
/* Leaves the job (together, or else the launcher ends the others). */
void base_ranks_end(base_ranks *ranks);

int base_ranks_n(const base_ranks *ranks);    /* 1 for NULL */
int base_ranks_self(const base_ranks *ranks); /* 0 for NULL */
/* "rank 3 (node7)": the number within the whole job and the machine; lives as long as `ranks`. */
const char *base_ranks_name(const base_ranks *ranks, int rank);

/* Those of `ranks` that give the same number (together); to be released before `ranks` ends. */
base_status base_ranks_split(base_ranks *ranks, int number, base_ranks **part, base_error *err);
void base_ranks_release(base_ranks *part);

/* Rank r has bytes [begin[r], begin[r + 1]) of data; afterwards every rank has all (together). */
void base_ranks_gather(base_ranks *ranks, void *data, const int64_t *begin);
/* Every rank gets the bytes that rank `from` has (together). */
void base_ranks_share(base_ranks *ranks, int from, void *data, size_t n_bytes);
/* Waits for all, however long that takes, without using a processor (together). */
void base_ranks_meet(base_ranks *ranks);

/* What came of something that every rank did: its status if all are OK, else the first failure,
 * with the rank named unless it is rank 0; stopped counts as a failure only if there is no other.
 * Waits as _meet does (together). */
base_status base_ranks_agree(base_ranks *ranks, base_status status, base_error *err);
/* Whether `flag` holds for all; waits in haste (together). */
bool base_ranks_all(base_ranks *ranks, bool flag);

/* Messages, which are delivered in order. _send copies, and returns at once unless many are under
 * way; _receive takes one, if one is there, of at most `capacity` bytes: its size, or -1. */
void base_ranks_send(base_ranks *ranks, int to, const void *data, size_t n_bytes);
int64_t base_ranks_receive(base_ranks *ranks, void *data, size_t capacity, int *from);
/* Sleeps for a moment, between two looks for a message. */
void base_ranks_pause(void);

/* Large transfers that go on while the ranks compute, and that move on whenever one of these calls
 * is made. What is sent and received with one tag arrives in order; the memory is the caller's and
 * is left alone until all are over. */
typedef struct base_transfers base_transfers;
/* Room for n_most at a time; NULL without memory. */
base_transfers *base_transfers_new(base_ranks *ranks, int n_most);
void base_transfers_free(base_transfers *transfers);
void base_transfers_send(base_transfers *transfers, int to, int tag, const void *data,
                         size_t n_bytes);
void base_transfers_receive(base_transfers *transfers, int from, int tag, void *data,
                            size_t n_bytes);
/* Whether all that were begun are over. */
bool base_transfers_over(base_transfers *transfers);
void base_transfers_wait(base_transfers *transfers);

#endif
