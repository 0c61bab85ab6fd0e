/* fixture_test.h - the hub of a case, with the device d1; for *_test.c files only. */
#ifndef SERVER_FIXTURE_TEST_H
#define SERVER_FIXTURE_TEST_H

#include "base/test.h"

#include "hub/throttle/throttle.h"
#include "server/rig.h"

static struct rig rig;

static inline int set_up(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_create_device(&rig, "d1");
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

/* From now on that throttle alone: "telemetry=3/s"; "": none. */
static inline void limit(const char *rate)
{
    struct throttle_config config = {0};
    if (*rate) assert_int_equal(throttle_override(&config, slice_str(rate)), OK);
    throttle_free(rig.wire.hub.throttle);
    rig.wire.hub.throttle = throttle_new(&config); /* wire_close() frees it */
}

#endif
