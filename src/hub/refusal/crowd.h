/* crowd.h - who is refused for the same cause at the same time.  Private to hub/refusal.
 *
 * Runs on: the hub's first core.  Homes tell it, of each record at most once in CROWD_TELL_S.
 * Limits:  REFUSAL_ALERT_COUNTED ids of each cause; of more the one that was quiet for longest goes. */
#ifndef HUB_REFUSAL_CROWD_H
#define HUB_REFUSAL_CROWD_H

#include "hub/refusal/refusal.h"

enum { CROWD_TELL_S = 10 };

/* An id is a hash here: it is only counted. */
struct crowd_member {
    enum refusal_cause cause;
    uint64_t who;
};

struct crowd {
    struct {
        uint64_t who;
        int64_t last_us;
    } ids[REFUSAL_ALERT_COUNTED];
    unsigned count;
    int64_t since_us; /* of the alert; 0: there is none */
};

struct crowds {
    struct crowd of[REFUSAL_CAUSES];
};

/* True: an alert begins with it. */
bool crowd_add(struct crowds *all, const struct crowd_member *m, int64_t wall_us);

/* The alerts of now; how many. */
size_t crowd_alerts(const struct crowds *all, int64_t wall_us,
                    struct refusal_alert out[REFUSAL_CAUSES]);

#endif
