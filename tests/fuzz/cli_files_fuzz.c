/* cli_files_fuzz.c - files that the command line keeps, as a damaged disk or a stranger left them: how far a replay
 * came (--resume), the profiles of config.yaml, the manifest of a backup.  Each is refused with a reason; or what it says
 * is what is written again, and a backup that is good can be restored.
 *
 * Input: a byte that says which, and the file.  It lies in a folder below /tmp, where HOME is.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/profile.h"
#include "cli/replay_resume.h"
#include "fuzz.h"

enum { PROFILES_MAX = 8, HOME_MAX = 64, WHERE_MAX = 128, TREE_DEPTH_MAX = 4 };

static char home[HOME_MAX];

enum err __wrap_output_value(const struct output *o, struct arena *a, const struct json *value,
                             const char *columns);

/* What it prints is counts, and nobody reads them. */
enum err __wrap_output_value(const struct output *o, struct arena *a, const struct json *value,
                             const char *columns)
{
    (void)o, (void)a, (void)columns;
    assert(value->type == JSON_OBJECT);
    return OK;
}

/* ---- the folder */

static void in_home(char out[WHERE_MAX], const char *name)
{
    int n = snprintf(out, WHERE_MAX, "%s/%s", home, name);
    assert(n < WHERE_MAX);
}

static void store(const char *name, struct slice bytes)
{
    char path[WHERE_MAX];
    in_home(path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0);
    ssize_t n = write(fd, bytes.ptr, bytes.len);
    assert(n == (ssize_t)bytes.len);
    close(fd);
}

static void make_folder(const char *name)
{
    char path[WHERE_MAX];
    in_home(path, name);
    int made = mkdir(path, 0700);
    assert(made == 0);
}

/* Nothing of it is a link: it was written by the fuzzer, or restored from what was. */
static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    if (d == NULL) return;
    struct buf inner = {0};
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        buf_clear(&inner);
        buf_printf(&inner, "%s/%s", path, entry->d_name);
        if (unlink(buf_cstr(&inner)) != 0) remove_tree(buf_cstr(&inner));
    }
    closedir(d);
    buf_free(&inner);
    rmdir(path);
}

static void leave(void)
{
    remove_tree(home);
}

/* What is complained of is not of interest; libFuzzer keeps the old one. */
static void begin(void)
{
    if (*home) return;
    FILE *nothing = fopen("/dev/null", "w");
    snprintf(home, sizeof home, "/tmp/fuzz-cli-files-XXXXXX");
    const char *made = mkdtemp(home);
    assert(made && nothing);
    stderr = nothing;
    atexit(leave);
    setenv("HOME", home, 1);
    unsetenv("AZIMUTH_PROFILE");
    make_folder(".config");
    make_folder(".config/azimuth");
    make_folder("backup");
    make_folder("backup/log");
    store("backup/store", SLICE_LIT("what is stored"));
    store("backup/log/0", SLICE_NONE);
}

static bool has_nul(struct slice text)
{
    return slice_find(text, '\0') < text.len;
}

