/* replay_rig.h - Capture files made in tests. */
#ifndef CLI_REPLAY_RIG_H
#define CLI_REPLAY_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avro/avro.h"

static const char rig_schema[] =
    "{\"type\":\"record\",\"name\":\"EventData\",\"namespace\":\"Microsoft.ServiceBus.Messaging\","
    "\"fields\":[{\"name\":\"SequenceNumber\",\"type\":\"long\"},"
    "{\"name\":\"Offset\",\"type\":\"string\"},"
    "{\"name\":\"EnqueuedTimeUtc\",\"type\":\"string\"},"
    "{\"name\":\"SystemProperties\",\"type\":{\"type\":\"map\",\"values\":"
    "[\"long\",\"double\",\"string\",\"bytes\"]}},"
    "{\"name\":\"Properties\",\"type\":{\"type\":\"map\",\"values\":"
    "[\"long\",\"double\",\"string\",\"bytes\",\"null\"]}},"
    "{\"name\":\"Body\",\"type\":[\"null\",\"bytes\"]}]}";

struct rig_event {
    int64_t sequence;
    int second; /* of 2026-11-26T13:07 */
    const char *device, *body;
};

static inline void rig_pair(struct buf *b, const char *key, const char *value)
{
    avro_put_bytes(b, slice_str(key));
    avro_put_long(b, 2);
    avro_put_bytes(b, slice_str(value));
}

static inline void rig_put(struct avro_writer *w, const struct rig_event *e, struct buf *out)
{
    struct buf *b = avro_writer_record(w, out);
    char text[64];
    avro_put_long(b, e->sequence);
    avro_put_bytes(b, SLICE_LIT("0"));
    int len = snprintf(text, sizeof text, "11/26/2026 1:07:%02d PM", e->second);
    avro_put_bytes(b, slice_of(text, (size_t)len));
    avro_put_map(b, 5);
    rig_pair(b, "iothub-connection-device-id", e->device);
    snprintf(text, sizeof text, "2026-11-26T13:07:%02d.5000000Z", e->second);
    rig_pair(b, "iothub-enqueuedtime", text);
    rig_pair(b, "message-id", "m1");
    rig_pair(b, "creation-time", "2026-11-26T13:00:00.0000000Z");
    rig_pair(b, "x-opt-partition-key", "old");
    avro_put_map_end(b);
    avro_put_map(b, 2);
    rig_pair(b, "azimuth-replay", "earlier");
    avro_put_bytes(b, SLICE_LIT("n"));
    avro_put_long(b, 0);
    avro_put_long(b, e->sequence);
    avro_put_map_end(b);
    avro_put_long(b, e->body ? 1 : 0);
    if (e->body) avro_put_bytes(b, slice_str(e->body));
    avro_writer_end(w, out);
}

static inline struct buf rig_bytes(const struct rig_event *events, unsigned count,
                                   const char *source)
{
    static const uint8_t sync[AVRO_SYNC_LEN] = {7};
    struct buf out = {0};
    struct avro_writer w;
    avro_writer_begin(&w, rig_schema, AVRO_DEFLATE, sync,
                      (struct avro_note){source ? AVRO_NOTE_SOURCE : NULL, slice_str(source)},
                      &out);
    for (unsigned i = 0; i < count; i++) rig_put(&w, &events[i], &out);
    avro_writer_flush(&w, &out);
    avro_writer_fini(&w);
    return out;
}

static inline void rig_write(const char *folder, const char *name, const struct rig_event *events,
                             unsigned count, const char *source)
{
    char path[512];
    struct buf bytes = rig_bytes(events, count, source);
    snprintf(path, sizeof path, "%s/%s.avro", folder, name);
    FILE *f = fopen(path, "we");
    assert(f != NULL);
    size_t written = fwrite(bytes.ptr, 1, buf_size(&bytes), f);
    assert(written == buf_size(&bytes));
    (void)written;
    fclose(f);
    buf_free(&bytes);
}

#endif
