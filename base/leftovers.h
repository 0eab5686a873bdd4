/* base/leftovers.h - temporary files and folders of processes that are gone. */
#ifndef BASE_LEFTOVERS_H
#define BASE_LEFTOVERS_H

#include <stdbool.h>

/* Removes from `folder` what processes that are gone left there under the names of
 * base/temporary.h, and from folders in it if `deep`. What another process holds stays, as does
 * whatever a lock cannot be had for. */
void base_leftovers_remove(const char *folder, bool deep);

#endif
