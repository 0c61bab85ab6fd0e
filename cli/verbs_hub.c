/* verbs_hub.c - verbs of the hub itself: methods, a token, counts, queries, events as they come. */
#include "cli/cmd.h"
#include "cli/verbs.h"

const struct cli_verb verbs_hub[] = {
    {.words = "hub invoke-device-method",
     .summary = "Calls a direct method of a device and prints its answer",
     .kind = ASKS,
     .options = method_device_options,
     .run = method_invoke,
     .more = method_help},
    {.words = "hub invoke-module-method",
     .summary = "Calls a direct method of a module and prints its answer",
     .kind = ASKS,
     .options = method_module_options,
     .run = method_invoke,
     .more = method_help},
    {.words = "hub generate-sas-token",
     .summary = "Makes a token for a device or a service",
     .kind = ASKS,
     .options = access_token_options,
     .run = access_token},
    {.words = "hub show-stats",
     .summary = "Counts the devices: all, enabled, disabled",
     .kind = ASKS,
     .run = hub_show_stats},
    {.words = "hub show-quota-metrics",
     .summary = "Shows what is used of the day's messages and of the devices",
     .kind = ASKS,
     .run = hub_show_quota,
     .more = quota_help},
    {.words = NULL},
};

const struct cli_verb verbs_saved_query[] = {
    {.words = "hub saved-query create",
     .summary = "Gives a query of devices a name, for all who use the console",
     .kind = ASKS,
     .options = saved_query_create_options,
     .run = saved_query_create},
    {.words = "hub saved-query list",
     .summary = "Lists the saved queries",
     .kind = ASKS,
     .run = saved_query_show_all},
    {.words = "hub saved-query delete",
     .summary = "Deletes a saved query",
     .kind = CLI_CONNECTS,
     .options = saved_query_options,
     .run = saved_query_remove},
    {.words = NULL},
};

const struct cli_verb verbs_query[] = {
    {.words = "hub query",
     .summary = "Finds devices and modules by what they have",
     .kind = ASKS,
     .options = query_options,
     .run = query_hub,
     .more = query_help,
     .alias = "query"},
    {.words = "hub monitor-events",
     .summary = "Prints events as they arrive",
     .kind = ASKS,
     .options = monitor_options,
     .run = monitor_events,
     .alias = "monitor-events",
     .more =
         "    azimuth hub monitor-events --from beginning --count 10 -o jsonl --properties all"},
    {.words = NULL},
};

const struct cli_verb verbs_feedback[] = {
    {.words = "hub monitor-feedback",
     .summary = "Prints what became of messages to devices, and takes it from the queue",
     .kind = ASKS,
     .options = feedback_options,
     .run = monitor_feedback},
    {.words = NULL},
};
