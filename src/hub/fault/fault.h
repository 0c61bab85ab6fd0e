/* fault.h - faults that a device asks for by properties of its telemetry, as Azure's own test suites do.
 *
 * AzIoTHub_FaultOperationType says which, AzIoTHub_FaultOperationDelayInSecs when, from then on
 * AzIoTHub_FaultOperationDurationInSecs how long, AzIoTHub_FaultOperationCloseReason ("byebye") whether
 * gracefully.  Fronts break what is theirs (fault.c there); what lasts is kept here for the whole hub,
 * since the device comes back on another connection.
 *
 * Runs on: any thread.
 * Life:    made by the starting thread if the configuration allows faults; else NULL, and no property is
 *          looked at.
 * Limits:  FAULTS_MAX identities with a fault that lasts; more are not begun.
 * Source:  the end-to-end suites of the C, .NET, Java and Node device SDKs.
 */
#ifndef HUB_FAULT_FAULT_H
#define HUB_FAULT_FAULT_H

#include "hub/hub.h"
#include "hub/telemetry/telemetry.h"

enum {
    FAULTS_MAX = 64,
    FAULT_SECONDS_MAX = 3600, /* of delay and of duration */
};

enum fault_type {
    FAULT_NONE,
    FAULT_KILL_TCP,
    FAULT_KILL_AMQP_CONNECTION,
    FAULT_KILL_AMQP_SESSION,
    FAULT_KILL_AMQP_CBS_REQUESTS,
    FAULT_KILL_AMQP_CBS_ANSWERS,
    FAULT_KILL_AMQP_D2C,
    FAULT_KILL_AMQP_C2D,
    FAULT_KILL_AMQP_TWIN_REQUESTS,
    FAULT_KILL_AMQP_TWIN_ANSWERS,
    FAULT_KILL_AMQP_METHOD_REQUESTS, /* of the hub to the device */
    FAULT_KILL_AMQP_METHOD_ANSWERS,
    FAULT_SHUT_DOWN_AMQP,
    FAULT_SHUT_DOWN_MQTT,
    FAULT_THROTTLING, /* from here on: they last */
    FAULT_QUOTA,
    FAULT_AUTH,
    FAULT_TYPES
};

struct fault {
    enum fault_type type;
    bool graceful;
    int64_t delay_us, duration_us;
};

const char *fault_type_name(enum fault_type t); /* "KillTcp" */

/* What a message asks for.  ERR_NOT_FOUND: nothing; ERR_INVALID: what cannot be, with a text. */
enum err fault_read(const struct envelope *message, struct fault *out) MUST_USE;

/* The same of a message of `who`, said in the log; false: nothing that can be done. */
bool fault_is_asked(const char *who, const struct envelope *message, struct fault *out);

static inline bool fault_lasts(enum fault_type t)
{
    return t >= FAULT_THROTTLING;
}

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *f); /* NULL is fine */

/* From now on the identity suffers from it.  ERR_FULL: FAULTS_MAX others do. */
enum err faults_begin(struct faults *f, struct slice who, const struct fault *fault,
                      int64_t now_us) MUST_USE;

/* What the identity suffers from; FAULT_NONE: nothing. */
enum fault_type faults_find(struct faults *f, struct slice who, int64_t now_us);

static inline enum fault_type faults_of(struct faults *f, struct slice who, int64_t now_us)
{
    return f == NULL ? FAULT_NONE : faults_find(f, who, now_us);
}

#endif
