/* records.c - data, alerts and KeyUpdate of an open TLS 1.3 connection. */
#include "proto/tls/records.h"

#include <openssl/ssl.h>

#include "base/mem.h"
#include "base/num.h"
#include "proto/tls/cause.h"

enum { ALERT_CLOSE_NOTIFY = 0, ALERT_USER_CANCELED = 90, ALERT_FATAL = 2, ALERT_WARNING = 1 };
enum { KEY_UPDATE = 24, KEY_UPDATE_LEN = 5 };
enum {
    CIPHERTEXT_MAX = TLS_RECORD_MAX + 256, /* section 5.2 */
    CIPHERTEXT_MIN = TRAFFIC_TAG + 1,
};

/* What was decrypted on this thread last; see the door for how long it is valid. */
static _Thread_local uint8_t plain[CIPHERTEXT_MAX];

void records_free(struct records *r)
{
    if (r == NULL) return;
    traffic_fini(&r->read);
    traffic_fini(&r->write);
    buf_free(&r->tail);
    free(r->sni);
    free(r);
}

/* ---- sending */

static enum err send_alert(struct tls *t, uint8_t level, uint8_t number)
{
    uint8_t alert[] = {level, number};
    t->can_send = false;
    return traffic_seal(&t->records->write, CONTENT_ALERT, slice_of(alert, sizeof alert), t->out);
}

/* Section 4.6.3: the last record under the old key says so. */
static enum err update_write_key(struct records *r, struct buf *out)
{
    static const uint8_t message[KEY_UPDATE_LEN] = {KEY_UPDATE, 0, 0, 1, 0};
    TRY(traffic_seal(&r->write, CONTENT_HANDSHAKE, slice_of(message, sizeof message), out));
    r->write_left = TLS_KEY_RECORDS_MAX;
    return traffic_update(&r->write);
}

static enum err send_data(struct records *r, struct slice bytes, struct buf *out)
{
    if (r->write_left == 0) TRY(update_write_key(r, out));
    r->write_left--;
    return traffic_seal(&r->write, CONTENT_DATA, bytes, out);
}

enum err records_send(struct tls *t, struct slice bytes)
{
    struct records *r = t->records;
    enum err e = OK;
    while (e == OK && bytes.len) {
        struct slice fragment = slice_head(bytes, r->fragment_max);
        e = send_data(r, fragment, t->out);
        bytes = slice_from(bytes, fragment.len);
    }
    if (e != OK) t->can_send = false;
    return e;
}

void records_close(struct tls *t)
{
    if (send_alert(t, ALERT_WARNING, ALERT_CLOSE_NOTIFY) != OK) tls_stop_reading(t);
}

/* ---- receiving */

/* We end it: the reason is fail_text(). */
static bool give_up(struct tls *t, struct tls_event *ev, enum tls_cause cause, uint8_t alert)
{
    *ev = (struct tls_event){.kind = TLS_FAILED, .cause = cause};
    if (t->can_send && send_alert(t, ALERT_FATAL, alert) != OK) t->can_send = false;
    tls_stop_reading(t);
    return true;
}

static bool broken(struct tls *t, struct tls_event *ev, uint8_t alert, const char *what)
{
    fail(ERR_PROTOCOL, "TLS: %s", what);
    return give_up(t, ev, TLS_CAUSE_PROTOCOL, alert);
}

/* Length of the record that begins here, head included; 0: what there is of its head is not enough. */
static size_t record_len(struct slice bytes)
{
    if (bytes.len < TRAFFIC_HEAD) return 0;
    assert(bytes.ptr != NULL);
    return TRAFFIC_HEAD + ((size_t)bytes.ptr[3] << 8 | bytes.ptr[4]);
}

static bool is_possible(struct slice bytes)
{
    size_t len = record_len(bytes);
    assert(bytes.ptr != NULL || bytes.len == 0);
    if (bytes.len && bytes.ptr[0] != CONTENT_DATA) return false;
    return len == 0 ||
           (len >= TRAFFIC_HEAD + CIPHERTEXT_MIN && len <= TRAFFIC_HEAD + CIPHERTEXT_MAX);
}

/* From the input to the tail, until it has `whole` bytes. */
static void top_up(struct tls *t, size_t whole)
{
    struct buf *tail = &t->records->tail;
    struct slice more = slice_head(t->in, whole - MIN(whole, buf_size(tail)));
    buf_put_slice(tail, more);
    t->in = slice_from(t->in, more.len);
}

/* One whole record: in the input, or in the tail when it came in pieces.  ERR_AGAIN: not yet all of
 * it; ERR_PROTOCOL: it cannot be one. */
