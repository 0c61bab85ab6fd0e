/* io_mem.c - io.h in memory, with the power to crash and to fail (io_mem.h).
 *
 * Every name that ever was has one entry with two nodes: the one it means now and the one it would
 * mean after a crash.  A creation, renaming or removal changes the first and stands in a list of
 * unsynced steps until its directory is synced.  A crash lets a step survive only together with all
 * earlier ones in its directories, as journalling file systems do.
 */
#include "base/io_mem.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/io_impl.h"
#include "base/io_mem_node.h"
#include "base/map.h"
#include "base/num.h"

struct mem_name {
    char *path;
    struct mem_node *now, *durable; /* NULL: no such file */
    unsigned steps;                 /* unsynced ones that name it */
};

/* What one call did to one or two names. */
struct mem_step {
    struct mem_name *name[2]; /* the second may be NULL */
    struct mem_node *node[2]; /* what the name means after it */
    bool chosen;              /* scratch of settle() */
};

struct mem_fault {
    uint64_t n; /* 0: none */
    enum err code;
    bool forever;
};

struct mem_io {
    struct io io;
    pthread_mutex_t lock; /* over everything below and all nodes */
    struct map names;
    struct mem_step *steps; /* oldest first */
    size_t step_count, step_cap;
    struct mem_fault faults[IO_CALLS];
    uint64_t capacity;
    bool ignore_sync;
    uint64_t fuse; /* power fails with that many changes; 0: it does not */
    bool dark;     /* it has failed */
};

struct mem_file {
    struct io_file file;
    struct mem_node *node;
    char *path; /* for texts */
    bool stale; /* from before a crash */
};

static struct mem_io *mem_of(struct io *io)
{
    return (struct mem_io *)io;
}

static struct mem_file *file_of(struct io_file *f)
{
    return (struct mem_file *)f;
}

static enum err leave(struct mem_io *m, enum err err)
{
    pthread_mutex_unlock(&m->lock);
    return err;
}

/* ---- faults and room */

static bool is_due(struct mem_fault *fault)
{
    if (fault->n == 0 || --fault->n > 0) return false;
    fault->n = fault->forever ? 1 : 0;
    return true;
}

static enum err inject(struct mem_io *m, enum io_call call, const char *path)
{
    struct mem_fault *fault = &m->faults[call];
    return is_due(fault) ? fail(fault->code, "injected fault: %s", path) : OK;
}

static enum err check_power(const struct mem_io *m, const char *path)
{
    return m->dark ? fail(ERR_IO, "%s: power failed", path) : OK;
}

/* Before each change of the disk. */
static enum err burn_fuse(struct mem_io *m, const char *path)
{
    if (m->fuse && --m->fuse == 0) m->dark = true;
    return check_power(m, path);
}

static enum err check_file(const struct mem_io *m, const struct mem_file *f)
{
    TRY(check_power(m, f->path));
    return f->stale ? fail(ERR_IO, "%s: opened before a crash", f->path) : OK;
}

/* Bytes of all files that have a name, now or after a crash. */
static uint64_t used_bytes(const struct mem_io *m)
{
    uint64_t used = 0;
    struct mem_name *name;
    for (size_t at = 0; (name = map_next(&m->names, &at)) != NULL;) {
        if (name->now) used += name->now->size;
        if (name->durable && name->durable != name->now) used += name->durable->size;
    }
    return used;
}

static uint64_t free_bytes(const struct mem_io *m)
{
    if (m->capacity == UINT64_MAX) return UINT64_MAX;
    uint64_t used = used_bytes(m);
    return used < m->capacity ? m->capacity - used : 0;
}

/* May the file grow to `size`? */
static bool has_room(const struct mem_io *m, const struct mem_node *n, uint64_t size)
{
    return size <= n->size || size - n->size <= free_bytes(m);
}

/* ---- names */

static struct mem_name *find_name(const struct mem_io *m, const char *path)
{
    return map_get(&m->names, slice_str(path));
}

