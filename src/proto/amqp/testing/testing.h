/* testing.h - AMQP frames as text, both ways, so that tests of the engine and of the fronts above it
 * read like a conversation.  For tests only; malformed text is a failed assertion.
 *
 *     AMQP0                               a protocol header (AMQP3: SASL's)
 *     0 open["me" null 4096]              channel, performative, its fields; trailing ones may be left
 *     0 transfer[0 0 b"t" 0 true] @117 b"x"      out; values behind the fields are payload
 *     0 empty                             a heartbeat
 *     sasl init['PLAIN' b"\0u\0p"]        a SASL frame
 *
 *     value   null true false "string" 'symbol' b"binary" u"32 hex digits" [list] {map} @code value
 *             <'array' 'of' 'symbols'>    \0 and \xHH in quotes
 *     number  7 uint, 7l ulong, 7h ushort, 7b ubyte, -7i int, -7L long, 7t timestamp
 */
#ifndef PROTO_AMQP_TESTING_TESTING_H
#define PROTO_AMQP_TESTING_TESTING_H

#include "proto/amqp/amqp.h"

/* Appends the bytes of a conversation, one frame or header per line. */
void wire_put(struct buf *out, const char *text);

/* One value in the same notation. */
void wire_put_value(struct buf *out, const char *text);

/* The lines of these bytes; what is not a whole frame is written as "garbage" and its length. */
void wire_text(struct buf *out, struct slice bytes);
void wire_value_text(struct buf *out, const struct amqp_value *v);

/* One line: what an event says. */
void wire_event_text(struct buf *out, const struct amqp_event *ev);

/* ---- an engine with a plain caller around it: it welcomes SASL unless the response is "no", opens,
 * answers every attach (limit 1000 bytes, 10 credits), and notes every event. */
struct wire_rig {
    struct amqp a;
    struct amqp_config cfg; /* as given, with a count of limits */
    struct buf out, events;
    struct amqp_session *session; /* of the last event that had one */
    struct amqp_link *link;       /* of the last attach */
    enum err last;                /* what amqp_next() said in the end */
    int64_t now_us;
    bool silent; /* answers nothing */
};

/* How often which limit was met since the last wire_rig_init(). */
extern unsigned wire_rig_met[AMQP_LIMITS];

void wire_rig_init(struct wire_rig *r, const struct amqp_config *cfg);
void wire_rig_fini(struct wire_rig *r);

/* Feeds bytes (or the lines of a conversation) from a heap block of exactly that size and pulls all
 * events. */
void wire_rig_bytes(struct wire_rig *r, struct slice bytes);
void wire_rig_feed(struct wire_rig *r, const char *text);
void wire_rig_pull(struct wire_rig *r);

/* What has been noted and sent since the last time, as lines; borrowed until the next call. */
const char *wire_rig_events(struct wire_rig *r);
const char *wire_rig_output(struct wire_rig *r);

/* The same, compared; the difference is printed. */
void wire_rig_expect(struct wire_rig *r, const char *events, const char *output);

#endif
