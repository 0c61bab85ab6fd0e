/* session.c - see session.h. */
#include "front/console/session.h"

#include <stdio.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/net.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/text.h"

LIMIT_REACHED(too_many_addresses, "sign-in-addresses")
LIMIT_REACHED(too_many_proofs, "sign-in-proofs")
LIMIT_REACHED(too_many_names, "sign-in-names")
GAUGE(sessions_now, "azimuth_console_sessions", "Sessions of the console");
COUNTER(begun, "azimuth_console_sign_ins_total", "Sign-ins to the console");
COUNTER(evicted, "azimuth_console_sessions_evicted_total",
        "Sessions that ended early because there were too many");
COUNTER(failed, "azimuth_console_sign_ins_failed_total", "Sign-ins to the console that failed");
COUNTER(throttled, "azimuth_console_sign_ins_throttled_total",
        "Sign-ins to the console that were refused after too many failures");

void session_secret_make(struct session_secret *s)
{
    uint8_t bytes[SESSION_SECRET_LEN / 2];
    struct buf text = BUF_SECRET;
    rand_bytes(bytes, sizeof bytes);
    text_hex(&text, slice_of(bytes, sizeof bytes));
    snprintf(s->text, sizeof s->text, "%.*s", SLICE_ARG(buf_slice(&text)));
    mem_wipe(bytes, sizeof bytes);
    buf_wipe(&text);
}

static bool is_secret(const struct session_secret *s, struct slice given)
{
    return s->text[0] && slice_eq_secret(slice_str(s->text), given);
}

/* ---- sessions */

bool console_session_is_free(const struct console_session *s)
{
    return s->id.text[0] == '\0';
}

bool console_session_is_akin(const struct console_session *a, const struct console_session *b)
{
    static const uint8_t nobody[SESSION_SUBJECT_LEN];
    if (a->user || b->user) return a->user == b->user;
    if (a->policy || b->policy)
        return a->policy && b->policy && strcmp(a->policy->name, b->policy->name) == 0;
    return memcmp(a->subject, nobody, sizeof nobody) != 0 &&
           memcmp(a->subject, b->subject, sizeof nobody) == 0;
}

static bool is_over(const struct session_table *t, const struct console_session *s, int64_t now_us)
{
    bool stands = t->stands == NULL || t->stands(t->stands_ctx, s);
    return !stands || now_us - s->used_us >= SESSION_IDLE_US || now_us >= s->until_us;
}

void console_session_end(struct session_table *t, struct console_session *s)
{
    assert(s >= t->items && s < t->items + SESSIONS_MAX && !console_session_is_free(s));
    mem_wipe(s, sizeof *s);
    metric_add(&sessions_now, -1);
}

void console_sessions_sweep(struct session_table *t, int64_t now_us)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (!console_session_is_free(&t->items[i]) && is_over(t, &t->items[i], now_us))
            console_session_end(t, &t->items[i]);
}

static struct console_session *make_room(struct session_table *t)
{
    struct console_session *oldest = &t->items[0];
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (console_session_is_free(&t->items[i])) return &t->items[i];
        if (t->items[i].used_us < oldest->used_us) oldest = &t->items[i];
    }
    metric_inc(&evicted);
    console_session_end(t, oldest);
    return oldest;
}

struct console_session *console_session_begin(struct session_table *t,
                                              const struct console_session *as, int64_t now_us)
{
    console_sessions_sweep(t, now_us);
    struct console_session *s = make_room(t);
    *s = *as;
    s->began_us = s->used_us = now_us;
    if (s->until_us == 0) s->until_us = now_us + SESSION_LIFE_US;
    session_secret_make(&s->id);
    session_secret_make(&s->csrf);
    s->number = ++t->last_number;
    metric_add(&sessions_now, 1);
    metric_inc(&begun);
    return s;
}

/* All are compared, whoever it is. */
struct console_session *console_session_find(struct session_table *t, struct slice id,
                                             int64_t now_us)
{
    struct console_session *found = NULL;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (is_secret(&t->items[i].id, id)) found = &t->items[i];
    if (found && is_over(t, found, now_us)) {
        console_session_end(t, found);
        found = NULL;
    }
    if (found) found->used_us = now_us;
    return found;
}

