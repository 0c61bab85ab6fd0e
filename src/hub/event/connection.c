/* connection.c - devices and modules that connect and leave, as their home sees it.
 *
 * A takeover is a leave and a connect.  Light sessions (HTTPS) are none.  The sequence number is text
 * that rises: 64 hex digits, of the time, the home and a counter.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/event/outbox.h"

static void tell(struct events *e, struct slice who, const char *op)
{
    char body[EVENT_CONNECTION_BODY_MAX];
    int len = snprintf(body, sizeof body, "{\"sequenceNumber\":\"%032llX%016X%016llX\"}",
                       (unsigned long long)clock_wall_us() * 10, (unsigned)e->lane->id,
                       (unsigned long long)++e->connection_count);
    event_tell(e, &(struct event_draft){.source = RECORD_CONNECTION_STATE,
                                        .who = who,
                                        .op = op,
                                        .body = slice_of(body, (size_t)len)});
}

static void on_session(struct session_listener *l, struct slice who,
                       const struct session_link *link)
{
    struct events *e = CONTAINER_OF(l, struct events, listener);
    char *open = map_get(&e->open, who);
    if (link && open == NULL) {
        open = (char *)slice_dup(who);
        map_put(&e->open, slice_str(open), open);
        tell(e, who, "deviceConnected");
    } else if (link == NULL && open) {
        map_remove(&e->open, who);
        free(open);
        tell(e, who, "deviceDisconnected");
    }
}

void events_watch_sessions(struct events *e, struct session_home *sessions)
{
    if (!event_wanted(e, RECORD_CONNECTION_STATE)) return;
    e->listener.changed = on_session;
    session_home_listen(sessions, &e->listener);
}

void connection_fini(struct events *e)
{
    char *open;
    for (size_t at = 0; (open = map_next(&e->open, &at)) != NULL;) free(open);
    map_free(&e->open);
}
