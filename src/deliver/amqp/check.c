/* check.c - what an endpoint with a connection string may be.
 *
 *   Endpoint=sb://HOST[:PORT]/;SharedAccessKeyName=NAME;SharedAccessKey=KEY;EntityPath=ENTITY
 *
 * The key is shown as ****.  A document that comes back with it keeps the key it stands for, if nothing
 * else of the connection string is another. */
#include "deliver/amqp/check.h"

#include "auth/connstr.h"
#include "base/json.h"
#include "base/member.h"
#include "deliver/amqp/sender.h"
#include "deliver/check.h"

#define MEMBER "connectionString"

void amqp_mask(struct arena *a, struct json *endpoint)
{
    check_mask_part(a, endpoint, MEMBER, connstr_write_masked);
}

/* Parts in another order are the same ones. */
static struct slice unmasked(struct slice given, const struct json *before)
{
    struct slice kept = json_str(before, MEMBER);
    struct buf again = {0};
    if (!connstr_is_masked(given)) return given;
    connstr_write_masked(&again, given);
    bool same = check_is_masked(buf_slice(&again), kept, connstr_write_masked);
    buf_free(&again);
    return same ? kept : given;
}

static enum err check_lengths(const struct connstr *c)
{
    const struct {
        const char *name;
        struct slice value;
        size_t max;
    } parts[] = {{"the host of Endpoint", c->host, DIAL_HOST_MAX},
                 {"EntityPath", c->entity, AMQP_SENDER_ENTITY_MAX},
                 {"SharedAccessKeyName", c->policy, AMQP_SENDER_POLICY_MAX},
                 {"SharedAccessKey", c->key, AMQP_SENDER_KEY_MAX}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].value.len > parts[i].max)
            return fail(ERR_INVALID, MEMBER ": %s has more than %zu bytes", parts[i].name,
                        parts[i].max);
    return OK;
}

static enum err check_parts(const struct connstr *c)
{
    if (c->kind != CONNSTR_EVENT_HUBS)
        return fail(ERR_INVALID, MEMBER " has no Endpoint=sb://HOST/");
    if (c->signature.len)
        return fail(ERR_INVALID, MEMBER " has a SharedAccessSignature, which ends some time; "
                                        "SharedAccessKeyName and SharedAccessKey are wanted");
    if (c->key.len == 0) return fail(ERR_INVALID, MEMBER " has no SharedAccessKey");
    if (slice_is(c->key, CHECK_MASK))
        return fail(ERR_INVALID, MEMBER " is masked: it was another one before");
    if (c->entity.len == 0) return fail(ERR_INVALID, MEMBER " has no EntityPath");
    return check_lengths(c);
}

static enum err check_connection(struct arena *a, struct json *e, const struct json *before)
{
    struct connstr c;
    if (json_str(e, MEMBER).len == 0) return fail(ERR_INVALID, MEMBER " is missing");
    struct slice text = unmasked(json_str(e, MEMBER), before);
    enum err parsed = connstr_parse(text, &c);
    if (parsed != OK) return parsed;
    TRY(check_parts(&c));
    json_set(a, e, SLICE_LIT(MEMBER), json_new_string(a, text));
    return OK;
}

static const char *const members[] = {CHECK_MEMBERS_OF_ALL, MEMBER, "authenticationType", NULL};

static enum err check(struct arena *a, struct json *e, const struct json *before, const char *what)
{
    TRY(member_only(e, what, members));
    TRY(check_key_based(a, e));
    return check_connection(a, e, before);
}

enum err amqp_check_event_hub(const struct hub *hub, struct arena *a, struct json *endpoint,
                              const struct json *before)
{
    (void)hub;
    return check(a, endpoint, before, "an event hub with a " MEMBER);
}

enum err amqp_check_queue(const struct hub *hub, struct arena *a, struct json *endpoint,
                          const struct json *before)
{
    (void)hub;
    return check(a, endpoint, before, "a queue with a " MEMBER);
}

enum err amqp_check_topic(const struct hub *hub, struct arena *a, struct json *endpoint,
                          const struct json *before)
{
    (void)hub;
    return check(a, endpoint, before, "a topic with a " MEMBER);
}
