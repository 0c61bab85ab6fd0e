/* internal.h - what the files of proto/amqp share. */
#ifndef PROTO_AMQP_INTERNAL_H
#define PROTO_AMQP_INTERNAL_H

#include "base/mem.h"
#include "base/num.h"
#include "proto/amqp/amqp.h"

/* Life of a connection:
 *
 *   HEADER -> SASL -> VERDICT -> HEADER -> FRAMES -> DYING -> DEAD
 *      `------------------------------------^
 * SASL may be left out.  DYING gives back what still lives, event by event.  */
enum amqp_phase {
    PHASE_HEADER,  /* eight bytes are due */
    PHASE_SASL,    /* SASL frames are due */
    PHASE_VERDICT, /* server: the caller decides; input is held */
    PHASE_FRAMES,  /* AMQP frames are due */
    PHASE_DYING,
    PHASE_DEAD,
};

enum amqp_performative {
    P_OPEN = 0x10,
    P_BEGIN,
    P_ATTACH,
    P_FLOW,
    P_TRANSFER,
    P_DISPOSITION,
    P_DETACH,
    P_END,
    P_CLOSE,
    P_ERROR = 0x1d,
    P_SOURCE = 0x28,
    P_TARGET = 0x29,
    P_MECHANISMS = 0x40,
    P_INIT,
    P_CHALLENGE,
    P_RESPONSE,
    P_OUTCOME,
};

enum { FRAME_HEAD = 8, FRAME_AMQP = 0, FRAME_SASL = 1, HEADER_LEN = 8 };

/* ---- table.c */
void *amqp_table_get(const struct amqp_table *t, uint32_t id);
void amqp_table_put(struct amqp_table *t, uint32_t id, void *object); /* id is not in it */
void amqp_table_remove(struct amqp_table *t, uint32_t id);
void *amqp_table_from(const struct amqp_table *t, uint32_t id); /* first with that id or above */
uint32_t amqp_table_free_id(const struct amqp_table *t);        /* the lowest not in it */
void amqp_table_fini(struct amqp_table *t);
void amqp_recent_add(struct amqp_recent *r, uint16_t id);
bool amqp_recent_has(const struct amqp_recent *r, uint32_t id);

/* ---- fields.c: a performative taken apart */
enum { FIELDS_MAX = 14 };
struct fields {
    uint64_t code;
    struct amqp_value v[FIELDS_MAX]; /* right type or AMQP_NULL; integers are in `u` */
    struct slice payload;            /* what follows the performative */
};
enum err amqp_fields_read(struct slice body, struct fields *out) MUST_USE;
bool amqp_has(const struct amqp_value *v); /* not null */
uint32_t amqp_u32(const struct amqp_value *v, uint32_t otherwise);
struct amqp_terminus amqp_terminus_of(const struct amqp_value *v);
struct amqp_error amqp_error_read(const struct amqp_value *v);
enum amqp_outcome amqp_outcome_of(const struct amqp_value *state, struct amqp_error *error);

/* ---- write.c: frames */
struct amqp_open amqp_frame_begin(struct amqp *a, uint8_t type, uint16_t channel, uint8_t code);
void amqp_frame_end(struct amqp *a, struct amqp_open fields, uint32_t count);
void amqp_put_nulls(struct buf *b, unsigned count);
void amqp_put_raw(struct buf *b, struct slice encoded); /* or null */
void amqp_put_error(struct amqp *a, const struct amqp_error *error);

/* ---- connection.c */
void amqp_write_header(struct amqp *a, uint8_t protocol);
void amqp_die(struct amqp *a, enum err fate);

/* The peer broke a rule: close with that condition (or, before open, just die). */
void amqp_fail(struct amqp *a, enum err fate, const char *condition, const char *fmt, ...)
    PRINTF(4, 5);

/* ---- sasl.c */
void amqp_on_sasl(struct amqp *a, struct slice body, struct amqp_event *ev);
void amqp_send_mechanisms(struct amqp *a);

/* ---- session.c */
void amqp_on_begin(struct amqp *a, uint16_t channel, const struct fields *f, struct amqp_event *ev);
void amqp_on_end(struct amqp_session *s, const struct fields *f);
void amqp_on_session_flow(struct amqp_session *s, const struct fields *f);
void amqp_session_fail(struct amqp_session *s, const char *condition, const char *description);
bool amqp_session_live(const struct amqp_session *s); /* takes and gives frames */
void amqp_session_free(struct amqp_session *s);

/* A transfer frame came: false if the window did not allow it and the session is over. */
bool amqp_window_take(struct amqp_session *s);

/* Next DETACH or END of the session being given back. */
void amqp_dissolve(struct amqp *a, struct amqp_event *ev);

/* Next link of a session whose window opened again. */
void amqp_wake_next(struct amqp *a, struct amqp_event *ev);

/* ---- link.c */
void amqp_on_attach(struct amqp_session *s, const struct fields *f, struct amqp_event *ev);
void amqp_on_flow(struct amqp_session *s, const struct fields *f, struct amqp_event *ev);
void amqp_on_detach(struct amqp_session *s, const struct fields *f, struct amqp_event *ev);
void amqp_link_fail(struct amqp_link *l, const char *condition, const char *description,
                    struct amqp_event *ev);
/* What an answer repeats. */
struct amqp_kept {
    struct slice name, source, target; /* in `bytes`; the termini encoded */
    size_t size;
    uint8_t bytes[];
};
void amqp_link_remove(struct amqp_link *l); /* out of its session's tables; not freed */
void amqp_put_flow(struct amqp_session *s, const struct amqp_link *l, bool drain);

/* ---- receive.c */
struct amqp_partial {
    struct amqp_delivery delivery; /* tag and payload unset until it is whole */
    struct buf payload;
    uint8_t tag_len, tag[AMQP_TAG_MAX];
};
void amqp_on_transfer(struct amqp_session *s, const struct fields *f, struct amqp_event *ev);
void amqp_on_disposition(struct amqp_session *s, const struct fields *f, struct amqp_event *ev);
void amqp_partial_drop(struct amqp_link *l);

/* ---- send.c */
void amqp_pump(struct amqp_link *l); /* unsent frames, as far as the window goes */
void amqp_unsent_drop(struct amqp_link *l);

static inline void amqp_limit_met(const struct amqp *a, enum amqp_limit limit)
{
    if (a->cfg->limit_met) a->cfg->limit_met(limit);
}

static inline uint32_t or_default(uint32_t configured, uint32_t otherwise)
{
    return configured ? configured : otherwise;
}

#endif
