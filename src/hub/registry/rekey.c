/* rekey.c - new keys for many identities in one call: each entry goes to its home as a write of its own.
 *
 *   {"policyKey":"primaryKey","devices":[{"id":"d"},{"id":"d","moduleId":"m"}]}
 *   {"policyKey":"primaryKey","rotatedKeys":[{"id":"d","moduleId":null,"primaryKey":"..","secondaryKey":".."}],
 *    "errors":[{"id":"d","moduleId":"m","errorCode":"ModuleNotFound","errorStatus":".."}]}
 *
 * As in bulk.c entries are independent of each other, and an id that is named twice is refused in every place.
 * Source: BulkRegenerateDeviceKey and BulkRegenerateKeyResult of the service API 2024-03-31, as the Azure CLI's
 *         client has them.
 */
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "hub/registry/message.h"

struct rekey_op;

struct rekey_entry {
    struct rekey_op *call;
    struct registry_wait wait;
    struct slice id;        /* as given; ptr NULL: none */
    struct slice module_id; /* empty: none */
    struct slice who;       /* of both */
    enum status status;
    struct slice text; /* why not, or the object of the result */
};

struct rekey_op {
    struct op op;
    struct registry *registry;
    struct addr waiter;
    struct arena arena; /* every text */
    const char *which;  /* the policyKey */
    unsigned count, left;
    struct rekey_entry entries[REGISTRY_BULK_MAX];
};

static void drop_rekey(struct op *op)
{
    struct rekey_op *o = CONTAINER_OF(op, struct rekey_op, op);
    arena_wipe(&o->arena);
    free(o);
}

static void end(struct rekey_op *o, const struct registry_answer *a)
{
    answer_wait(o->registry, o->waiter, a);
    op_end(&o->op);
    drop_rekey(&o->op);
}

/* ---- the result */

static void write_error(struct buf *out, const struct rekey_entry *e)
{
    buf_put_str(out, "{\"id\":");
    text_json_string(out, e->id);
    buf_put_str(out, ",\"moduleId\":");
    if (e->module_id.len)
        text_json_string(out, e->module_id);
    else
        buf_put_str(out, "null");
    buf_printf(out, ",\"errorCode\":\"%s\",\"errorStatus\":", status_name(e->status));
    text_json_untrusted(out, e->text);
    buf_put_u8(out, '}');
}

static unsigned write_each(struct buf *out, const struct rekey_op *o, bool errors)
{
    unsigned count = 0;
    for (unsigned i = 0; i < o->count; i++) {
        const struct rekey_entry *e = &o->entries[i];
        if ((e->status != STATUS_OK) != errors) continue;
        if (count++) buf_put_u8(out, ',');
        if (errors)
            write_error(out, e);
        else
            buf_put_slice(out, e->text);
    }
    return count;
}

static void answer_rekey(struct rekey_op *o)
{
    struct buf json = BUF_SECRET;
    buf_printf(&json, "{\"policyKey\":\"%s\",\"rotatedKeys\":[", o->which);
    unsigned rotated = write_each(&json, o, false);
    buf_put_str(&json, "],\"errors\":[");
    unsigned failures = write_each(&json, o, true);
    buf_put_str(&json, "]}");
    bool none = failures && rotated == 0;
    end(o,
        &(struct registry_answer){.status = none ? STATUS_BULK_REGENERATE_KEY_FAILURE : STATUS_OK,
                                  .partly = failures && rotated,
                                  .body = buf_slice(&json)});
    buf_wipe(&json);
}

/* ---- entries */

static void on_entry_done(struct registry_wait *w, const struct registry_answer *a)
{
    struct rekey_entry *e = CONTAINER_OF(w, struct rekey_entry, wait);
    struct rekey_op *o = e->call;
    e->status = a->status;
    e->text = arena_copy(&o->arena, a->status == STATUS_OK ? a->body : a->text);
    if (--o->left == 0) answer_rekey(o);
}

