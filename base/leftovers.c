#include "base/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/temporary.h"

/* Links are neither followed nor removed: none is ours. */
static void remove_left(const char *path) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &info) == 0) {
        if (S_ISDIR(info.st_mode)) base_folder_remove(path, NULL);
        if (S_ISREG(info.st_mode)) unlink(path);
    }
    close(fd);
}

static void clean_entry(const char *folder, const struct dirent *entry, bool deep) {
    base_arena arena = {0};
    struct stat info;
    const char *name = entry->d_name;
    bool ours = base_temporary_is_name(name);
    const char *path =
        ours || (deep && name[0] != '.') ? base_path_join(&arena, folder, name) : NULL;
    if (path != NULL && ours) remove_left(path);
    if (path != NULL && !ours && lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        base_leftovers_remove(path, true);
    }
    base_arena_release(&arena);
}

void base_leftovers_remove(const char *folder, bool deep) {
    DIR *stream = opendir(folder);
    if (stream == NULL) return;
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) clean_entry(folder, entry, deep);
    closedir(stream);
}