static enum err cut_record(struct tls *t, struct slice *record)
{
    struct buf *tail = &t->records->tail;
    if (buf_size(tail) == 0 && is_possible(t->in)) {
        size_t len = record_len(t->in);
        if (len && len <= t->in.len) {
            *record = slice_head(t->in, len);
            t->in = slice_from(t->in, len);
            return OK;
        }
    }
    top_up(t, TRAFFIC_HEAD);
    if (!is_possible(buf_slice(tail))) return ERR_PROTOCOL;
    size_t len = record_len(buf_slice(tail));
    if (len == 0) return ERR_AGAIN;
    top_up(t, len);
    *record = buf_slice(tail);
    return record->len == len ? OK : ERR_AGAIN;
}

static bool on_alert(struct tls *t, struct tls_event *ev, struct slice alert)
{
    if (alert.len != 2) return broken(t, ev, SSL_AD_DECODE_ERROR, "an alert that is not one");
    uint8_t number = alert.ptr[1];
    if (number == ALERT_USER_CANCELED) return false; /* close_notify follows, section 6.1 */
    if (number == ALERT_CLOSE_NOTIFY) {
        *ev = (struct tls_event){.kind = TLS_CLOSED};
    } else {
        tls_cause_alert(number, ev);
        t->can_send = false;
    }
    tls_stop_reading(t);
    return true;
}

/* All that a client may still say in the handshake protocol: we ask for nothing once it is done. */
static bool on_handshake(struct tls *t, struct tls_event *ev, struct slice message)
{
    static const uint8_t start[] = {KEY_UPDATE, 0, 0, 1};
    struct records *r = t->records;
    if (message.len != KEY_UPDATE_LEN || memcmp(message.ptr, start, sizeof start) != 0)
        return broken(t, ev, SSL_AD_UNEXPECTED_MESSAGE, "a handshake message that is no KeyUpdate");
    if (message.ptr[4] > 1) return broken(t, ev, SSL_AD_ILLEGAL_PARAMETER, "KeyUpdate for nobody");
    if (++r->key_updates > TLS_KEY_UPDATES_MAX) {
        broken(t, ev, SSL_AD_UNEXPECTED_MESSAGE, "too many KeyUpdates");
        ev->too_much = true;
        return true;
    }
    bool answers = message.ptr[4] == 1 && t->can_send;
    enum err e = traffic_update(&r->read);
    if (e == OK && answers) e = update_write_key(r, t->out);
    return e != OK && give_up(t, ev, TLS_CAUSE_PROTOCOL, SSL_AD_INTERNAL_ERROR);
}

static bool on_data(struct tls *t, struct tls_event *ev, struct slice content)
{
    if (content.len == 0) return false;
    t->records->key_updates = 0;
    *ev = (struct tls_event){.kind = TLS_DATA, .data = content};
    return true;
}

/* False: nothing that the caller wants to know. */
static bool on_record(struct tls *t, struct tls_event *ev, struct slice record)
{
    uint8_t type;
    struct slice content;
    enum err e = traffic_open(&t->records->read, record, plain, &type, &content);
    buf_free(&t->records->tail);
    if (e == ERR_DENIED) return give_up(t, ev, TLS_CAUSE_RECORD, SSL_AD_BAD_RECORD_MAC);
    if (e != OK) return give_up(t, ev, TLS_CAUSE_PROTOCOL, SSL_AD_UNEXPECTED_MESSAGE);
    if (content.len > TLS_RECORD_MAX)
        return broken(t, ev, SSL_AD_RECORD_OVERFLOW, "a record over its limit");
    switch (type) {
    case CONTENT_DATA: return on_data(t, ev, content);
    case CONTENT_ALERT: return on_alert(t, ev, content);
    case CONTENT_HANDSHAKE: return on_handshake(t, ev, content);
    default: return broken(t, ev, SSL_AD_UNEXPECTED_MESSAGE, "a record of an unknown type");
    }
}

bool records_next(struct tls *t, struct tls_event *ev)
{
    while (t->in.len) {
        struct slice record;
        enum err e = cut_record(t, &record);
        if (e == ERR_AGAIN) return false;
        if (e == OK && on_record(t, ev, record)) return true;
        if (e == OK) continue;
        fail(ERR_PROTOCOL, "TLS: bytes that are no record");
        return give_up(t, ev, TLS_CAUSE_RECORD, SSL_AD_UNEXPECTED_MESSAGE);
    }
    return false;
}

/* ---- what was noted when it was taken over */

const char *records_sni(const struct records *r)
{
    return r->sni;
}
