/* amqp_client_test.h - an AMQP client that speaks in lines (proto/amqp/testing) to the hub of a test. */
#ifndef SERVER_AMQP_CLIENT_TEST_H
#define SERVER_AMQP_CLIENT_TEST_H

#include "server/amqp_line_test.h"
#include "server/fixture_test.h"

static inline struct rig_conn *connect(void)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_AMQP);
    say(c, "AMQP0\n0 open[\"client\" \"hub.test\"]\n0 begin[null 1 1000 1000]\n"
           "0 attach[\"cbs-in\" 8 false 0b 0b @40 [\"me\"] @41 [\"$cbs\"]]\n"
           "0 attach[\"cbs-out\" 9 true 0b 0b @40 [\"$cbs\"] @41 [\"me\"]]\n"
           "0 flow[1 1000 1 1000 9 0 100]");
    heard(c);
    return c;
}

static inline void put_token(struct rig_conn *c, struct slice token)
{
    say(c,
        "0 transfer[8 0 b\"t\" 0 true] @115 [\"id\"] @116 {\"operation\" \"put-token\"} "
        "@119 \"%.*s\"",
        SLICE_ARG(token));
    assert_true(hears(c, "\"status-code\" 200i"));
}

/* A token of a device's own key; they are good for five minutes more than they say (SAS_GRACE_US). */
static inline void device_token(const char *id, const char *key, int64_t lifetime_s,
                                struct buf *out)
{
    char resource[256];
    snprintf(resource, sizeof resource, "hub.test/devices/%s", id);
    sas_make(out, slice_str(resource), slice_str(key), NULL, rig.wall_us / 1000000 + lifetime_s);
}

static inline void put_device_token(struct rig_conn *c, const char *id, const char *key,
                                    int64_t lifetime_s)
{
    struct buf token = {0};
    device_token(id, key, lifetime_s, &token);
    put_token(c, buf_slice(&token));
    buf_free(&token);
}

static inline void attach_events(struct rig_conn *c, unsigned handle, const char *id)
{
    say(c,
        "0 attach[\"events-%s\" %u false 2b 0b @40 [\"me\"] @41 [\"/devices/%s/messages/events\"]]",
        id, handle, id);
}

/* Its key is 16 bytes of text, so that tests can sign with it. */
#define KEY "0123456789abcdef"
#define KEYS                                                                                       \
    "\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"MDEyMzQ1Njc4OWFiY2RlZg==\","           \
    "\"secondaryKey\":\"MDEyMzQ1Njc4OWFiY2RlZg==\"}}"

static inline int set_up_keyed(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_put_device(&rig, "d1", "{" KEYS "}", NULL);
    return 0;
}

static inline void open_device(struct rig_conn *c, unsigned handle, const char *id)
{
    put_device_token(c, id, KEY, 3600);
    attach_events(c, handle, id);
    assert_true(hears(c, "flow["));
}

#endif
