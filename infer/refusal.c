#include "infer/refusal.h"

const base_option infer_refusal_table[] = {
    {"class", BASE_OPT_STRING, offsetof(infer_refusal_options, class_name), NULL, 0, 0, NULL, NULL,
     "the class that stands for what is none of the others"},
    {"above", BASE_OPT_FLOAT, offsetof(infer_refusal_options, above), "0.5", 0, 1, NULL, NULL,
     "a sound is unknown if the probability of that class is above this; otherwise it is the most "
     "probable of the others"},
    {0}};

int infer_refusal_decide(const infer_refusal *refusal, const float *probability, int n_classes) {
    int refused = refusal->class_index, best = INFER_UNKNOWN;
    if (refused >= 0 && (double)probability[refused] > refusal->above) return INFER_UNKNOWN;
    for (int c = 0; c < n_classes; c++) {
        if (c != refused && (best < 0 || probability[c] > probability[best])) best = c;
    }
    return best;
}
