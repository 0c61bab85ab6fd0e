/* message.h - a record as who gets it sees it: with its endpoint's enrichments, every part by its name.
 * Private to deliver. */
#ifndef DELIVER_MESSAGE_H
#define DELIVER_MESSAGE_H

#include "base/amqp.h"
#include "hub/hub.h"
#include "log/record.h"

/* Borrows the record's bytes, and its own. */
struct message {
    const struct record *record;
    struct buf bytes; /* the sections */
    struct amqp_message sections;
    struct buf passed; /* the property ROUTING_PASSED as this endpoint tells it; empty: as it is */
};

/* ERR_PROTOCOL: the stored sections are none.  message_free() in any case; `out` may be used again
 * without. */
enum err message_read(const struct record *r, unsigned endpoint_bit, struct message *out) MUST_USE;
void message_free(struct message *m);

/* The endpoint's target may send the message back: it is told which endpoints the message has passed. */
void message_mark(struct message *m, const struct hub *hub, const char *endpoint);

/* SLICE_NONE: there is none, or it is no text. */
struct slice message_pair(const struct message *m, const char *name);
struct slice message_property(const struct message *m, const char *name);
struct slice message_body(const struct message *m);

/* The body is JSON in UTF-8, and says so: it can stand in JSON as it is. */
bool message_is_json(const struct message *m);

/* ... as it does, or else as text in base64. */
void message_put_json_body(const struct message *m, struct buf *out);

/* Each application property, or each annotation that the record was stored with, as text: what is none in
 * UTF-8 is told in base64, what has no text is left out. */
typedef void (*message_text_fn)(void *ctx, struct slice name, struct slice text);
void message_each_property(const struct message *m, message_text_fn fn, void *ctx);
void message_each_pair(const struct message *m, message_text_fn fn, void *ctx);

/* Likewise a field of the properties section, under that name. */
void message_each_field(const struct message *m, enum amqp_property field, const char *name,
                        message_text_fn fn, void *ctx);

/* A message_text_fn that appends a member `"name":"text"`, with a comma before it unless it is the first; `ctx`
 * is a struct message_members. */
struct message_members {
    struct buf *out;
    bool any;
};
void message_put_member(void *ctx, struct slice name, struct slice text);

/* Members `"name":"text"` with commas between them, the first behind one if `any`; whether there are any
 * then.  All application properties; all annotations and properties of the message, by the names that Event
 * Grid and storage have for them. */
bool message_put_properties(const struct message *m, struct buf *out, bool any);
bool message_put_system(const struct message *m, struct buf *out, bool any);

/* The i-th of the message's properties by its name there, or NULL; AMQP_NULL: it is not set. */
const char *message_system_field(const struct message *m, unsigned i, const struct amqp_value **v);

/* A value as text, or as its bytes.  False: it is none that has a text. */
bool message_put_value(struct buf *out, const struct amqp_value *v);

#endif
