/* flapping.c - who comes and goes, and comes again: how often the records of an identity say that it was cut off lately.
 *
 * Equal ends are one record with a count and two times.  Of one that is older than the span its share counts, as
 * if they had come evenly. */
#include "base/num.h"
#include "hub/refusal/refusal.h"

static bool is_end(enum refusal_cause cause)
{
    return cause == REFUSAL_TAKEOVER || cause == REFUSAL_KEEPALIVE || cause == REFUSAL_PROTOCOL ||
           cause == REFUSAL_PEER_GONE;
}

static unsigned ends_since(const struct refusal_seen *s, int64_t since_us)
{
    if (!is_end(s->what.cause) || s->last_us < since_us) return 0;
    return (unsigned)num_share_since(s->count, s->first_us, s->last_us, since_us);
}

unsigned refusal_flapping(const struct refusal_page *page, int64_t now_us,
                          enum refusal_cause *cause)
{
    unsigned total = 0, most = 0, by_cause[REFUSAL_CAUSES] = {0};
    *cause = REFUSAL_CAUSES;
    for (size_t i = 0; i < page->count; i++) {
        const struct refusal_seen *s = &page->items[i];
        unsigned n = ends_since(s, now_us - REFUSAL_FLAPPING_S * 1000000ll);
        total += n;
        by_cause[s->what.cause] += n;
        if (by_cause[s->what.cause] > most) *cause = s->what.cause;
        most = MAX(most, by_cause[s->what.cause]);
    }
    return total;
}
