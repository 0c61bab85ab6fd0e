/* replay_resume.c - see replay_resume.h. */
#include "cli/replay_resume.h"

#include <ctype.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/rand.h"
#include "base/text.h"
#include "cli/file.h"

/* An id as rand_guid() makes them: it is written again, and into every event. */
static bool is_run(struct slice text)
{
    bool good = text.len == RAND_GUID_LEN;
    for (size_t i = 0; i < text.len && good; i++)
        good = isxdigit(text.ptr[i]) || text.ptr[i] == '-';
    return good;
}

static bool read_count(const struct json *number, int64_t *out)
{
    return number && json_i64(number, out) == OK && *out >= 0;
}

/* A lane that nobody can read would be sent once more from its beginning. */
static bool are_lanes(const struct json *lanes)
{
    int64_t next;
    bool good = lanes && lanes->type == JSON_OBJECT;
    for (const struct json *j = good ? lanes->child : NULL; j && good; j = j->next)
        good = read_count(j, &next) && slice_find(j->key, '\0') == j->key.len;
    return good;
}

static bool read_text(const struct json *doc, const char *name, struct slice *out)
{
    const struct json *text = json_given(doc, name);
    *out = json_str(doc, name);
    return text == NULL || (text->type == JSON_STRING && slice_find(*out, '\0') == out->len);
}

static bool read_file(const struct json *doc, struct replay_resume *out)
{
    struct slice run = json_str(doc, "run");
    const struct json *shift = json_given(doc, "shiftMicroseconds");
    out->has_shift = shift != NULL;
    out->lanes = json_get(doc, "lanes");
    if (!is_run(run) || !are_lanes(out->lanes) ||
        !read_count(json_given(doc, "events"), &out->events) ||
        !read_text(doc, "target", &out->target) || !read_text(doc, "source", &out->source) ||
        (shift && json_i64(shift, &out->shift_us) != OK))
        return false;
    memcpy(out->run, run.ptr, run.len);
    out->run[run.len] = '\0';
    return true;
}

enum err replay_resume_load(struct cli *c, const char *path, struct replay_resume *out)
{
    struct stat st;
    struct slice text;
    struct json *doc;
    *out = (struct replay_resume){.path = path};
    rand_guid(out->run);
    if (path == NULL || stat(path, &st) != 0) return OK;
    TRY(file_load_max(c, path, REPLAY_RESUME_FILE_MAX, &text));
    if (json_parse(&c->arena, text, &doc) == OK && read_file(doc, out)) return OK;
    return fail(ERR_INVALID, "%s is no file of --resume", path);
}

enum err replay_resume_begin(struct replay_resume *r, struct slice source, const char *target)
{
    if (r->lanes && target && !slice_is(r->target, target))
        return fail(ERR_CONFLICT, "%s is of a replay into %.*s, this one goes to %s", r->path,
                    SLICE_ARG(r->target), target);
    if (r->lanes && r->source.len && !slice_eq(r->source, source))
        return fail(ERR_CONFLICT,
                    "%s is of a replay of %.*s, this one is of %.*s: name another file", r->path,
                    SLICE_ARG(r->source), SLICE_ARG(source));
    r->source = source;
    return OK;
}

/* Lanes are asked for in the order in which they were written, but for those that are new. */
bool replay_resume_lane(struct replay_resume *r, const char *name, int64_t *next)
{
    if (r->lanes == NULL) return false;
    struct json *start = r->at ? r->at : r->lanes->child;
    struct slice key = slice_str(name);
    for (struct json *j = start; j; j = j->next) {
        if (!slice_eq(j->key, key)) continue;
        r->at = j->next;
        return read_count(j, next);
    }
    return start != r->lanes->child && read_count(json_find(r->lanes, key), next);
}

static void write_lanes(struct buf *out, const struct replay_source *s,
                        int64_t (*next_of)(void *ctx, unsigned lane), void *ctx)
{
    const char *comma = "";
    for (unsigned lane = 0; lane < s->lane_count(s->ctx); lane++) {
        int64_t next = next_of(ctx, lane);
        if (next < 0) continue;
        buf_put_str(out, comma);
        text_json_string(out, slice_str(s->lane_name(s->ctx, lane)));
        buf_printf(out, ":%" PRId64, next);
        comma = ",\n";
    }
}

enum err replay_resume_save(struct replay_resume *r, const char *target, int64_t events,
                            const struct replay_source *s,
                            int64_t (*next_of)(void *ctx, unsigned lane), void *ctx)
{
    struct file_new f;
    struct buf text = {0};
    if (r->path == NULL) return OK;
    TRY(file_begin(r->path, &f));
    buf_printf(&text, "{\"run\":\"%s\",\"events\":%" PRId64 ",\"source\":", r->run, events);
    text_json_string(&text, r->source);
    buf_put_str(&text, ",\"target\":");
    text_json_string(&text, slice_str(target));
    if (r->has_shift) buf_printf(&text, ",\"shiftMicroseconds\":%" PRId64, r->shift_us);
    buf_put_str(&text, ",\"lanes\":{");
    write_lanes(&text, s, next_of, ctx);
    buf_put_str(&text, "}}\n");
    bool whole = fwrite(text.ptr, 1, buf_size(&text), f.out) == buf_size(&text);
    enum err e = whole ? OK : fail_errno("%s cannot be written", r->path);
    buf_free(&text);
    return file_finish(r->path, &f, e);
}
