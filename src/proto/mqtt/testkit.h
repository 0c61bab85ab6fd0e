/* testkit.h - for the tests of this folder: packets written down as text, events read as text.
 *
 * Bytes:  "10 [<MQTT> 04 02 003c <d1>] c000": hex digits; 'text'; <text> with its length before it;
 *         [..] with the length of what it holds as "remaining length"; blanks for the eye.
 * Events: one per line, as test_events() prints them: "PUBLISH a/b qos=1 id=7 'hello'"; an error is
 *         its name and the first word of its text: "protocol [MQTT-2.3.1-1]".
 */
#ifndef PROTO_MQTT_TESTKIT_H
#define PROTO_MQTT_TESTKIT_H

#include "base/test.h"
#include "proto/mqtt/mqtt.h"

/* Appends what the notation says. */
void test_bytes(struct buf *out, const char *notation);

void test_event(struct buf *text, const struct mqtt_event *ev);

/* How a run is fed. */
struct test_feed {
    enum mqtt_role role;
    const char *opening; /* fed first, its events are not printed; NULL: nothing */
    struct slice input;
    size_t piece; /* bytes per feed; 0: all at once */
    size_t split; /* cut once at this position; 0: nowhere */
    bool keeps;   /* mqtt_keep() after every event */
};

/* The events and the final error of a new engine.  Every piece lies in a block of its own that is
 * freed as soon as it may be. */
void test_events(struct buf *text, const struct test_feed *feed);

/* CONNECT of "d1" and the CONNACK that accepts it. */
extern const char test_connect[], test_connack[];

#endif