static bool is_named_twice(const struct rekey_entry *e)
{
    const struct rekey_op *o = e->call;
    for (unsigned i = 0; i < o->count; i++)
        if (&o->entries[i] != e && slice_eq(o->entries[i].who, e->who)) return true;
    return false;
}

static void refuse(struct rekey_entry *e, enum status status, const char *text)
{
    e->status = status;
    e->text = slice_str(text);
}

/* What can be said without the identity's home; STATUS_OK: nothing. */
static void check_entry(struct rekey_entry *e)
{
    if (e->id.ptr == NULL)
        refuse(e, STATUS_ARGUMENT_INVALID, "an entry needs an id");
    else if (!hub_id_valid(e->id) || (e->module_id.len && !hub_id_valid(e->module_id)))
        refuse(e, STATUS_ARGUMENT_INVALID,
               "an id has a character that ids cannot have, or too many");
    else if (is_named_twice(e))
        refuse(e, STATUS_DEVICE_DEFINED_MULTIPLE_TIMES, "the id is in more than one entry");
}

static void send_entry(struct rekey_entry *e)
{
    const struct write w = {.mode = WRITE_MAY_UPDATE | WRITE_REKEY | WRITE_BULK,
                            .who = e->who,
                            .json = slice_str(e->call->which)};
    e->wait.fn = on_entry_done;
    send_home(e->call->registry, e->who, write_msg_new(&w), &e->wait);
}

static void take_entry(struct rekey_op *o, const struct json *j)
{
    struct buf who = {0};
    struct rekey_entry *e = &o->entries[o->count++];
    *e = (struct rekey_entry){
        .call = o, .id = json_str(j, "id"), .module_id = json_str(j, "moduleId")};
    hub_put_who(&who, e->id, e->module_id);
    e->who = arena_copy(&o->arena, buf_slice(&who));
    buf_free(&who);
}

static void begin(struct rekey_op *o)
{
    for (unsigned i = 0; i < o->count; i++) {
        check_entry(&o->entries[i]);
        if (o->entries[i].status != STATUS_OK) continue;
        o->left++;
        send_entry(&o->entries[i]);
    }
    if (o->left == 0) answer_rekey(o);
}

/* ---- the call */

static const char *const key_names[] = {"primaryKey", "secondaryKey", "both"};

unsigned rekey_keys(struct slice which)
{
    for (unsigned i = 0; i < sizeof key_names / sizeof *key_names; i++)
        if (slice_is_nocase(which, key_names[i]))
            return i + 1; /* bit 0: the first key, bit 1: the second */
    return 0;
}

static enum status read_call(struct rekey_op *o, struct slice text, const char **why)
{
    struct json *doc;
    *why = "the body is not JSON";
    if (json_parse(&o->arena, text, &doc) != OK) return STATUS_DESERIALIZATION_ERROR;
    unsigned keys = rekey_keys(json_str(doc, "policyKey"));
    *why = "policyKey is primaryKey, secondaryKey or both";
    if (keys == 0) return STATUS_INVALID_POLICY_KEY;
    o->which = key_names[keys - 1];
    const struct json *devices = json_given(doc, "devices");
    *why = "devices is an array of ids";
    if (devices == NULL || devices->type != JSON_ARRAY) return STATUS_ARGUMENT_INVALID;
    *why = "keys of at most 100 identities are made anew at a time";
    for (const struct json *j = devices->child; j; j = j->next) {
        if (o->count == REGISTRY_BULK_MAX) return STATUS_ARGUMENT_INVALID;
        take_entry(o, j);
    }
    return STATUS_OK;
}

void registry_rekey(struct registry *r, struct slice json, struct registry_wait *w)
{
    struct rekey_op *o = NEW(struct rekey_op);
    const char *why;
    wait_begin(r, w);
    o->registry = r;
    o->waiter = w->slot;
    op_begin(r, &o->op, drop_rekey);
    enum status status = read_call(o, json, &why);
    if (status == STATUS_OK)
        begin(o);
    else
        end(o, &(struct registry_answer){.status = status, .text = slice_str(why)});
}
