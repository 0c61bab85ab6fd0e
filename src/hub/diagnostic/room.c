/* room.c - the disk that is left to messages. */
#include "base/say.h"
#include "hub/diagnostic/home.h"

/* Messages are refused at the reserve itself: what is worth less gives way before. */
bool room_for(const struct diagnostics_config *cfg, size_t len, const char *where, bool *held_back)
{
    uint64_t room;
    if (cfg->reserve_bytes == 0 || len == 0 || io_free_bytes(cfg->io, &room) != OK) return true;
    bool short_of = room < len || (room - len) / DIAGNOSTIC_RESERVES < cfg->reserve_bytes;
    if (short_of && !*held_back)
        say_warn("diagnostic.no_room", "to=\"%s\" free=%llu next=\"records are dropped\"", where,
                 (unsigned long long)room);
    else if (!short_of && *held_back)
        say_info("diagnostic.resumed", "to=\"%s\"", where);
    *held_back = short_of;
    return !short_of;
}
