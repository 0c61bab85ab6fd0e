/* sasl.c - the security layer (specification 5.3): mechanisms, init, challenges and their responses,
 * outcome.  A client of ours knows no mechanism with challenges. */
#include "proto/amqp/internal.h"

void amqp_send_mechanisms(struct amqp *a)
{
    const char *const *names = a->cfg->mechanisms;
    size_t count = 0;
    while (names[count]) count++;
    struct amqp_open fields = amqp_frame_begin(a, FRAME_SASL, 0, P_MECHANISMS);
    amqp_put_symbol_array(a->out, names, count);
    amqp_frame_end(a, fields, 1);
}

void amqp_send_sasl_outcome(struct amqp *a, bool welcome)
{
    if (a->phase != PHASE_VERDICT) return; /* the peer has gone meanwhile */
    struct amqp_open fields = amqp_frame_begin(a, FRAME_SASL, 0, P_OUTCOME);
    amqp_put_ubyte(a->out, welcome ? 0 : 1);
    amqp_put_null(a->out);
    amqp_frame_end(a, fields, 2);
    a->sasl_done = true;
    a->phase = PHASE_HEADER;
    if (!welcome) amqp_die(a, ERR_DENIED);
}

void amqp_send_sasl_challenge(struct amqp *a, struct slice challenge)
{
    if (a->phase != PHASE_VERDICT) return; /* the peer has gone meanwhile */
    struct amqp_open fields = amqp_frame_begin(a, FRAME_SASL, 0, P_CHALLENGE);
    amqp_put_binary(a->out, challenge);
    amqp_frame_end(a, fields, 1);
    a->challenged = true;
    a->phase = PHASE_SASL;
}

void amqp_send_sasl_init(struct amqp *a, const char *mechanism, struct slice response)
{
    assert(a->cfg->role == AMQP_CLIENT);
    struct amqp_open fields = amqp_frame_begin(a, FRAME_SASL, 0, P_INIT);
    amqp_put_sym(a->out, mechanism);
    amqp_put_binary(a->out, response);
    if (a->cfg->hostname)
        amqp_put_str(a->out, a->cfg->hostname);
    else
        amqp_put_null(a->out);
    amqp_frame_end(a, fields, 3);
}

static void on_init(struct amqp *a, const struct fields *f, struct amqp_event *ev)
{
    a->phase = PHASE_VERDICT;
    ev->kind = AMQP_ON_SASL_INIT;
    ev->sasl.mechanism = amqp_text(&f->v[0]);
    ev->sasl.response = amqp_text(&f->v[1]);
    ev->sasl.hostname = amqp_text(&f->v[2]);
}

static void on_response(struct amqp *a, const struct fields *f, struct amqp_event *ev)
{
    a->phase = PHASE_VERDICT;
    ev->kind = AMQP_ON_SASL_RESPONSE;
    ev->sasl.response = amqp_text(&f->v[0]);
}

static void on_outcome(struct amqp *a, const struct fields *f, struct amqp_event *ev)
{
    ev->kind = AMQP_ON_SASL_OUTCOME;
    ev->outcome = (uint8_t)f->v[0].u;
    a->sasl_done = true;
    if (ev->outcome) {
        amqp_die(a, ERR_DENIED);
        return;
    }
    a->phase = PHASE_HEADER;
    const uint8_t amqp = 0;
    amqp_write_header(a, amqp);
}

void amqp_on_sasl(struct amqp *a, struct slice body, struct amqp_event *ev)
{
    struct fields f;
    bool server = a->cfg->role == AMQP_SERVER;
    bool whole = amqp_fields_read(body, &f) == OK;
    if (whole && server && f.code == P_INIT && !a->challenged) {
        on_init(a, &f, ev);
    } else if (whole && server && f.code == P_RESPONSE && a->challenged) {
        on_response(a, &f, ev);
    } else if (whole && !server && f.code == P_MECHANISMS) {
        ev->kind = AMQP_ON_SASL_MECHANISMS;
        ev->mechanisms = f.v[0];
    } else if (whole && !server && f.code == P_OUTCOME) {
        on_outcome(a, &f, ev);
    } else {
        amqp_die(a, ERR_PROTOCOL);
    }
}