struct console_session *console_session_numbered(struct session_table *t, uint64_t number,
                                                 int64_t now_us)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct console_session *s = &t->items[i];
        if (!console_session_is_free(s) && s->number == number)
            return is_over(t, s, now_us) ? NULL : s;
    }
    return NULL;
}

void console_session_rebase(struct session_table *t, uint64_t number, uint64_t from, uint64_t to,
                            unsigned rights)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct console_session *s = &t->items[i];
        if (console_session_is_free(s) || s->number != number || s->user != from) continue;
        s->user = to;
        s->rights = rights;
    }
}

/* ---- links */

const struct session_secret *console_link_make(struct session_table *t, int64_t now_us)
{
    size_t at = 0;
    for (size_t i = 0; i < SESSION_LINKS_MAX; i++) {
        if (t->links[i].secret.text[0] == '\0') {
            at = i;
            break;
        }
        if (t->links[i].made_us < t->links[at].made_us) at = i;
    }
    session_secret_make(&t->links[at].secret);
    t->links[at].made_us = now_us;
    return &t->links[at].secret;
}

bool console_link_take(struct session_table *t, struct slice secret, int64_t now_us)
{
    bool good = false;
    for (size_t i = 0; i < SESSION_LINKS_MAX; i++) {
        if (!is_secret(&t->links[i].secret, secret)) continue;
        good = now_us - t->links[i].made_us < SESSION_LINK_US;
        mem_wipe(&t->links[i].secret, sizeof t->links[i].secret);
    }
    return good;
}

/* ---- failures */

struct network {
    uint8_t bytes[NET_NETWORK_LEN];
};

static struct network network_of(const char *peer)
{
    struct network n = {0};
    net_network(slice_str(peer), n.bytes);
    return n;
}

static struct slice bytes_of(const struct network *n)
{
    return slice_of(n->bytes, sizeof n->bytes);
}

static unsigned failures_of(const struct strikes *s, struct slice key, int64_t now_us)
{
    const struct strike *one = strikes_find(s, key);
    return one ? strikes_count(s, one, now_us) : 0;
}

bool console_may_try(struct session_table *t, const char *peer, struct slice user, int64_t now_us)
{
    const struct network from = network_of(peer);
    bool may = failures_of(&t->addresses, bytes_of(&from), now_us) < SESSION_FAILURES_MAX;
    if (user.len && failures_of(&t->names, user, now_us) >= SESSION_NAME_FAILURES_MAX)
        may = may && strike_is_proved(strikes_find(&t->proofs, bytes_of(&from)), SESSION_PROVED_US,
                                      now_us);
    if (!may) metric_inc(&throttled);
    return may;
}

void console_failed(struct session_table *t, const char *peer, struct slice user, int64_t now_us)
{
    const struct network from = network_of(peer);
    metric_inc(&failed);
    strikes_add(&t->addresses, bytes_of(&from), now_us);
    if (user.len) strikes_add(&t->names, user, now_us);
}

void console_proved(struct session_table *t, const char *peer, int64_t now_us)
{
    const struct network from = network_of(peer);
    strikes_note(&t->proofs, bytes_of(&from))->proved_us = now_us;
}

/* ---- life */

void console_sessions_init(struct session_table *t)
{
    *t = (struct session_table){0};
    strikes_init(&t->addresses, SESSION_ADDRESSES_MAX, SESSION_FAILURES_US, &too_many_addresses);
    strikes_init(&t->proofs, SESSION_PROOFS_MAX, 0, &too_many_proofs);
    strikes_init(&t->names, SESSION_NAMES_MAX, SESSION_FAILURES_US, &too_many_names);
}

void console_sessions_fini(struct session_table *t)
{
    strikes_fini(&t->addresses);
    strikes_fini(&t->proofs);
    strikes_fini(&t->names);
    mem_wipe(t, sizeof *t);
}
