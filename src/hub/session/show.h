/* show.h - home's answer to session_show().  Private to hub/session. */
#ifndef HUB_SESSION_SHOW_H
#define HUB_SESSION_SHOW_H

#include "hub/session/message.h"

struct msg *show_answer(const struct session_shown *shown);

void show_init(struct lane *lane); /* each core: answers find who asked */

#endif
