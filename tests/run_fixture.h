/* tests/run_fixture.h - an invented run folder, complete but for the weights. */
#ifndef RUN_FIXTURE_H
#define RUN_FIXTURE_H

typedef struct {
    const char *name;
    const char *const *classes;
    int n_classes, n_folds, n_compare_folds;
    int clips_per_fold;
    int n_held_out; /* held-out sounds; with the model's own predictions of them, too */
    double skill;   /* 0: guesses; 5: nearly always right */
    int first_clip; /* clips are numbered from here: other numbers, other clips */
    unsigned seed;  /* of the predictions; the truths depend on the clips alone */
    const char *notes[3];
} run_fixture;

extern const run_fixture run_fixture_drums; /* five classes, three folds, two kit folds */

void run_fixture_write(const run_fixture *fixture, const char *folder); /* fails the test */

#endif
