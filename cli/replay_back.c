/* replay_back.c - see replay_back.h. */
#include "cli/replay_back.h"

#include "base/num.h"

/* TLS that breaks off in the middle is ERR_PROTOCOL. */
bool replay_back_is_loss(enum err e)
{
    return e == ERR_CLOSED || e == ERR_TIMEOUT || e == ERR_PROTOCOL;
}

bool replay_back_lost(struct replay_back *b, enum err e, int64_t progress, int64_t now_us)
{
    if (!replay_back_is_loss(e)) return false;
    bool steady = b->back_us && now_us - b->back_us >= REPLAY_STEADY_US;
    if (progress > b->progress || steady) b->tries = 0;
    b->back_us = 0;
    if (b->tries == 0) b->since_us = now_us;
    b->progress = progress;
    if (b->tries && now_us - b->since_us >= b->give_up_us) return false;
    unsigned doublings = MIN(b->tries, 16u);
    b->tries++;
    int64_t at_us = now_us + MIN(REPLAY_PAUSE_US << doublings, REPLAY_PAUSE_MAX_US);
    b->at_us = MIN(at_us, MAX(b->since_us + b->give_up_us, now_us + REPLAY_PAUSE_US));
    return true;
}

bool replay_back_try(struct replay_back *b, int64_t now_us)
{
    if (b->at_us == 0 || now_us < b->at_us) return false;
    b->at_us = 0;
    return true;
}

void replay_back_there(struct replay_back *b, int64_t now_us)
{
    b->back_us = now_us;
}
