/* online.c - the directory of a server that runs, copied by itself in the order that backup.h explains: store, others,
 * log, manifest. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/say.h"

enum { OPEN_MAX_OF_REMOVAL = 16 };

static enum err copy_store(struct backup_copies *x)
{
    char from[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX];
    TRY(backup_join(from, x->from, BACKUP_SNAPSHOT));
    TRY(backup_join(to, x->to, BACKUP_STORE));
    return backup_copy_file(from, to, &x->progress, NULL);
}

static enum err list_all(const struct backup_copies *x)
{
    struct backup_progress p = x->progress;
    struct backup_files f = {.root = x->to, .progress = &p};
    p.all = 2 * p.done;
    enum err e = backup_write_manifest(&f);
    buf_free(&f.text);
    if (e != OK) return e;
    if (backup_note(x->from, x->to, f.count, f.bytes) != OK)
        say_warn("backup.unnoted", "reason=\"%s\"", fail_text());
    return OK;
}

static enum err copy_all(struct backup_copies *x)
{
    TRY(copy_store(x));
    TRY(backup_walk(x->from, "", backup_copy_other, x));
    TRY(backup_copy_log(x->from, x->to, &x->progress));
    return list_all(x);
}

static enum err sync_above(const char *to)
{
    char above[BACKUP_PATH_MAX];
    TRY(backup_join(above, to, ".."));
    return backup_sync_dir(above);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    remove(path);
    return 0;
}

/* The manifest first: what is left if that is cut short does not look whole. */
static void remove_all(const char *to)
{
    char manifest[BACKUP_PATH_MAX];
    if (backup_join(manifest, to, BACKUP_MANIFEST) == OK) unlink(manifest);
    nftw(to, remove_entry, OPEN_MAX_OF_REMOVAL, FTW_DEPTH | FTW_PHYS);
}

static enum err copy_into(const char *from, const char *to, const struct backup_progress *p)
{
    struct backup_copies x = {from, to, *p};
    struct backup_size size;
    TRY(backup_measure(from, &size));
    TRY(backup_make_dir(to));
    x.progress.all = 2 * size.copied; /* it is read once more for the manifest */
    enum err e = copy_all(&x);
    if (e == OK) e = sync_above(to);
    if (e != OK) remove_all(to);
    return e;
}

enum err backup_online(const char *from, const char *to, const struct backup_progress *p)
{
    char snapshot[BACKUP_PATH_MAX];
    enum err e = copy_into(from, to, p);
    if (backup_join(snapshot, from, BACKUP_SNAPSHOT) == OK)
        unlink(snapshot); /* as large as the store */
    return e;
}
