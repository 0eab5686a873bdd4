/* nn/exchange.h - sums over shards that lie with several ranks, joined while the ranks go on.
 *
 * Each rank holds the sums of its own shards. The additions are those of base_tree_sum, in the same
 * order: those between shards of one rank are made there; what is left is sent in pieces, one piece
 * to each rank, which makes the additions between ranks for its piece and sends the result to all.
 * So every rank sends and receives about twice the size of the sums, however many ranks there are.
 */
#ifndef NN_EXCHANGE_H
#define NN_EXCHANGE_H

#include "base/parallel.h"
#include "base/ranks.h"

typedef struct nn_exchange nn_exchange;

/* For n_floats in all per pass, of n_shards that the ranks hold by nn_shard_of_rank. NULL without
 * memory. */
nn_exchange *nn_exchange_new(base_ranks *ranks, base_pool *pool, int n_shards, int64_t n_floats);
void nn_exchange_free(nn_exchange *exchange);

/* Takes sums [n_shards] of n floats, `stride` apart, of which this rank's own are set (and are
 * overwritten); returns where their total will be. All ranks add the same in the same order
 * (together). */
int64_t nn_exchange_add(nn_exchange *exchange, float *sums, int64_t stride, int64_t n);
/* Moves on what is under way; between two parts of the work. */
void nn_exchange_poll(nn_exchange *exchange);
/* Waits until all totals are there (together); then nn_exchange_add begins anew. */
void nn_exchange_finish(nn_exchange *exchange);
/* The total of what was added; until the next is added. */
float *nn_exchange_total(nn_exchange *exchange, int64_t at);

#endif
