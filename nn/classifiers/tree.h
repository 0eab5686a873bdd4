/* nn/classifiers/tree.h - classification trees and lists of them.
 *
 * CART (L. Breiman et al., Classification and Regression Trees, 1984): binary splits x <= threshold
 * that minimise the Gini impurity, looked for among all thresholds midway between neighbouring
 * values. As in scikit-learn a split need not lower the impurity, and of features that are constant
 * in a node as many more are tried as it takes to find one that is not. */
#ifndef NN_CLASSIFIERS_TREE_H
#define NN_CLASSIFIERS_TREE_H

#include "base/rng.h"
#include "nn/classifiers/classifier_kind.h"

/* Nodes of one or more trees, children behind their parents. */
typedef struct {
    int32_t *feature; /* -1: a leaf */
    float *threshold;
    int32_t *child; /* of x <= threshold; the other is the next. A leaf: row of `leaf` */
} nn_tree_nodes;

typedef struct {
    nn_tree_nodes nodes;
    float *leaf;   /* [n_leaves, n_classes]; the first n_classes rows are certain of one class */
    int32_t *root; /* [n_trees] */
    int64_t n_nodes, n_leaves, n_trees;
    int n_classes;
} nn_trees;

/* What trees are grown on. */
typedef struct {
    float *column; /* [n_features, n] */
    const int32_t *label;
    int64_t n, n_features;
    int n_classes;
    int64_t max_depth; /* 0: none */
    int64_t min_leaf;  /* rows */
    int64_t n_tried;   /* features at each node */
    bool votes;        /* leaves are certain of their heaviest class */
} nn_tree_growth;

/* Turns the rows' features into columns. */
base_status nn_tree_growth_init(nn_tree_growth *growth, const nn_classifier_fitting *fitting,
                                base_error *err);
void nn_tree_growth_release(nn_tree_growth *growth);

/* A tree of its own; leaf holds only rows behind the first n_classes. */
typedef struct {
    nn_tree_nodes nodes;
    float *leaf;
    int64_t n_nodes, n_mixed;
} nn_tree;

/* Rows of weight 0 are left out. False when out of memory. Trees may be grown side by side. */
bool nn_tree_grow(const nn_tree_growth *growth, const double *weight, base_rng *rng, nn_tree *tree);
void nn_tree_release(nn_tree *tree);

/* The row of `leaf` that x reaches from `root`. */
int32_t nn_tree_descend(const nn_tree_nodes *nodes, int32_t root, const float *x);

/* Joins trees in order; memory is the arena's. */
base_status nn_trees_join(const nn_tree *trees, int64_t n_trees, int n_classes, base_arena *arena,
                          nn_trees *joined, base_error *err);
void nn_trees_write(const nn_trees *trees, const nn_classifier_store *store);
base_status nn_trees_read(const nn_classifier_stored *stored, nn_trees *trees, base_error *err);
void nn_trees_describe(const nn_trees *trees, base_text *text);

#endif
