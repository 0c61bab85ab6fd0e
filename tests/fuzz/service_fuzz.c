/* service_fuzz.c - documents that services send, each refused with a text or kept so that it can be read again.  The
 * first byte says what the rest is:
 *
 *   c  a configuration's id, a line's end, the configuration
 *   j  a job                    d  a description of Capture
 *   t  {"twin", "patch"}: a digital twin and its JSON Patch   m  a message to a device, "name: value" in lines,
 *                                                                an empty line, the body
 *   g  a lock token             k  a template of a partition key of Cosmos DB
 */
#include "base/text.h"
#include "capture/description.h"
#include "deliver/cosmos/document.h"
#include "fuzz.h"
#include "hub/c2d/draft.h"
#include "hub/configuration/item.h"
#include "hub/digital_twin/document.h"
#include "hub/job/row.h"

static const int64_t now_us = INT64_C(1763900000000000);
static struct arena arena;

static struct json *parse(const struct buf *text)
{
    struct json *j;
    enum err e = json_parse(&arena, buf_slice(text), &j);
    assert(e == OK || e == ERR_TOO_BIG);
    return e == OK ? j : NULL;
}

/* ---- configurations */

static void check_shown(const struct item *it)
{
    struct buf out = {0};
    conf_item_write(&out, it, &(struct item_counts){1, 2});
    struct json *shown = parse(&out);
    assert(shown && slice_eq(json_str(shown, "id"), it->id));
    buf_free(&out);
}

static void check_kept(const struct item *it)
{
    struct item *again;
    const struct store_value row[] = {{.type = STORE_TEXT, .bytes = it->id},
                                      {.type = STORE_TEXT, .bytes = it->body},
                                      {.type = STORE_INT, .number = it->etag},
                                      {.type = STORE_INT, .number = it->created_us},
                                      {.type = STORE_INT, .number = it->updated_us}};
    enum err e = conf_item_load(row, &again);
    assert(e == OK && again->kind == it->kind && again->priority == it->priority);
    assert(again->metric_count == it->metric_count && slice_eq(again->target, it->target));
    conf_item_free(again);
}

static void check_configuration(struct slice text)
{
    struct item *it, *after = NULL, *content;
    struct slice id;
    slice_split(&text, '\n', &id);
    enum status s = conf_item_read(id, text, NULL, now_us, &it);
    assert(s == STATUS_OK || fail_text()[0]);
    if (s == STATUS_OK) {
        check_shown(it);
        check_kept(it);
        s = conf_item_read(id, text, it, now_us + 1, &after);
        assert(s == STATUS_OK && after->etag == 2 && after->kind == it->kind);
    }
    conf_item_free(after);
    conf_item_free(it);
    s = conf_item_read_content(text, &content);
    assert(s == STATUS_OK || fail_text()[0]);
    conf_item_free(content);
}

/* ---- jobs */

static void check_job(struct slice text)
{
    struct job_row row;
    struct buf out = {0};
    enum err e = job_request_read(&arena, SLICE_LIT("j1"), text, now_us, &row);
    assert(e == OK || fail_text()[0]);
    if (e == OK) {
        assert(row.start_us >= now_us && row.max_s >= 0 && row.work.len);
        assert((row.status == JOB_SCHEDULED) == (row.start_us > now_us));
        job_row_write(&out, &row);
        struct json *shown = parse(&out);
        assert(shown == NULL || slice_is(json_str(shown, "jobId"), "j1"));
    }
    buf_free(&out);
}

/* ---- Capture */

static void check_name(const struct description *d)
{
    const struct description_place place = {"space", "hub", 31};
    char name[CAPTURE_NAME_MAX + 1];
    enum err e = description_check(d, &place);
    assert(e == OK || fail_text()[0]);
    e = description_name(d, &place, now_us, name);
    assert(e == OK && archive_is_path(slice_str(name)));
}

static void check_description(struct slice text)
{
    static struct description d, again;
    struct buf out = {0}, twice = {0};
    if (description_parse(text, NULL, &d) != OK) {
        assert(fail_text()[0]);
        return;
    }
    check_name(&d);
    description_write(&out, &d, true);
    enum err e = description_parse(buf_slice(&out), NULL, &again);
    assert(e == OK);
    description_write(&twice, &again, true);
    assert(slice_eq(buf_slice(&out), buf_slice(&twice)));
    buf_clear(&out);
    description_write(&out, &d, false); /* as it is shown and put back */
    e = description_parse(buf_slice(&out), &d, &again);
    assert(e == OK && strcmp(again.archive.target.secret, d.archive.target.secret) == 0);
    buf_free(&out);
    buf_free(&twice);
}

/* ---- digital twins */

static bool is_free_of_hub(const struct json *value)
{
    for (const struct json *j = value->child; j; j = j->next)
        if ((value->type == JSON_OBJECT && slice_starts(j->key, SLICE_LIT("$"))) ||
            !is_free_of_hub(j))
            return false;
    return true;
}

static void put(struct buf *out, const struct json *j)
{
    buf_clear(out);
    json_write(out, j);
}

static void check_patch(const struct json *twin, const struct json *patch)
{
    struct document_refusal why = {0};
    struct json *merge = NULL;
    struct buf out = {0};
    enum err e = document_patch(&arena, twin, patch, &merge, &why);
    assert(e == OK || (e == ERR_INVALID && why.error && why.text[0]));
    if (e == OK && merge) {
        assert(merge->type == JSON_OBJECT && merge->child && is_free_of_hub(merge));
        put(&out, merge);
        struct json *again = parse(&out);
        assert(again == NULL || document_same(again, merge));
    }
    buf_free(&out);
}