static struct mem_node *node_at(const struct mem_io *m, const char *path)
{
    const struct mem_name *name = find_name(m, path);
    return name ? name->now : NULL;
}

static struct mem_name *make_name(struct mem_io *m, const char *path)
{
    struct mem_name *name = find_name(m, path);
    if (name) return name;
    name = NEW(struct mem_name);
    name->path = mem_str(path);
    map_put(&m->names, slice_str(name->path), name);
    return name;
}

static void set_node(struct mem_node **place, struct mem_node *node)
{
    if (node) mem_node_ref(node);
    mem_node_drop(*place);
    *place = node;
}

static void forget_name_if_unused(struct mem_io *m, struct mem_name *name)
{
    if (name->now || name->durable || name->steps) return;
    map_remove(&m->names, slice_str(name->path));
    free(name->path);
    free(name);
}

/* The directory part; empty for names in the root. */
static struct slice dir_of(const char *path)
{
    struct slice s = slice_str(path);
    size_t cut = slice_rfind(s, '/');
    return slice_head(s, cut < s.len ? cut : 0);
}

static bool dir_exists(const struct mem_io *m, struct slice dir)
{
    if (dir.len == 0) return true;
    const struct mem_name *name = map_get(&m->names, dir);
    return name && name->now && name->now->is_dir && dir_exists(m, dir_of(name->path));
}

static enum err not_found(const char *path)
{
    assert(path != NULL);
    return fail(ERR_NOT_FOUND, "%s: no such file or directory", path);
}

/* Makes one or two names mean other nodes, unsynced. */
static void take_step(struct mem_io *m, struct mem_step step)
{
    if (m->step_count == m->step_cap) {
        m->step_cap = m->step_cap ? m->step_cap * 2 : 8;
        m->steps = mem_grow(m->steps, m->step_cap * sizeof *m->steps);
    }
    for (int i = 0; i < 2 && step.name[i]; i++) {
        if (step.node[i]) mem_node_ref(step.node[i]);
        step.name[i]->steps++;
    }
    for (int i = 1; i >= 0; i--)
        if (step.name[i]) set_node(&step.name[i]->now, step.node[i]);
    m->steps[m->step_count++] = step;
}

static bool touches(const struct mem_step *s, struct slice dir)
{
    return slice_eq(dir_of(s->name[0]->path), dir) ||
           (s->name[1] && slice_eq(dir_of(s->name[1]->path), dir));
}

static bool share_dir(const struct mem_step *a, const struct mem_step *b)
{
    return touches(a, dir_of(b->name[0]->path)) ||
           (b->name[1] && touches(a, dir_of(b->name[1]->path)));
}

/* Makes the chosen steps durable (all of them leave the list when `drop_rest`). */
static void settle(struct mem_io *m, bool drop_rest)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->step_count; i++) {
        struct mem_step s = m->steps[i];
        if (!s.chosen && !drop_rest) {
            m->steps[kept++] = s;
            continue;
        }
        for (int k = 0; k < 2 && s.name[k]; k++) {
            if (s.chosen) set_node(&s.name[k]->durable, s.node[k]);
            mem_node_drop(s.node[k]);
            s.name[k]->steps--;
            forget_name_if_unused(m, s.name[k]);
        }
    }
    m->step_count = kept;
}

/* ---- files */

static struct mem_file *new_file(struct mem_node *node, const char *path)
{
    struct mem_file *f = NEW(struct mem_file);
    f->path = mem_str(path);
    set_node(&f->node, node);
    return f;
}

static enum err open_node(struct mem_io *m, const char *path, int flags, struct mem_node **out)
{
    TRY(inject(m, IO_CALL_OPEN, path));
    TRY(check_power(m, path));
    if (!dir_exists(m, dir_of(path))) return not_found(path);
    *out = node_at(m, path);
    if (*out && (*out)->is_dir) return fail(ERR_IO, "%s is a directory", path);
    if (*out && (flags & IO_EXCL)) return fail(ERR_EXISTS, "%s exists", path);
    if (*out) return OK;
    if (!(flags & IO_CREATE)) return not_found(path);
    TRY(burn_fuse(m, path));
    *out = mem_node_new(false);
    take_step(m, (struct mem_step){.name = {make_name(m, path)}, .node = {*out}});
    mem_node_drop(*out); /* the step and the name hold it */
    return OK;
}

