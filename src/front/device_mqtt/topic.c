/* topic.c - recognising topics. */
#include "front/device_mqtt/topic.h"

static bool cut(struct slice *s, struct slice prefix)
{
    if (!slice_starts(*s, prefix)) return false;
    *s = slice_from(*s, prefix.len);
    return true;
}

bool topic_is_events(struct slice topic, struct slice device_id, struct slice *bag)
{
    if (!cut(&topic, SLICE_LIT("devices/")) || !cut(&topic, device_id) ||
        !cut(&topic, SLICE_LIT("/messages/events")))
        return false;
    *bag = slice_from(topic, 1);
    return topic.len == 0 || topic.ptr[0] == '/';
}
