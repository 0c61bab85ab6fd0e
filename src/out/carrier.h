/* carrier.h - who carries a request over the network.  For the program: libcurl (courier.h); for tests:
 * themselves. */
#ifndef OUT_CARRIER_H
#define OUT_CARRIER_H

#include "out/out.h"

struct out_call; /* one request, owned by the lane */

/* Called on the lane "out". */
struct out_carrier {
    void (*begin)(void *ctx, struct out_call *call); /* ends with out_call_end(), perhaps at once */
    void (*abandon)(void *ctx, struct out_call *call); /* it was given up: forget it */
    void *ctx;
};

/* What is asked; borrowed until the call ends. */
void out_call_request(const struct out_call *call, struct out_request *out);

/* The carrier's own. */
void **out_call_own(struct out_call *call);

void out_call_end(struct out_call *call, const struct out_answer *a);

#endif
