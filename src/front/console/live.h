/* live.h - the live link: what happens in the hub, told to a page over one WebSocket.
 *
 *   GET /admin/v1/live, subprotocol azm.live.1, JSON in text frames
 *
 *   > {"id":7,"sub":"events","device":"d","kinds":["telemetry"],"from":"now","max_hz":10}
 *   > {"id":8,"sub":"metrics","names":["azimuth_connections"]}
 *   > {"id":9,"sub":"query","query":"SELECT * FROM devices WHERE deviceId IN ['d']"}
 *   > {"id":7,"pause":true}   {"id":7,"pause":false}   {"id":7,"unsub":true}
 *   < {"id":7,"batch":[event, ...],"next":{"0":ordinal, ..., "news":number},"lost":0}
 *   < {"id":8,"at":ms,"metrics":{"azimuth_connections":3}}
 *   < {"id":9,"rows":[[0,{...}], ...],"count":1,"more":false}
 *   < {"id":7,"error":"text"}
 *
 * `from` is "now", "-10m", or the `next` of an earlier batch.  The first batch comes when the place is
 * found, and may be empty.
 *
 * Two kinds of event stand in no log and come from memory (hub/news): `method`, a call that has ended, and
 * `refused`, which only who may read the journal of refusals is told.
 *
 * A subscription reads the log by places of its own, piece by piece, and is a guest there: it asks for the
 * next piece when it has told of the last, at most max_hz times a second and within its bytes.  What does
 * not fit is counted, never queued; who is told from now on and falls behind is moved to the end.
 *
 * A subscription to a query is told all rows at first, and later those that changed, by their places in the
 * answer; one row more than there is room for is `more`.  The query is asked again LIVE_QUERY_US after an
 * answer, or later if it takes long: of a link one query is asked at a time, and all of them together have no
 * more than a LIVE_QUERY_SHARE-th of the time, also of those that come, go, pause and go on.  One that is wrong
 * is answered with an error, which ends it; one that could not be answered is asked again.  Where a scan is
 * longer than a page may look, what is found comes part by part; until the first round is over there is `more`.
 *
 * Runs on: the console's lane.
 * Life:    a link is a front of its connection; it ends with the session that opened it.
 * Limits:  the constants below.  A message that breaks a rule is answered with an error; one that is too
 *          long or no text ends the link.  Of events that are long the first part is told with `truncated` or
 *          `propertiesTruncated`, and that is not counted: nothing is refused, and such events are in order.
 */
#ifndef FRONT_CONSOLE_LIVE_H
#define FRONT_CONSOLE_LIVE_H

#include "front/console/parts.h"

enum {
    LIVE_LINKS_MAX = 64,         /* 503 */
    LIVE_SUBS_MAX = 16,          /* of a link: an error */
    LIVE_REQUEST_MAX = 64 << 10, /* a message of the page: closed */
    LIVE_HZ_MAX = 10,            /* batches a second */
    LIVE_BYTES_MAX = 256 << 10,  /* of a subscription, a second */
    LIVE_BODY_MAX = 16 << 10,    /* of an event's body: the first part is told */
    LIVE_TEXT_MAX = 1 << 10,     /* of a property: likewise */
    LIVE_PROPERTIES_MAX = 64,    /* of an event: the first are told, likewise of annotations */
    LIVE_READ_MIN = 16 << 10,    /* of a partition at a time */
    LIVE_READ_BYTES = 512 << 10, /* of all partitions for a batch, unless LIVE_READ_MIN is more */
    LIVE_PIECES_MAX = 256,       /* read for a batch */
    LIVE_NEWS_MAX = 256,         /* looked at for a batch; what is more comes with the next */
    LIVE_BEHIND_MAX = 3,         /* batches without reaching the end: moved there */
    LIVE_NAMES_MAX = 32,         /* metrics of a subscription: an error */
    LIVE_QUERIES_MAX = 2,        /* subscriptions to queries of a link: an error */
    LIVE_QUERY_MAX = 16 << 10,   /* bytes of a query: an error */
    LIVE_ROWS_MAX = 100,         /* of a query: the first are told */
    LIVE_QUERY_SHARE = 10,       /* times as long as a query takes its link asks none */
};
#define LIVE_METRICS_US 1000000ll
#define LIVE_QUERY_US   2000000ll

struct live;

struct live *live_new(struct console *c);
void live_free(struct live *l); /* NULL is fine */

void live_upgrade(struct call *c); /* GET /admin/v1/live */

#endif