static enum err mem_open(struct io *io, const char *path, int flags, struct io_file **out)
{
    struct mem_io *m = mem_of(io);
    struct mem_node *node = NULL;
    pthread_mutex_lock(&m->lock);
    enum err err = open_node(m, path, flags, &node);
    if (err == OK) *out = &new_file(node, path)->file;
    return leave(m, err);
}

static void mem_close(struct io_file *file)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    mem_node_drop(f->node);
    pthread_mutex_unlock(&m->lock);
    free(f->path);
    free(f);
}

static enum err mem_read_at(struct io_file *file, uint64_t offset, uint8_t *out, size_t len,
                            size_t *got)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    enum err err = check_file(m, f);
    if (err == OK) err = inject(m, IO_CALL_READ, f->path);
    if (err == OK) *got = mem_node_read(f->node, offset, out, len);
    return leave(m, err);
}

/* A failing write may leave any part behind: half of it does. */
static enum err write_part(struct mem_io *m, struct mem_file *f, uint64_t offset,
                           struct slice bytes)
{
    enum err err = inject(m, IO_CALL_WRITE, f->path);
    if (err == OK && !has_room(m, f->node, offset + bytes.len))
        err = fail(ERR_FULL, "write %s: no space left", f->path);
    if (err != OK) bytes.len = has_room(m, f->node, offset + bytes.len / 2) ? bytes.len / 2 : 0;
    mem_node_write(f->node, offset, bytes);
    return err != OK ? err : burn_fuse(m, f->path);
}

static enum err mem_writev_at(struct io_file *file, uint64_t offset, const struct slice *parts,
                              size_t count)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    struct buf whole = {0};
    for (size_t i = 0; i < count; i++) buf_put_slice(&whole, parts[i]);
    pthread_mutex_lock(&m->lock);
    enum err err = check_file(m, f);
    if (err == OK) err = write_part(m, f, offset, buf_slice(&whole));
    buf_free(&whole);
    return leave(m, err);
}

static enum err sync_node(struct mem_io *m, struct mem_file *f)
{
    TRY(check_file(m, f));
    TRY(burn_fuse(m, f->path));
    enum err err = inject(m, IO_CALL_SYNC, f->path);
    if (err != OK)
        mem_node_forget(f->node);
    else if (!m->ignore_sync)
        mem_node_sync(f->node);
    return err;
}

static enum err mem_sync(struct io_file *file)
{
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    return leave(m, sync_node(m, file_of(file)));
}

static enum err mem_size(struct io_file *file, uint64_t *size)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    *size = f->node->size;
    return leave(m, check_file(m, f));
}

static enum err resize(struct mem_io *m, struct mem_file *f, uint64_t size)
{
    TRY(check_file(m, f));
    TRY(burn_fuse(m, f->path));
    if (!has_room(m, f->node, size)) return fail(ERR_FULL, "resize %s: no space left", f->path);
    if (size != f->node->size) mem_node_resize(f->node, size);
    return OK;
}

static enum err mem_truncate(struct io_file *file, uint64_t size)
{
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    return leave(m, resize(m, file_of(file), size));
}

static enum err mem_allocate(struct io_file *file, uint64_t size)
{
    struct mem_file *f = file_of(file);
    struct mem_io *m = mem_of(file->io);
    pthread_mutex_lock(&m->lock);
    enum err err = inject(m, IO_CALL_ALLOCATE, f->path);
    if (err == OK) err = resize(m, f, MAX(size, f->node->size));
    return leave(m, err);
}

/* ---- directories */

