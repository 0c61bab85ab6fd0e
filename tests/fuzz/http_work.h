/* http_work.h - a connection of front/ whose peer is a fuzz target, and the HTTP that both say.
 *
 * There is one at a time, on a lane and a clock of its own.  Requests are written as people write them: lines that end
 * with a line feed, an empty one, the body; Host and Content-Length are added.  Each answer is taken apart again, and
 * is one that no client misreads: whole lines, its length, JSON where it says so, as many answers as requests or
 * fewer.  With `carry` the connection, lane and clock are another's (whole_hub.h): what it hears it puts into
 * `wire.sent`.
 */
#ifndef FUZZ_HTTP_WORK_H
#define FUZZ_HTTP_WORK_H

#include "base/json.h"
#include "front/rest/call.h"
#include "net/transport_rig.h"

enum { WORK_REQUESTS_MAX = 64 }; /* more are not asked */

struct work {
    struct office office;
    struct lane lane;
    struct conn_host host;
    struct transport_rig wire;         /* .sent: to the peer, and not looked at yet */
    void (*carry)(struct slice bytes); /* who takes what is asked; NULL: the connection here */
    unsigned requests, answers;
    uint64_t heads; /* bit N: request N is a HEAD */
};

extern struct work work;
extern int64_t work_mono_us; /* wall time goes with it, from the first day of 2026 on */

void work_begin(void);
void work_connect(const struct front *front,
                  void *ctx); /* from "192.0.2.1:4000"; after a hang-up anew */
void work_anew(void);         /* of an earlier connection no answer comes */
void work_hear(struct slice bytes);
void work_run(void); /* until there is no mail */
void work_pass(int64_t us);
void work_hang_up(void); /* and all is forgotten that waits */
void work_end(void);
void work_forget(void); /* what is kept of answers; where `carry` is set, instead of work_end() */

/* The answer's head has been read. */
struct work_answer {
    struct slice head; /* its lines, the first is the status */
    unsigned status;
    struct slice body;
    struct json *json; /* of a body of JSON, until the next answer */
};

void work_ask(struct slice request, bool chunked);
bool work_next_answer(struct work_answer *a); /* false: no more has come */
struct slice work_header(const struct work_answer *a, const char *name);

/* Cuts what is before the next line "~" off. */
struct slice work_block(struct slice *text);

#endif
