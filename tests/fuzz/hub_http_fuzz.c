/* hub_http_fuzz.c - what anybody asks of a whole hub over HTTP: services, devices, administrators, browsers.
 *
 *     requests as whole_hub.h has them, "~" in a line between them; or "to api", "to socket", "to console": where the
 *     following ones go; or "pass SECONDS"
 *
 * Each is answered once, and not by 500; JSON is JSON.  Whatever came, the hub serves its device afterwards, and when it
 * stops nothing is left of anything that waited.
 */
#include "base/num.h"
#include "fuzz.h"
#include "whole_hub.h"

enum { PASS_MAX_S = 100000 };

static void see(const struct work_answer *a)
{
    assert(a->status != 500);
    assert(a->status != 429 || work_header(a, "retry-after").len);
}

static void obey(struct slice block)
{
    uint64_t seconds;
    if (slice_is(block, "to api"))
        whole_go(WHOLE_API);
    else if (slice_is(block, "to socket"))
        whole_go(WHOLE_SOCKET);
    else if (slice_is(block, "to console"))
        whole_go(WHOLE_CONSOLE);
    else if (!slice_starts(block, SLICE_LIT("pass ")))
        whole_ask(block, see);
    else if (num_u64(slice_from(block, 5), &seconds) == OK)
        rig_wait(&whole, (int64_t)(seconds % PASS_MAX_S) * WHOLE_SECOND_US);
}

void fuzz_one(struct slice input)
{
    whole_begin();
    while (input.len) obey(work_block(&input));
    whole_end();
}
