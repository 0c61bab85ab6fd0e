/* hold.h - of messages that are posted in a row each lane is woken once, behind the last of them.
 *
 * A lane whose thread sleeps is woken by the first message; on a busy processor it then often runs at once, takes
 * that one, and sleeps again before the next is posted.
 *
 * Runs on: any thread, for its own posts; neither nested nor over a turn's end, since what is posted meanwhile
 *          waits. */
#ifndef POST_HOLD_H
#define POST_HOLD_H

#include "post/post.h"

void post_hold(void);
void post_release(const struct office *office); /* in which was posted */

#endif
