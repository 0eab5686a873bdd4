#include "cli/decision.h"

/* The bounds of the model, or those of the flags. A joined class has the lowest of its parts, whose
 * probabilities it sums up. */
static int set_bounds(cli_call *call, const infer_refusal *model, cli_decision *decision) {
    const cli_merge *merge = &decision->merge;
    size_t n = (size_t)merge->n_from;
    double *above = base_arena_alloc(&call->arena, n, sizeof *above), refuse = 1;
    double *none = base_arena_alloc(&call->arena, n, sizeof *none);
    double *all = base_arena_alloc(&call->arena, n, sizeof *all);
    double *least = base_arena_alloc(&call->arena, n, sizeof *least);
    if (above == NULL || none == NULL || all == NULL || least == NULL) {
        return cli_usage("out of memory");
    }
    if (!cli_number(call, "refuse", 0, 1, &refuse)) return CLI_USAGE;
    for (int c = 0; c < merge->n_from; c++) {
        above[c] = cli_given(call, "refuse") ? refuse : model->above[c];
        all[c] = least[c] = 1;
    }
    for (int c = 0; c < merge->n_from; c++) {
        int k = merge->into[c];
        double bound = decision->threshold >= 0 ? decision->threshold : model->least[c];
        if (k >= 0 && bound < least[k]) least[k] = bound;
    }
    decision->outlier = (infer_refusal){model->class_index, above, none};
    decision->rest = (infer_refusal){INFER_NONE_REFUSED, all, least};
    if (model->class_index >= 0 && merge->n_classes > 1) {
        decision->rest.class_index = merge->into[model->class_index];
    }
    return CLI_OK;
}

int cli_decision_read(cli_call *call, const infer_model *model, cli_decision *decision) {
    const infer_refusal *refusal = infer_model_refusal(model);
    int code = cli_merge_read(call, model, &decision->merge);
    if (code != CLI_OK) return code;
    size_t n = (size_t)decision->merge.n_from;
    decision->joined = base_arena_alloc(&call->arena, n, sizeof *decision->joined);
    if (decision->joined == NULL) return cli_usage("out of memory");
    if (cli_given(call, "refuse") && refusal->class_index < 0) {
        return cli_usage("--refuse: the model has no class for what is none of the others");
    }
    return set_bounds(call, refusal, decision);
}

int cli_decision_make(const cli_decision *decision, const float *probability) {
    const cli_merge *merge = &decision->merge;
    cli_merge_apply(merge, probability, decision->joined);
    int known = infer_refusal_decide(&decision->outlier, probability, merge->n_from);
    int best = infer_refusal_decide(&decision->rest, decision->joined, merge->n_classes);
    return known >= 0 ? best : INFER_UNKNOWN;
}

int cli_decision_explain(const cli_decision *decision, const float *probability, base_text *why) {
    const cli_merge *merge = &decision->merge;
    const infer_classes from = {merge->from, merge->n_from};
    const infer_classes into = {merge->classes, merge->n_classes};
    infer_decision said = infer_refusal_judge(&decision->outlier, probability, merge->n_from);
    if (said.answer == INFER_UNKNOWN) {
        infer_refusal_add_reason(&decision->outlier, &from, probability, why);
        return merge->into[said.cause];
    }
    infer_refusal_add_reason(&decision->rest, &into, decision->joined, why);
    return infer_refusal_judge(&decision->rest, decision->joined, into.n).cause;
}

const char *cli_decision_class(const cli_decision *decision, int best) {
    return best >= 0 ? decision->merge.classes[best] : "unknown";
}
