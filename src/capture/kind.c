/* kind.c - what Capture is to archives: EventData in Avro, names by the second. */
#include <string.h>

#include "base/num.h"
#include "capture/event.h"
#include "capture/home.h"

enum { SECOND_US = 1000000 };

COUNTER(files_total, "azimuth_capture_files_total", "Files of captured events.");
COUNTER(events_total, "azimuth_capture_events_total", "Events in files.");
COUNTER(bytes_total, "azimuth_capture_bytes_total", "Bytes of files of captured events.");
COUNTER(failures_total, "azimuth_capture_failures_total",
        "Files that could not be made; tried again.");
COUNTER(damaged_total, "azimuth_capture_events_damaged_total",
        "Events that are not in files because they cannot be read.");
GAUGE(failing_now, "azimuth_capture_failing_partitions",
      "Partitions whose file cannot be made now.");

static enum err put(const struct archive *a, const struct record *r, struct buf *scratch,
                    struct buf *out)
{
    (void)a;
    return capture_event_put(out, scratch, r);
}

static void source(const struct archive *a, struct buf *out)
{
    const struct capture *c = archive_ctx(a);
    hub_stream_identity(c->cs->cfg.hub, slice_str(c->event_hub), out);
}

static int64_t next_us(int64_t wall_us, int64_t before_us)
{
    return MAX(wall_us / SECOND_US, before_us / SECOND_US + 1) * SECOND_US;
}

static enum err name(const struct archive *a, unsigned partition, int64_t named_us,
                     char out[ARCHIVE_NAME_MAX + 1])
{
    const struct capture *c = archive_ctx(a);
    const struct description_place place = {c->cs->cfg.hub->name, c->event_hub, partition};
    return description_name(&c->description, &place, named_us, out);
}

const struct archive_kind capture_kind = {
    .failing = "capture.failing",
    .recovered = "capture.recovered",
    .file = "capture.file",
    .label = "event_hub",
    .root = CAPTURE_FOLDER,
    .schema = capture_event_schema,
    .counters = {.files = &files_total,
                 .events = &events_total,
                 .bytes = &bytes_total,
                 .failures = &failures_total,
                 .damaged = &damaged_total,
                 .failing = &failing_now},
    .source = source,
    .put = put,
    .next_us = next_us,
    .name = name,
};
