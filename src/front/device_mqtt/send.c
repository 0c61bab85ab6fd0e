/* send.c - PUBLISHes to a device, and back-pressure.
 *
 * Who does not read what it is sent is not read: so answers to its requests cannot pile up.
 */
#include "base/clock.h"
#include "base/metrics.h"
#include "front/device_mqtt/device.h"

COUNTER(published, "azimuth_mqtt_publishes_sent_total", "PUBLISHes sent to devices");

void device_pause(struct device *d, enum device_pause why)
{
    d->paused |= why;
    conn_pause(d->conn);
}

void device_resume(struct device *d, enum device_pause why)
{
    if (!(d->paused & why)) return;
    d->paused &= ~(unsigned)why;
    if (why & PAUSE_BY_HUB && !(d->paused & PAUSE_BY_HUB)) {
        int64_t now_us = clock_mono_us();
        mqtt_resumed(&d->mqtt, now_us);
        device_arm(d, now_us);
    }
    if (d->paused == 0) conn_resume(d->conn);
}

void device_send(struct device *d, const struct mqtt_publish *p)
{
    conn_out(d->conn);
    if (mqtt_send_publish(&d->mqtt, p) != OK) {
        device_reject(d, fail_text());
        return;
    }
    metric_inc(&published);
    if (conn_congested(d->conn)) device_pause(d, PAUSE_OUTPUT);
}
