/* replay_back.c - see replay_back.h. */
#include "cli/replay_back.h"

/* TLS that breaks off in the middle is ERR_PROTOCOL. */
bool replay_back_is_loss(enum err e)
{
    return e == ERR_CLOSED || e == ERR_TIMEOUT || e == ERR_PROTOCOL;
}

bool replay_back_lost(struct replay_back *b, enum err e, int64_t progress, int64_t now_us)
{
    if (!replay_back_is_loss(e)) return false;
    if (progress > b->progress) b->tries = 0;
    b->progress = progress;
    if (b->tries == REPLAY_TRIES_MAX) return false;
    b->at_us = now_us + (REPLAY_PAUSE_US << b->tries++);
    return true;
}

bool replay_back_try(struct replay_back *b, int64_t now_us)
{
    if (b->at_us == 0 || now_us < b->at_us) return false;
    b->at_us = 0;
    return true;
}
