/* verbs.c - all verbs there are: the caller's, then our families in the order of the help. */
#include "cli/verbs.h"

#include <assert.h>

static const struct cli_verb *const families[] = {
    verbs_own,          verbs_device,   verbs_identity, verbs_twin,           verbs_rollout,
    verbs_digital_twin, verbs_hub,      verbs_access,   verbs_consumer_group, verbs_saved_query,
    verbs_routing,      verbs_stream,   verbs_dps,      verbs_certificate,    verbs_query,
    verbs_completion,   verbs_feedback,
};

enum { FAMILIES = sizeof families / sizeof *families };
static_assert(FAMILIES + 2 <= CLI_TABLES_MAX, "the caller's table, ours and the end");

void cli_tables(const struct cli_verb *more, const struct cli_verb *out[CLI_TABLES_MAX])
{
    size_t count = 0;
    if (more) out[count++] = more;
    for (size_t i = 0; i < FAMILIES; i++) out[count++] = families[i];
    out[count] = NULL;
}
