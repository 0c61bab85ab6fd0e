/* messages.c - a message to a device, as a page sends it: Azure has AMQP alone for that.
 *
 *   {"body":"text","properties":{"a":"b"},"messageId":"m","ack":"none|positive|negative|full"} */
#include <stdio.h>

#include "base/json.h"
#include "base/rand.h"
#include "base/text.h"
#include "front/console/parts.h"

enum { PROPERTIES_MAX = 100 }; /* what a page may give */

static void on_sent(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, c2d_wait);
    rest_call_resume(c);
    if (a->status == STATUS_OK) {
        struct buf json = {0};
        buf_put_str(&json, "{\"messageId\":");
        text_json_string(&json, buf_slice(&c->who));
        buf_put_u8(&json, '}');
        rest_answer_json(c, buf_slice(&json));
        buf_free(&json);
    } else {
        rest_answer_status(c, a->status, a->text);
    }
    rest_call_end(c);
}

static bool take_properties(const struct json *object, const struct json *ack,
                            struct c2d_property *out, size_t *count)
{
    *count = 0;
    if (object && object->type != JSON_OBJECT) return false;
    for (const struct json *j = object ? object->child : NULL; j; j = j->next) {
        if (*count == PROPERTIES_MAX - 1 || j->type != JSON_STRING) return false;
        out[(*count)++] = (struct c2d_property){j->key, j->text};
    }
    if (ack) out[(*count)++] = (struct c2d_property){SLICE_LIT("iothub-ack"), ack->text};
    return true;
}

/* `c->who`, which no one else needs here, keeps the message's id. */
static void name_message(struct call *c, struct slice given)
{
    char guid[RAND_GUID_LEN + 1];
    rand_guid(guid);
    buf_clear(&c->who);
    buf_put_slice(&c->who, given.len ? given : slice_str(guid));
}

static const char *send(struct call *c, const struct json *m)
{
    struct c2d_property properties[PROPERTIES_MAX];
    struct json *body = json_given(m, "body"), *ack = json_given(m, "ack");
    size_t count;
    if (body == NULL || body->type != JSON_STRING) return "body: expected text";
    if (ack && ack->type != JSON_STRING) return "ack: none, positive, negative or full";
    if (!take_properties(json_given(m, "properties"), ack, properties, &count))
        return "properties: expected an object of at most 99 texts";
    name_message(c, json_str(m, "messageId"));
    const struct c2d_draft draft = {.message_id = buf_slice(&c->who),
                                    .content_type = json_str(m, "contentType"),
                                    .content_encoding = json_str(m, "contentEncoding"),
                                    .properties = properties,
                                    .property_count = count,
                                    .body = body->text};
    c->c2d_wait.fn = on_sent;
    rest_call_wait(c, WAITING_C2D);
    c2d_send(c->service->doors.c2d, rest_route_param(c, "id"), &draft, &c->c2d_wait);
    return NULL;
}

void messages_send(struct call *c)
{
    struct arena a = {0};
    struct json *m = NULL;
    const char *fault = "expected a JSON object";
    if (!hub_id_valid(rest_route_param(c, "id")))
        fault = "a device id has 1 to 128 characters";
    else if (json_parse(&a, buf_slice(&c->body), &m) == OK && m->type == JSON_OBJECT)
        fault = send(c, m);
    if (fault) rest_answer_status(c, STATUS_ARGUMENT_INVALID, fault);
    arena_free(&a);
}
