/* fake_door_test.h - what the fakes of the hub's doors share: each notes what it was asked, and answers when a
 * test says so. */
#ifndef FRONT_REST_FAKE_DOOR_TEST_H
#define FRONT_REST_FAKE_DOOR_TEST_H

#include "base/test.h"

#include "front/rest/call.h"

enum { EPOCH_S = 1763870706 }; /* 2025-11-23T04:05:06Z */

/* A door has `asked`, a text, and `wait`: who waits for its answer, NULL: nobody. */
#define NOTE(door, w, ...)                                                                         \
    do {                                                                                           \
        snprintf((door)->asked, sizeof(door)->asked, __VA_ARGS__);                                 \
        (door)->wait = (w);                                                                        \
    } while (0)

#define FAKE_FORGET(name, door, waiting)                                                           \
    void name(struct door *d, struct waiting *w)                                                   \
    {                                                                                              \
        assert_ptr_equal(d->wait, w);                                                              \
        d->wait = NULL;                                                                            \
    }

static inline struct slice or_none(struct slice s)
{
    return s.ptr ? s : SLICE_LIT("none");
}

#endif
