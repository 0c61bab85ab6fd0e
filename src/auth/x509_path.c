/* x509_path.c - paths from a device's certificate to a CA that were verified lately.
 *
 * A device that registers is asked who it is with each of its requests, and each path costs a signature
 * of some 100 us for every link.  So a thread remembers of a path that holds what was shown and where it
 * ends, by SHA-256 of the whole of both, how long it is, and between which moments each of its certificates
 * is valid.  Nothing else decides; whether the CA still counts is the asker's question.  What was refused
 * is not remembered. */
#include "auth/x509_internal.h"

#include <string.h>

#include "base/metrics.h"

COUNTER(known, "azimuth_x509_paths_known_total", "Paths to a CA that had been verified already");
COUNTER(verified, "azimuth_x509_paths_verified_total", "Paths to a CA that were verified and held");

static _Thread_local struct x509_path paths[X509_PATHS_MAX];

static struct x509_path *place_of(const struct x509_ends *ends)
{
    uint32_t first, second;
    memcpy(&first, ends->shown, sizeof first);
    memcpy(&second, ends->anchor, sizeof second);
    return &paths[(first ^ second) % X509_PATHS_MAX];
}

bool x509_path_find(const struct x509_ends *ends, int64_t now_us, unsigned *depth)
{
    const struct x509_path *p = place_of(ends);
    if (memcmp(&p->ends, ends, sizeof *ends) != 0 || now_us < p->from_us || now_us >= p->until_us)
        return false;
    metric_inc(&known);
    *depth = p->depth;
    return true;
}

void x509_path_keep(const struct x509_path *p)
{
    metric_inc(&verified);
    *place_of(&p->ends) = *p;
}
