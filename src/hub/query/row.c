/* row.c - rows as documents. */
#include "hub/query/row.h"

#include "base/list.h"

enum { TWIN_COLUMN = 19, VALUE_COLUMN = 30 };

enum err row_read(struct arena *a, const struct store_value *col, struct row *out)
{
    *out = (struct row){.value = col[VALUE_COLUMN].bytes};
    if (col[TWIN_COLUMN].type == STORE_NULL)
        twin_fresh(a, col[1].bytes, &out->twin);
    else
        twin_of_row(col + TWIN_COLUMN, &out->twin);
    return identity_of_row(a, col, &out->identity);
}

static void copy(struct arena *a, struct slice *s)
{
    if (s->ptr) *s = arena_copy(a, *s);
}

struct row *row_copy(struct arena *a, const struct row *row)
{
    struct row *r = arena_alloc(a, sizeof *r);
    *r = *row;
    struct slice *const slices[] = {&r->identity.device_id,
                                    &r->identity.generation,
                                    &r->identity.thumbprints[0],
                                    &r->identity.thumbprints[1],
                                    &r->identity.status_reason,
                                    &r->identity.device_scope,
                                    &r->identity.parent_scope,
                                    &r->identity.module_id,
                                    &r->identity.managed_by,
                                    &r->identity.model_id,
                                    &r->twin.tags,
                                    &r->twin.desired,
                                    &r->twin.desired_stamps,
                                    &r->twin.reported,
                                    &r->twin.reported_stamps,
                                    &r->twin.configurations,
                                    &r->value};
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) copy(a, slices[i]);
    return r;
}

struct slice row_who(struct arena *a, const struct row *row)
{
    struct buf who = {0};
    hub_put_who(&who, row->identity.device_id, row->identity.module_id);
    struct slice copied = arena_copy(a, buf_slice(&who));
    buf_free(&who);
    return copied;
}

/* ---- JSON */

enum err row_put_twin(struct buf *out, const struct row *row)
{
    struct buf members = {0};
    identity_write_twin_members(&members, &row->identity, &row->presence);
    enum err e = twin_put_for_service(out, &row->twin, buf_slice(&members));
    buf_free(&members);
    return e;
}

/* What is stored reads back; if it does not, the property is not there. */
static struct json *read(struct arena *a, struct slice text)
{
    struct json *j;
    return json_parse(a, text, &j) == OK ? j : json_new(a, JSON_NULL);
}

static struct json *read_members(struct doc_row *d)
{
    struct buf text = {0};
    buf_put_u8(&text, '{');
    identity_write_twin_members(&text, &d->row->identity, &d->row->presence);
    buf_put_u8(&text, '}');
    struct json *j = read(d->doc.arena, buf_slice(&text));
    buf_free(&text);
    return j;
}

static struct json *read_whole(struct doc_row *d)
{
    struct buf text = {0};
    bool fine = row_put_twin(&text, d->row) == OK;
    struct json *j = read(d->doc.arena, fine ? buf_slice(&text) : SLICE_LIT("null"));
    buf_free(&text);
    return j;
}

/* ---- paths */

static bool is(const struct step *s, const char *name)
{
    return s && s->name.ptr && slice_is(s->name, name);
}

static const struct json *of_whole(struct doc_row *d, const struct step *path)
{
    if (d->whole == NULL) d->whole = read_whole(d);
    return doc_walk(d->whole, path);
}

static const struct json *of_section(struct doc_row *d, struct json **section, struct slice text,
                                     const struct step *path)
{
    if (*section == NULL) *section = read(d->doc.arena, text);
    return doc_walk(*section, path);
}

/* $version and $metadata stand beside a section and not in it. */
static const struct json *of_properties(struct doc_row *d, const struct step *path)
{
    const struct step *section = path->next, *inner = section ? section->next : NULL;
    bool plain = inner && inner->name.len > 0 && inner->name.ptr[0] != '$';
    if (plain && is(section, "desired"))
        return of_section(d, &d->desired, d->row->twin.desired, inner);
    if (plain && is(section, "reported"))
        return of_section(d, &d->reported, d->row->twin.reported, inner);
    return of_whole(d, path);
}

/* Not among the members that services know of IoT Hub: who names it is told. */
static const struct json *of_expected(struct doc_row *d)
{
    char iso[CLOCK_ISO_LEN + 1];
    if (d->expected == NULL) {
        presence_time_text(presence_expected_us(&d->row->presence), iso);
        d->expected = json_new_string(d->doc.arena, arena_copy(d->doc.arena, slice_str(iso)));
    }
    return d->expected;
}

static const struct json *of_members(struct doc_row *d, const struct step *path)
{
    static const struct step device_id = {.name = {(const uint8_t *)"deviceId", 8}};
    if (d->members == NULL) d->members = read_members(d);
    return is(path, "id") && path->next == NULL ? doc_walk(d->members, &device_id)
                                                : doc_walk(d->members, path);
}

static const struct json *find(struct doc *doc, const struct step *path)
{
    struct doc_row *d = CONTAINER_OF(doc, struct doc_row, doc);
    if (is(path, "tags")) return of_section(d, &d->tags, d->row->twin.tags, path->next);
    if (is(path, "properties")) return of_properties(d, path);
    if (is(path, "etag") || is(path, "version") || is(path, "configurations"))
        return of_whole(d, path);
    if (is(path, "expectedActivityTime")) return doc_walk(of_expected(d), path->next);
    return of_members(d, path);
}

void doc_row_init(struct doc_row *d, struct arena *a, const struct row *row)
{
    *d = (struct doc_row){.doc = {.arena = a, .find = find}, .row = row};
}

bool row_needs_presence(const struct expr *e)
{
    if (e == NULL) return false;
    if (e->kind == EXPR_PATH)
        return is(e->path, "connectionState") || is(e->path, "lastActivityTime") ||
               is(e->path, "expectedActivityTime");
    for (const struct expr *arg = e->args; arg; arg = arg->next)
        if (row_needs_presence(arg)) return true;
    return false;
}

/* ---- of the presence alone */

/* Does it name nothing else? */
static bool is_of_presence(const struct expr *e)
{
    if (e->kind == EXPR_PATH) return row_needs_presence(e) && e->path->next == NULL;
    for (const struct expr *arg = e->args; arg; arg = arg->next)
        if (!is_of_presence(arg)) return false;
    return e->args != NULL || e->kind == EXPR_CONST;
}

static bool can_be_tried(const struct expr *e)
{
    return row_needs_presence(e) && is_of_presence(e);
}

bool row_can_be_tried(const struct expr *simple)
{
    if (simple == NULL || simple->kind != EXPR_AND) return simple && can_be_tried(simple);
    for (const struct expr *arg = simple->args; arg; arg = arg->next)
        if (can_be_tried(arg)) return true;
    return false;
}

bool row_may_pass(struct arena *a, const struct expr *simple, const struct presence *p)
{
    const struct row row = {.presence = *p};
    struct doc_row d;
    doc_row_init(&d, a, &row);
    if (simple->kind != EXPR_AND) return !can_be_tried(simple) || eval_condition(&d.doc, simple);
    for (const struct expr *arg = simple->args; arg; arg = arg->next)
        if (can_be_tried(arg) && !eval_condition(&d.doc, arg)) return false;
    return true;
}