static bool same_json(const struct json *a, const struct json *b)
{
    struct buf x = {0}, y = {0};
    json_write(&x, a);
    json_write(&y, b);
    bool same = slice_eq(buf_slice(&x), buf_slice(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

/* ---- how far a replay came */

struct lanes {
    struct arena *arena;
    const struct json *first;
};

static const struct json *lane_at(const struct lanes *l, unsigned lane)
{
    const struct json *j = l->first;
    while (lane--) j = j->next;
    return j;
}

static const char *lane_name(void *ctx, unsigned lane)
{
    const struct lanes *l = ctx;
    return (const char *)arena_copy(l->arena, lane_at(l, lane)->key).ptr;
}

static unsigned lane_count(void *ctx)
{
    const struct lanes *l = ctx;
    unsigned count = 0;
    for (const struct json *j = l->first; j; j = j->next) count++;
    return count;
}

static int64_t lane_next(void *ctx, unsigned lane)
{
    int64_t next;
    enum err e = json_i64(lane_at(ctx, lane), &next);
    assert(e == OK && next >= 0);
    return next;
}

/* Whatever order they are asked for in, each says how far it came: else all of it would be sent again. */
static void check_lanes(struct cli *c, struct replay_resume *r)
{
    struct lanes lanes = {&c->arena, r->lanes->child};
    unsigned count = lane_count(&lanes);
    int64_t next;
    for (unsigned i = 0; i < 2 * count; i++) {
        unsigned lane = i < count ? i : 2 * count - 1 - i;
        bool known = replay_resume_lane(r, lane_name(&lanes, lane), &next);
        assert(known && next == lane_next(&lanes, lane));
    }
}

static void check_begin(struct replay_resume *r, const char *target)
{
    struct slice source = r->source;
    enum err e = replay_resume_begin(r, SLICE_LIT("other"), target);
    assert(e == (source.len && !slice_is(source, "other") ? ERR_CONFLICT : OK));
    r->source = source;
    e = replay_resume_begin(r, source, "elsewhere");
    assert(e == (slice_is(r->target, "elsewhere") ? OK : ERR_CONFLICT));
    e = replay_resume_begin(r, source, target);
    assert(e == OK);
}

static void check_saved(struct cli *c, struct replay_resume *r, const char *target)
{
    struct replay_resume again;
    struct lanes lanes = {&c->arena, r->lanes->child};
    const struct replay_source source = {
        .ctx = &lanes, .lane_name = lane_name, .lane_count = lane_count};
    enum err e = replay_resume_save(r, target, r->events, &source, lane_next, &lanes);
    if (e == OK) e = replay_resume_load(c, r->path, &again);
    assert(e == OK && again.lanes && same_json(r->lanes, again.lanes));
    assert(strcmp(r->run, again.run) == 0 && r->events == again.events);
    assert(slice_eq(r->source, again.source) && slice_eq(r->target, again.target));
    assert(r->has_shift == again.has_shift && r->shift_us == again.shift_us);
}

static void try_resume(struct cli *c, struct slice file)
{
    char path[WHERE_MAX];
    struct replay_resume r;
    in_home(path, "resume");
    store("resume", file);
    enum err e = replay_resume_load(c, path, &r);
    assert(e == OK || (e == ERR_INVALID && strstr(fail_text(), "is no file of --resume")));
    if (e != OK) return;
    assert(r.lanes && r.events >= 0);
    check_lanes(c, &r);
    const char *target = (const char *)arena_copy(&c->arena, r.target).ptr;
    if (has_nul(r.target)) return;
    check_begin(&r, target);
    check_saved(c, &r, target);
}

/* ---- profiles */

struct found {
    enum err e;
    struct profile profile;
};

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_found(const struct found *a, const struct found *b)
{
    return a->e == b->e &&
           (a->e != OK || (same_text(a->profile.connection_string, b->profile.connection_string) &&
                           same_text(a->profile.ca, b->profile.ca) &&
                           same_text(a->profile.admin_url, b->profile.admin_url)));
}

/* As commands look for them: the one that is used, one that is hardly there, then those of the file. */
static unsigned find_all(struct cli *c, const struct json *book, struct found out[PROFILES_MAX])
{
    const struct json *profiles = json_get(book, "profiles");
    unsigned count = 2;
    out[0].e = profile_find(c, NULL, &out[0].profile);
    out[1].e = profile_find(c, "nobody", &out[1].profile);
    for (const struct json *j = profiles ? profiles->child : NULL; j && count < PROFILES_MAX;
         j = j->next) {
        if (has_nul(j->key)) continue;
        const char *name = (const char *)arena_copy(&c->arena, j->key).ptr;
        out[count].e = profile_find(c, name, &out[count].profile);
        count++;
    }
    return count;
}

static void check_book(struct cli *c, const char *path, const struct json *book)
{
    struct found before[PROFILES_MAX], after[PROFILES_MAX];
    struct json *again;
    unsigned count = find_all(c, book, before);
    enum err e = profile_book_write(path, book);
    if (e == OK) e = profile_book_read(c, path, &again);
    assert(e == OK && same_json(book, again));
    unsigned now = find_all(c, again, after);
    assert(now == count);
    for (unsigned i = 0; i < count; i++) assert(same_found(&before[i], &after[i]));
}

static void try_profiles(struct cli *c, struct slice file)
{
    struct json *book;
    const char *path = profile_path(c);
    store(".config/azimuth/config.yaml", file);
    enum err e = profile_book_read(c, path, &book);
    assert(e == OK || (e == ERR_INVALID && slice_starts(slice_str(fail_text()), slice_str(path))));
    if (e == OK) check_book(c, path, book);
}

/* ---- the manifest of a backup */

static int run(char *verb, char *to)
{
    char from[WHERE_MAX];
    char *argv[] = {"azimuth", "backup", verb, "--from", from, "--data", to};
    in_home(from, "backup");
    return cli_main(to ? 7 : 5, argv, NULL);
}

/* Files that are there; what else there may be is folders on the way to them. */
static unsigned count_files(const char *path, unsigned depth)
{
    DIR *d = opendir(path);
    unsigned count = 0;
    if (d == NULL) return 1;
    assert(depth <= TREE_DEPTH_MAX);
    struct buf inner = {0};
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        buf_clear(&inner);
        buf_printf(&inner, "%s/%s", path, entry->d_name);
        count += count_files(buf_cstr(&inner), depth + 1);
    }
    closedir(d);
    buf_free(&inner);
    return count;
}

/* Of a good backup everything that its manifest names is there. */
static void check_restored(const struct json *manifest, const char *data)
{
    struct buf path = {0};
    const struct json *files = json_get(manifest, "files");
    assert(files && files->child);
    for (const struct json *j = files->child; j; j = j->next) {
        buf_clear(&path);
        buf_printf(&path, "%s/%.*s", data, SLICE_ARG(json_str(j, "path")));
        assert(access(buf_cstr(&path), R_OK) == 0);
    }
    unsigned count = count_files(data, 0);
    assert(count > 0 && count <= 2);
    buf_free(&path);
}

static void try_manifest(struct cli *c, struct slice file)
{
    char data[WHERE_MAX];
    struct json *manifest;
    in_home(data, "data");
    store("backup/MANIFEST.json", file);
    int verified = run("verify", NULL), restored = run("restore", data);
    assert((verified == 0) == (restored == 0));
    if (verified == 0) {
        enum err e = json_parse(&c->arena, file, &manifest);
        assert(e == OK);
        check_restored(manifest, data);
    }
    remove_tree(data);
}

void fuzz_one(struct slice input)
{
    static void (*const tries[])(struct cli *c, struct slice file) = {try_resume, try_profiles,
                                                                      try_manifest};
    struct cli c = {.program = "azimuth"};
    begin();
    tries[input.len ? input.ptr[0] % 3 : 0](&c, slice_from(input, 1));
    arena_free(&c.arena);
}
