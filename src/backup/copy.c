/* copy.c - what is copied beside the store and the log, the list of all files, and the note that there is a backup. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

/* ---- the manifest */

enum err backup_list_file(void *ctx, const char *path, bool is_dir, uint64_t size)
{
    struct backup_files *f = ctx;
    char whole[BACKUP_PATH_MAX];
    uint8_t digest[BACKUP_DIGEST_LEN];
    TRY(backup_join(whole, f->root, path));
    if (is_dir) return backup_sync_dir(whole);
    if (f->count == BACKUP_FILES_MAX)
        return fail(ERR_TOO_BIG, "a backup has at most %d files", BACKUP_FILES_MAX);
    TRY(backup_digest(whole, f->progress, &size, digest));
    buf_put_str(&f->text, f->count++ ? ",\n{\"path\":" : "\n{\"path\":");
    text_json_string(&f->text, slice_str(path));
    buf_printf(&f->text, ",\"size\":%llu,\"sha256\":\"", (unsigned long long)size);
    text_hex(&f->text, slice_of(digest, sizeof digest));
    buf_put_str(&f->text, "\"}");
    f->bytes += size;
    return OK;
}

enum err backup_write_manifest(struct backup_files *f)
{
    char path[BACKUP_PATH_MAX], iso[CLOCK_ISO_LEN + 1];
    struct file_new made;
    clock_iso(clock_wall_us(), iso);
    TRY(backup_join(path, f->root, BACKUP_MANIFEST));
    TRY(backup_walk(f->root, "", backup_list_file, f));
    TRY(backup_sync_dir(f->root));
    TRY(file_begin(path, &made));
    int n = fprintf(made.out, "{\"version\":%d,\"createdAt\":\"%s\",\"files\":[",
                    BACKUP_MANIFEST_VERSION, iso);
    bool good =
        n > 0 && fwrite(f->text.ptr, 1, buf_size(&f->text), made.out) == buf_size(&f->text) &&
        fputs("\n]}\n", made.out) >= 0 && fflush(made.out) == 0 && fsync(fileno(made.out)) == 0;
    TRY(file_finish(path, &made, good ? OK : fail_errno("cannot write %s", path)));
    return backup_sync_dir(f->root);
}

/* ---- what is neither store nor log */

static bool is_special(const char *path)
{
    static const char *const names[] = {"lock",
                                        BACKUP_STORE,
                                        BACKUP_STORE "-wal",
                                        BACKUP_STORE "-shm",
                                        BACKUP_SNAPSHOT,
                                        BACKUP_SNAPSHOT "-new",
                                        "journal",
                                        "log.meta",
                                        "streams",
                                        BACKUP_LOCK,
                                        BACKUP_LAST,
                                        BACKUP_MANIFEST};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncmp(path, names[i], len) == 0 && (path[len] == '\0' || path[len] == '/'))
            return true;
    }
    return false;
}

enum err backup_copy_other(void *ctx, const char *path, bool is_dir, uint64_t size)
{
    struct backup_copies *x = ctx;
    char from[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX];
    (void)size;
    if (is_special(path)) return OK;
    TRY(backup_join(from, x->from, path));
    TRY(backup_join(to, x->to, path));
    if (is_dir)
        return mkdir(to, 0700) == 0 || errno == EEXIST ? OK : fail_errno("cannot make %s", to);
    enum err e = backup_copy_file(from, to, &x->progress, NULL);
    return e == ERR_NOT_FOUND ? OK : e; /* it has gone since */
}

/* ---- the note */

static enum err write_note(FILE *out, const char *to, unsigned files, uint64_t bytes)
{
    struct buf json = {0};
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_us(), iso);
    buf_put_str(&json, "{\"path\":");
    text_json_string(&json, slice_str(to));
    buf_printf(&json, ",\"createdAt\":\"%s\",\"files\":%u,\"bytes\":%llu}\n", iso, files,
               (unsigned long long)bytes);
    bool good = fwrite(json.ptr, 1, buf_size(&json), out) == buf_size(&json);
    buf_free(&json);
    return good ? OK : fail_errno("cannot note the backup");
}

void backup_give_to_owner_of(const char *data, int file)
{
    struct stat st;
    if (geteuid() == 0 && stat(data, &st) == 0) (void)!fchown(file, st.st_uid, st.st_gid);
}

enum err backup_note(const char *data, const char *to, unsigned files, uint64_t bytes)
{
    char path[BACKUP_PATH_MAX], whole[BACKUP_PATH_MAX];
    struct file_new made;
    TRY(backup_join(path, data, BACKUP_LAST));
    TRY(file_begin(path, &made));
    backup_give_to_owner_of(data, fileno(made.out));
    return file_finish(path, &made,
                       write_note(made.out, realpath(to, whole) ? whole : to, files, bytes));
}
