/* verbs.h - the families of verbs, a table each.  Words, options and values are those of `az iot` where az has the verb. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/command.h"

enum { ASKS = CLI_CONNECTS | CLI_PRINTS }; /* of most */

extern const struct cli_verb verbs_own[], verbs_device[], verbs_identity[], verbs_twin[],
    verbs_rollout[], verbs_digital_twin[], verbs_hub[], verbs_access[], verbs_consumer_group[],
    verbs_saved_query[], verbs_routing[], verbs_stream[], verbs_dps[], verbs_certificate[],
    verbs_query[], verbs_completion[], verbs_feedback[];

#endif
