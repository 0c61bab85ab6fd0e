/* throttle.c - a device over the hub's rate is read later: its PUBACK is what it waits for. */
#include "base/clock.h"
#include "front/device_mqtt/device.h"

bool device_take(struct device *d, enum throttle_operation op)
{
    struct throttle *throttle = d->service->telemetry.hub->throttle;
    if (throttle == NULL) return true;
    int64_t now_us = clock_mono_us();
    int64_t wait_us = throttle_take(throttle, op, 1, now_us);
    if (wait_us == THROTTLE_REFUSED) return false;
    if (wait_us == 0) return true;
    d->held_until_us = now_us + wait_us;
    device_pause(d, PAUSE_THROTTLE);
    device_arm(d, now_us);
    return true;
}

void device_release(struct device *d, int64_t now_us)
{
    if (!(d->paused & PAUSE_THROTTLE) || now_us < d->held_until_us) return;
    device_resume(d, PAUSE_THROTTLE);
    device_process(d, now_us);
}