static enum err rename_name(struct mem_io *m, const char *from, const char *to)
{
    TRY(burn_fuse(m, from));
    struct mem_name *source = find_name(m, from);
    if (source == NULL || source->now == NULL || !dir_exists(m, dir_of(to))) return not_found(from);
    const struct mem_node *old = node_at(m, to);
    if (source->now->is_dir || (old && old->is_dir))
        return fail(ERR_UNSUPPORTED, "rename %s: is a directory", from);
    if (strcmp(from, to) == 0) return OK;
    take_step(m,
              (struct mem_step){.name = {source, make_name(m, to)}, .node = {NULL, source->now}});
    return OK;
}

static enum err mem_rename(struct io *io, const char *from, const char *to)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    return leave(m, rename_name(m, from, to));
}

static bool has_entries(const struct mem_io *m, const char *dir)
{
    const struct mem_name *name;
    for (size_t at = 0; (name = map_next(&m->names, &at)) != NULL;)
        if (name->now && slice_eq(dir_of(name->path), slice_str(dir))) return true;
    return false;
}

static enum err remove_name(struct mem_io *m, const char *path)
{
    TRY(burn_fuse(m, path));
    struct mem_name *name = find_name(m, path);
    if (name == NULL || name->now == NULL) return not_found(path);
    if (name->now->is_dir && has_entries(m, path))
        return fail(ERR_IO, "remove %s: directory not empty", path);
    take_step(m, (struct mem_step){.name = {name}});
    return OK;
}

static enum err mem_remove(struct io *io, const char *path)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    return leave(m, remove_name(m, path));
}

static enum err make_dir(struct mem_io *m, const char *path)
{
    const struct mem_node *old = node_at(m, path);
    if (old) return old->is_dir ? OK : fail(ERR_EXISTS, "%s is a file", path);
    if (!dir_exists(m, dir_of(path))) return not_found(path);
    TRY(burn_fuse(m, path));
    struct mem_node *node = mem_node_new(true);
    take_step(m, (struct mem_step){.name = {make_name(m, path)}, .node = {node}});
    mem_node_drop(node);
    return OK;
}

static enum err mem_make_dir(struct io *io, const char *path)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    return leave(m, make_dir(m, path));
}

/* Its own steps, and the earlier ones they build on. */
static void choose_steps_of(struct mem_io *m, struct slice dir)
{
    for (size_t i = m->step_count; i-- > 0;) {
        struct mem_step *s = &m->steps[i];
        s->chosen = touches(s, dir);
        for (size_t k = i + 1; k < m->step_count && !s->chosen; k++)
            s->chosen = m->steps[k].chosen && share_dir(s, &m->steps[k]);
    }
}

static enum err sync_dir(struct mem_io *m, const char *path)
{
    if (!dir_exists(m, slice_str(path))) return not_found(path);
    TRY(burn_fuse(m, path));
    TRY(inject(m, IO_CALL_SYNC, path));
    if (m->ignore_sync) return OK;
    choose_steps_of(m, slice_str(path));
    settle(m, false);
    return OK;
}

static enum err mem_sync_dir(struct io *io, const char *path)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    return leave(m, sync_dir(m, path));
}

/* NUL-terminated entry names of a directory, one after the other. */
static void gather_entries(const struct mem_io *m, struct slice dir, struct buf *out)
{
    const struct mem_name *name;
    for (size_t at = 0; (name = map_next(&m->names, &at)) != NULL;) {
        if (name->now == NULL || !slice_eq(dir_of(name->path), dir)) continue;
        const char *entry = name->path + (dir.len ? dir.len + 1 : 0);
        buf_put(out, entry, strlen(entry) + 1);
    }
}

static enum err mem_list(struct io *io, const char *path, io_entry_fn fn, void *ctx)
{
    struct mem_io *m = mem_of(io);
    struct buf names = {0};
    pthread_mutex_lock(&m->lock);
    enum err err = dir_exists(m, slice_str(path)) ? OK : not_found(path);
    if (err == OK) gather_entries(m, slice_str(path), &names);
    pthread_mutex_unlock(&m->lock);
    struct slice rest = buf_slice(&names), name;
    while (rest.len && slice_split(&rest, '\0', &name)) fn(ctx, (const char *)name.ptr);
    buf_free(&names);
    return err;
}