/* `other`: what the twin is taken to have been. */
static void check_change(const struct json *twin, const struct json *other)
{
    struct buf one = {0}, two = {0}, out = {0};
    put(&one, twin);
    put(&two, other);
    bool changed = digital_twin_put_change(&out, buf_slice(&one), buf_slice(&one));
    assert(!changed && buf_size(&out) == 0);
    if (digital_twin_put_change(&out, buf_slice(&two), buf_slice(&one))) {
        struct json *ops = parse(&out);
        assert(ops == NULL || (ops->type == JSON_ARRAY && ops->child));
    }
    buf_free(&one);
    buf_free(&two);
    buf_free(&out);
}

static void check_digital_twin(struct slice text)
{
    struct json *doc;
    if (json_parse(&arena, text, &doc) != OK) return;
    const struct json *twin = json_get(doc, "twin"), *patch = json_get(doc, "patch");
    if (twin == NULL || patch == NULL) return;
    check_patch(twin, patch);
    check_change(twin, json_get(doc, "before") ? json_get(doc, "before") : patch);
}

/* ---- messages to devices */

static struct slice *field_of(struct c2d_draft *d, struct slice name)
{
    const struct {
        const char *name;
        struct slice *field;
    } all[] = {{"message-id", &d->message_id},
               {"correlation-id", &d->correlation_id},
               {"user-id", &d->user_id},
               {"content-type", &d->content_type},
               {"content-encoding", &d->content_encoding}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (slice_is(name, all[i].name)) return all[i].field;
    return NULL;
}

static void check_view(const struct msg *m, const struct c2d_draft *d)
{
    const struct c2d_send_msg *head = (const void *)m->body;
    struct slice bytes = slice_from(msg_body(m), offsetof(struct c2d_send_msg, bytes));
    struct c2d_view v;
    struct slice name, value;
    size_t count = 0;
    c2d_view(slice_from(bytes, head->who_len + head->id_len), &v);
    assert(slice_eq(v.body, d->body) && slice_eq(v.message_id, d->message_id));
    assert(slice_eq(v.content_type, d->content_type) && v.expiry_ms == d->expiry_ms);
    for (; c2d_next_property(&v, &name, &value); count++)
        assert(slice_eq(name, d->properties[count].name) &&
               slice_eq(value, d->properties[count].value));
    assert(count == d->property_count);
}

static void check_message(struct slice text)
{
    static struct c2d_property properties[C2D_PROPERTIES_MAX + 1];
    struct c2d_draft d = {.properties = properties};
    struct slice line, name;
    struct msg *m;
    while (slice_split(&text, '\n', &line) && line.len) {
        slice_split(&line, ':', &name);
        line = slice_trim(line);
        struct slice *field = field_of(&d, name);
        if (field)
            *field = line;
        else if (slice_is(name, "expiry"))
            d.expiry_ms = now_us / 1000 + (int64_t)line.len * 10000000;
        else if (d.property_count <= C2D_PROPERTIES_MAX)
            properties[d.property_count++] = (struct c2d_property){name, line};
    }
    d.body = text;
    enum status s = draft_message(SLICE_LIT("d1"), &d, now_us, &m);
    assert(s == STATUS_OK || fail_text()[0]);
    if (s != STATUS_OK) return;
    check_view(m, &d);
    msg_free(m);
}

/* ---- tokens and templates */

static void check_token(struct slice text)
{
    uint8_t token[C2D_TOKEN_LEN], again[C2D_TOKEN_LEN];
    char shown[C2D_TOKEN_TEXT_LEN + 1];
    if (c2d_token_read(text, token) != OK) return;
    c2d_token_text(token, shown);
    enum err e = c2d_token_read(slice_str(shown), again);
    assert(e == OK && memcmp(token, again, sizeof token) == 0);
    assert(slice_eq_nocase(text, slice_str(shown)));
}

static void check_template(struct slice text)
{
    static const struct hub hub = {.name = "hub"};
    const struct record record = {.enqueued_us = now_us};
    const struct message m = {.record = &record};
    struct buf key = {0}, out = {0};
    enum err e = cosmos_template_check(text);
    assert(e == OK || fail_text()[0]);
    if (e == OK) {
        cosmos_put_key(&hub, text, &m, &key);
        assert(slice_find(buf_slice(&key), '{') == buf_size(&key));
        cosmos_put_document(&hub, &m, SLICE_LIT("key"), buf_slice(&key), &out);
        assert(parse(&out));
    }
    buf_free(&key);
    buf_free(&out);
}

void fuzz_one(struct slice input)
{
    struct slice rest = slice_from(input, 1);
    (void)!fail(ERR_INVALID, "%s", "");
    switch (input.len ? input.ptr[0] : 0) {
    case 'c': check_configuration(rest); break;
    case 'j': check_job(rest); break;
    case 'd': check_description(rest); break;
    case 't': check_digital_twin(rest); break;
    case 'm': check_message(rest); break;
    case 'g': check_token(rest); break;
    case 'k': check_template(rest); break;
    default: break;
    }
    arena_free(&arena);
}
