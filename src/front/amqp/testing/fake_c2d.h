/* fake_c2d.h - queues of messages as the test plays them.  For tests of front/amqp only. */
#ifndef FRONT_AMQP_TESTING_FAKE_C2D_H
#define FRONT_AMQP_TESTING_FAKE_C2D_H

#include "hub/c2d/c2d.h"
#include "hub/notice/notice.h"

enum { FAKE_WAITS = 256 };

struct c2d {
    char sent[512]; /* the last c2d_send(): "d1 mid=.. ct=.. a=b body=.." */
    unsigned sends, forgotten;
    struct c2d_wait *waits[FAKE_WAITS]; /* not answered, oldest first */
    unsigned wait_count;

    struct notice_receiver *receiver; /* NULL: none is open */
    uint32_t credit;
    char settled[64]; /* the last notices_settle(): first byte of the lock, outcome */
    unsigned settles;
};

extern struct c2d fake_c2d; /* of all cores */

void fake_c2d_init(void);

/* Answers who has waited longest. */
void fake_c2d_answer(enum status status, const char *text);

#endif
