/* replay.c - runs a fuzz target once over each file of the directories given to it.
 *
 * Used where libFuzzer is not: the corpus as a test with any compiler, and under llvm-cov.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fuzz.h"

enum { REPLAY_FILE_MAX = 4 << 20 };

/* The content of a regular file in a block of exactly its size; false for anything else. */
static bool read_file(const char *path, uint8_t **bytes, size_t *len)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return false;
    assert(st.st_size <= REPLAY_FILE_MAX);
    FILE *file = fopen(path, "rb");
    assert(file != NULL);
    *len = (size_t)st.st_size;
    *bytes = mem_new(*len);
    size_t got = fread(*bytes, 1, *len, file);
    assert(got == *len);
    fclose(file);
    return true;
}

static size_t replay_directory(const char *directory)
{
    DIR *dir = opendir(directory);
    if (dir == NULL) return 0;
    size_t count = 0;
    struct buf path = {0};
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        uint8_t *bytes;
        size_t len;
        buf_clear(&path);
        buf_printf(&path, "%s/%s", directory, entry->d_name);
        if (!read_file(buf_cstr(&path), &bytes, &len)) continue;
        LLVMFuzzerTestOneInput(bytes, len);
        free(bytes);
        count++;
    }
    buf_free(&path);
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) count += replay_directory(argv[i]);
    printf("%zu inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
