/* fault.c - faults that a device asks for (hub/fault), as far as they are MQTT's. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/say.h"
#include "front/device_mqtt/device.h"

struct device_fault {
    struct timer timer;
    struct device *device;
    struct fault fault;
};

static void abort_device(struct device *d)
{
    d->state = DEVICE_OVER;
    timer_stop(&d->timer);
    conn_abort(d->conn);
}

static void begin_lasting(struct device *d, const struct fault *fault, int64_t now_us)
{
    struct faults *faults = d->service->telemetry.hub->faults;
    if (faults_begin(faults, slice_str(d->session.who), fault, now_us) != OK)
        say_warn("fault.refused", "device=%s reason=\"%s\"", d->session.who, fail_text());
    else if (fault->type == FAULT_AUTH)
        device_reject(d, "InvokeAuthError");
}

static void on_due(struct timer *t, int64_t now_us)
{
    struct device_fault *f = CONTAINER_OF(t, struct device_fault, timer);
    struct device *d = f->device;
    if (d->state != DEVICE_OPEN) return;
    if (fault_lasts(f->fault.type))
        begin_lasting(d, &f->fault, now_us);
    else if (f->fault.type == FAULT_SHUT_DOWN_MQTT ||
             (f->fault.type == FAULT_KILL_TCP && f->fault.graceful))
        device_close(d);
    else if (f->fault.type == FAULT_KILL_TCP)
        abort_device(d);
}

void device_mqtt_inject(struct device *d, const struct envelope *message)
{
    struct fault fault;
    if (d->service->telemetry.hub->faults == NULL || d->state != DEVICE_OPEN) return;
    if (!fault_is_asked(d->session.who, message, &fault)) return;
    if (d->fault == NULL) {
        d->fault = NEW(struct device_fault);
        d->fault->device = d;
        timer_init(&d->fault->timer, on_due);
    }
    d->fault->fault = fault;
    timer_set(&conn_lane(d->conn)->timers, &d->fault->timer, clock_mono_us() + fault.delay_us);
}

const char *device_fault_of_telemetry(const struct device *d)
{
    struct faults *faults = d->service->telemetry.hub->faults;
    if (faults == NULL) return NULL;
    enum fault_type type = faults_of(faults, slice_str(d->session.who), clock_mono_us());
    return type == FAULT_NONE ? NULL : fault_type_name(type);
}

bool device_fault_of_connect(const struct device *d, struct slice who, enum mqtt_code *code)
{
    enum fault_type type = faults_of(d->service->telemetry.hub->faults, who, clock_mono_us());
    *code = type == FAULT_AUTH ? MQTT_NOT_AUTHORIZED : MQTT_UNAVAILABLE;
    return type == FAULT_AUTH || type == FAULT_THROTTLING;
}

void device_drop_fault(struct device *d)
{
    if (d->fault) timer_stop(&d->fault->timer);
    free(d->fault);
}
