/* fault.c - reading the properties, and who suffers from what.
 *
 * The lock is taken only on a server that allows faults, which is a server under test. */
#include "hub/fault/fault.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"

#define PREFIX "AzIoTHub_FaultOperation"

COUNTER(begun, "azimuth_faults_begun_total", "Faults that last, as devices asked for them");
COUNTER(full, "azimuth_faults_full_total", "Faults not begun because too many lasted");

static const char *const names[FAULT_TYPES] = {
    [FAULT_NONE] = "None",
    [FAULT_KILL_TCP] = "KillTcp",
    [FAULT_KILL_AMQP_CONNECTION] = "KillAmqpConnection",
    [FAULT_KILL_AMQP_SESSION] = "KillAmqpSession",
    [FAULT_KILL_AMQP_CBS_REQUESTS] = "KillAmqpCBSLinkReq",
    [FAULT_KILL_AMQP_CBS_ANSWERS] = "KillAmqpCBSLinkResp",
    [FAULT_KILL_AMQP_D2C] = "KillAmqpD2CLink",
    [FAULT_KILL_AMQP_C2D] = "KillAmqpC2DLink",
    [FAULT_KILL_AMQP_TWIN_REQUESTS] = "KillAmqpTwinLinkReq",
    [FAULT_KILL_AMQP_TWIN_ANSWERS] = "KillAmqpTwinLinkResp",
    [FAULT_KILL_AMQP_METHOD_REQUESTS] = "KillAmqpMethodReqLink",
    [FAULT_KILL_AMQP_METHOD_ANSWERS] = "KillAmqpMethodRespLink",
    [FAULT_SHUT_DOWN_AMQP] = "ShutDownAmqp",
    [FAULT_SHUT_DOWN_MQTT] = "ShutDownMqtt",
    [FAULT_THROTTLING] = "InvokeThrottling",
    [FAULT_QUOTA] = "InvokeMaxMessageQuota",
    [FAULT_AUTH] = "InvokeAuthError",
};

const char *fault_type_name(enum fault_type t)
{
    assert((unsigned)t < FAULT_TYPES);
    return names[t];
}

/* ---- reading */

static struct slice find(const struct envelope *m, const char *name)
{
    for (size_t i = 0; i < m->property_count; i++)
        if (slice_is(m->properties[i].name, name)) return m->properties[i].value;
    return SLICE_NONE;
}

static enum err read_seconds(const struct envelope *m, const char *name, int64_t *out_us)
{
    uint64_t seconds = 0;
    struct slice text = find(m, name);
    *out_us = 0;
    if (text.len == 0) return OK;
    if (num_u64(text, &seconds) != OK || seconds > FAULT_SECONDS_MAX)
        return fail(ERR_INVALID, "%s is not a number from 0 to %d", name, FAULT_SECONDS_MAX);
    *out_us = (int64_t)seconds * 1000000;
    return OK;
}

static enum err read_type(struct slice text, enum fault_type *out)
{
    for (int i = FAULT_NONE + 1; i < FAULT_TYPES; i++) {
        *out = (enum fault_type)i;
        if (slice_is_nocase(text, names[i])) return OK;
    }
    return fail(ERR_INVALID, "there is no fault '%.*s'", SLICE_ARG(slice_head(text, 64)));
}

enum err fault_read(const struct envelope *message, struct fault *out)
{
    struct slice type = find(message, PREFIX "Type");
    *out = (struct fault){0};
    if (type.ptr == NULL) return ERR_NOT_FOUND;
    TRY(read_type(type, &out->type));
    TRY(read_seconds(message, PREFIX "DelayInSecs", &out->delay_us));
    TRY(read_seconds(message, PREFIX "DurationInSecs", &out->duration_us));
    out->graceful = slice_is_nocase(find(message, PREFIX "CloseReason"), "byebye");
    return OK;
}

bool fault_is_asked(const char *who, const struct envelope *message, struct fault *out)
{
    enum err e = fault_read(message, out);
    if (e == OK)
        say_warn("fault.injected", "device=%s type=%s", who, fault_type_name(out->type));
    else if (e != ERR_NOT_FOUND)
        say_warn("fault.refused", "device=%s reason=\"%s\"", who, fail_text());
    return e == OK;
}

/* ---- what lasts */

struct faults {
    pthread_mutex_t lock;
    struct {
        enum fault_type type; /* FAULT_NONE: free */
        int64_t until_us;
        char who[HUB_WHO_LEN_MAX + 1];
    } lasting[FAULTS_MAX];
};

struct faults *faults_new(void)
{
    struct faults *f = NEW(struct faults);
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

void faults_free(struct faults *f)
{
    if (f) pthread_mutex_destroy(&f->lock);
    free(f);
}

static int place_of(const struct faults *f, struct slice who)
{
    for (int i = 0; i < FAULTS_MAX; i++)
        if (f->lasting[i].type && slice_is(who, f->lasting[i].who)) return i;
    return -1;
}

static int free_place(const struct faults *f, int64_t now_us)
{
    for (int i = 0; i < FAULTS_MAX; i++)
        if (f->lasting[i].type == FAULT_NONE || f->lasting[i].until_us <= now_us) return i;
    return -1;
}

enum err faults_begin(struct faults *f, struct slice who, const struct fault *fault, int64_t now_us)
{
    assert(fault_lasts(fault->type));
    pthread_mutex_lock(&f->lock);
    int at = place_of(f, who);
    if (at < 0) at = free_place(f, now_us);
    if (at >= 0) {
        f->lasting[at].type = fault->type;
        f->lasting[at].until_us = now_us + fault->duration_us;
        snprintf(f->lasting[at].who, sizeof f->lasting[at].who, "%.*s", SLICE_ARG(who));
    }
    pthread_mutex_unlock(&f->lock);
    metric_inc(at >= 0 ? &begun : &full);
    return at >= 0 ? OK : fail(ERR_FULL, "%d identities have a fault", FAULTS_MAX);
}

enum fault_type faults_find(struct faults *f, struct slice who, int64_t now_us)
{
    pthread_mutex_lock(&f->lock);
    int at = place_of(f, who);
    enum fault_type type =
        at >= 0 && f->lasting[at].until_us > now_us ? f->lasting[at].type : FAULT_NONE;
    pthread_mutex_unlock(&f->lock);
    return type;
}
