/* base/h5_library.h - what the two users of libhdf5 in this room share.
 *
 * libhdf5 is not thread-safe: a process-wide mutex guards every call. It writes our files
 * (base/h5_write.c) and, in a process of its own, reads other programs' (base/h5_foreign.c). */
#ifndef BASE_H5_LIBRARY_H
#define BASE_H5_LIBRARY_H

#include <hdf5.h>

void base__h5_enter(void); /* takes the mutex; libhdf5 then prints nothing */
void base__h5_leave(void);
void base__h5_release(hid_t id); /* closes an object of any sort; an invalid one is fine */

#endif