static enum err mem_free_bytes(struct io *io, uint64_t *out)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    *out = free_bytes(m);
    return leave(m, OK);
}

static void mem_free(struct io *io)
{
    struct mem_io *m = mem_of(io);
    for (size_t i = 0; i < m->step_count; i++) m->steps[i].chosen = false;
    settle(m, true);
    struct mem_name *name;
    for (size_t at = 0; (name = map_next(&m->names, &at)) != NULL;) {
        mem_node_drop(name->now);
        mem_node_drop(name->durable);
        free(name->path);
        free(name);
    }
    map_free(&m->names);
    free(m->steps);
    pthread_mutex_destroy(&m->lock);
    io_fini(io);
    free(m);
}

static const struct io_methods mem_methods = {
    .open = mem_open,
    .close = mem_close,
    .read_at = mem_read_at,
    .writev_at = mem_writev_at,
    .sync = mem_sync,
    .size = mem_size,
    .truncate = mem_truncate,
    .allocate = mem_allocate,
    .rename = mem_rename,
    .remove = mem_remove,
    .make_dir = mem_make_dir,
    .sync_dir = mem_sync_dir,
    .list = mem_list,
    .free_bytes = mem_free_bytes,
    .free = mem_free,
};

struct io *io_mem_new(void)
{
    struct mem_io *m = NEW(struct mem_io);
    io_init(&m->io, &mem_methods);
    pthread_mutex_init(&m->lock, NULL);
    m->capacity = UINT64_MAX;
    return &m->io;
}

/* ---- powers */

/* Three steps of four survive, if all they build on did. */
static void choose_survivors(struct mem_io *m, uint64_t *dice)
{
    for (size_t i = 0; i < m->step_count; i++) {
        m->steps[i].chosen = *dice && mem_roll(dice) % 4 != 0;
        for (size_t k = 0; k < i && m->steps[i].chosen; k++)
            m->steps[i].chosen = m->steps[k].chosen || !share_dir(&m->steps[i], &m->steps[k]);
    }
}

/* Names mean what is durable now; what lies in a lost directory is lost with it. */
static void restart_names(struct mem_io *m, uint64_t *dice)
{
    struct mem_name *name;
    for (size_t at = 0; (name = map_next(&m->names, &at)) != NULL;)
        set_node(&name->now, name->durable);
    for (size_t at = 0; (name = map_next(&m->names, &at)) != NULL;) {
        if (!dir_exists(m, dir_of(name->path))) set_node(&name->durable, NULL);
        if (name->durable) mem_node_crash(name->durable, dice);
    }
    for (size_t at = 0; (name = map_next(&m->names, &at)) != NULL;)
        set_node(&name->now, name->durable);
}

void io_mem_crash(struct io *io, uint64_t seed)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&io->files_lock);
    pthread_mutex_lock(&m->lock);
    LIST_EACH(node, &io->files) file_of(CONTAINER_OF(node, struct io_file, node))->stale = true;
    choose_survivors(m, &seed);
    settle(m, true);
    restart_names(m, &seed);
    m->dark = false;
    m->fuse = 0;
    pthread_mutex_unlock(&m->lock);
    pthread_mutex_unlock(&io->files_lock);
}

void io_mem_fail(struct io *io, enum io_call call, uint64_t n, enum err code, bool forever)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    m->faults[call] = (struct mem_fault){n, code, forever};
    pthread_mutex_unlock(&m->lock);
}

void io_mem_cut_power(struct io *io, uint64_t n)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    m->fuse = n;
    pthread_mutex_unlock(&m->lock);
}

void io_mem_capacity(struct io *io, uint64_t bytes)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    m->capacity = bytes;
    pthread_mutex_unlock(&m->lock);
}

void io_mem_ignore_sync(struct io *io, bool ignore)
{
    struct mem_io *m = mem_of(io);
    pthread_mutex_lock(&m->lock);
    m->ignore_sync = ignore;
    pthread_mutex_unlock(&m->lock);
}
