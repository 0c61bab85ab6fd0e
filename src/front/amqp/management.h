/* management.h - answers of the log that $management waits for.  Private to front/amqp. */
#ifndef FRONT_AMQP_MANAGEMENT_H
#define FRONT_AMQP_MANAGEMENT_H

#include "post/post.h"

/* msg.call of a LOG_ENDS: its LOG_SEEK_DONE belongs to management_answered(). */
enum { MANAGEMENT_CALL = 1 };

void management_answered(struct lane *lane, const struct msg *m);

#endif
