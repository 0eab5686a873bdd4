/* The one file that is compiled anew for each commit (Makefile). */
#include "cli/training.h"

#ifndef RIMSHOT_COMMIT
#define RIMSHOT_COMMIT ""
#endif

const char *cli_commit(void) {
    static const char commit[] = RIMSHOT_COMMIT;
    return commit[0] != '\0' ? commit : NULL;
}
