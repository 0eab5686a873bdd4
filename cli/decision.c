#include "cli/decision.h"

int cli_decision_read(cli_call *call, const infer_model *model, cli_decision *decision) {
    int code = cli_merge_read(call, model, &decision->merge);
    if (code != CLI_OK) return code;
    size_t n = (size_t)decision->merge.n_from;
    decision->refusal = *infer_model_refusal(model);
    decision->joined = base_arena_alloc(&call->arena, n, sizeof *decision->joined);
    if (decision->joined == NULL) return cli_usage("out of memory");
    if (cli_given(call, "refuse") && decision->refusal.class_index < 0) {
        return cli_usage("--refuse: the model has no class for what is none of the others");
    }
    return cli_number(call, "refuse", 0, 1, &decision->refusal.above) ? CLI_OK : CLI_USAGE;
}

int cli_decision_make(const cli_decision *decision, const float *probability) {
    const cli_merge *merge = &decision->merge;
    infer_refusal refusal = {decision->refusal.class_index, 1};
    bool refused = infer_refusal_decide(&decision->refusal, probability, merge->n_from) < 0;
    cli_merge_apply(merge, probability, decision->joined);
    if (refusal.class_index >= 0) refusal.class_index = merge->into[refusal.class_index];
    if (merge->n_classes == 1) refusal.class_index = INFER_NONE_REFUSED;
    int best = infer_refusal_decide(&refusal, decision->joined, merge->n_classes);
    bool sure = !refused && best >= 0 && (double)decision->joined[best] >= decision->threshold;
    return sure ? best : INFER_UNKNOWN;
}

const char *cli_decision_class(const cli_decision *decision, int best) {
    return best >= 0 ? decision->merge.classes[best] : "unknown";
}
