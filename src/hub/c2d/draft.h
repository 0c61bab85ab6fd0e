/* draft.h - what a service may send, and how it is kept.  Private to hub/c2d. */
#ifndef HUB_C2D_DRAFT_H
#define HUB_C2D_DRAFT_H

#include "hub/c2d/message.h"

/* STATUS_OK and the C2D_SEND for its home, or what is wrong with it, with a fail_text(). */
enum status draft_message(struct slice who, const struct c2d_draft *draft, int64_t wall_us,
                          struct msg **out);

#endif
