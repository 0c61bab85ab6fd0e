/* cmd.h - the verbs of this folder that have no header of their own, for the verbs_ files. */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "cli/command.h"

struct target;

extern const struct cli_option access_connection_string_options[], access_dps_options[],
    access_env_options[], access_token_options[], ca_change_options[], ca_create_options[],
    ca_options[], ca_verify_options[], consumer_group_options[], policy_options[],
    policy_create_options[], policy_renew_options[], user_options[], user_create_options[],
    user_password_options[], user_update_options[], consumer_group_list_options[],
    eventhub_options[], eventhub_create_options[], eventhub_update_options[],
    method_device_options[], method_module_options[], monitor_options[],
    completion_suggest_options[], twin_device_options[], twin_module_options[],
    twin_device_update_options[], twin_module_update_options[], twin_device_replace_options[],
    twin_module_replace_options[], c2d_send_options[], c2d_device_options[], c2d_receive_options[],
    c2d_settle_options[], feedback_options[], query_options[], job_create_options[], job_options[],
    job_list_options[], command_invoke_options[], digital_twin_options[],
    digital_twin_update_options[], twin_device_undo_options[], twin_module_undo_options[];
extern const struct cli_option signed_in_options[];
extern const struct cli_option rollout_create_options[], rollout_options[], rollout_list_options[],
    rollout_update_options[], rollout_delete_options[], rollout_metric_options[],
    deployment_create_options[], deployment_options[], deployment_update_options[],
    deployment_delete_options[], deployment_metric_options[], edge_modules_options[];
struct json;
/* Deploys modules to one edge device: what --content of edge set-modules is. */
enum err edge_deploy(struct cli *c, struct target *t, struct slice device,
                     const struct json *content) MUST_USE;
extern const struct cli_option edge_create_options[];
extern const char edge_create_help[];
enum err edge_create(struct cli *c) MUST_USE;
extern const struct cli_option apply_options[], diff_options[];
extern const char apply_help[], diff_help[];
enum err apply_file(struct cli *c) MUST_USE;
enum err diff_file(struct cli *c) MUST_USE;
extern const struct cli_option profile_options[], profile_show_options[], profile_set_options[];
extern const char profile_set_help[];
enum err profile_list(struct cli *c) MUST_USE;
enum err profile_show(struct cli *c) MUST_USE;
enum err profile_set(struct cli *c) MUST_USE;
enum err profile_use(struct cli *c) MUST_USE;
enum err profile_delete(struct cli *c) MUST_USE;
extern const struct cli_option saved_query_options[], saved_query_create_options[];
extern const struct cli_option parent_show_options[], parent_set_options[], children_list_options[],
    children_add_options[], children_remove_options[];
extern const struct cli_option transfer_export_options[], transfer_import_options[],
    state_export_options[], state_import_options[], state_migrate_options[];
extern const char state_import_help[];
extern const struct cli_option upload_options[];
extern const struct cli_option access_policy_show_options[], access_device_show_options[],
    access_module_show_options[], twin_list_options[], edge_device_options[], expect_wait_options[],
    expect_twin_options[];
extern const char expect_wait_help[], expect_twin_help[];
extern const struct cli_option dps_individual_options[], dps_individual_show_options[],
    dps_individual_delete_options[], dps_individual_create_options[], dps_group_options[],
    dps_group_show_options[], dps_group_delete_options[], dps_group_revoke_options[],
    dps_group_create_options[], dps_registration_options[], dps_key_options[],
    dps_group_key_options[], linked_hub_options[], linked_hub_create_options[],
    linked_hub_update_options[], linked_hub_delete_options[];
extern const struct cli_option message_route_create_options[], message_route_update_options[],
    message_route_options[], message_route_list_options[], message_route_delete_options[],
    message_route_test_options[], message_route_fallback_options[], routing_apply_options[],
    message_enrichment_create_options[], message_enrichment_options[], message_endpoint_options[],
    message_endpoint_list_options[], message_endpoint_delete_options[], endpoint_eventhub_options[],
    endpoint_cosmos_options[], endpoint_kafka_options[], endpoint_mqtt_options[],
    endpoint_service_bus_options[], endpoint_storage_options[], endpoint_webhook_options[];
extern const char message_route_help[], message_enrichment_help[], message_endpoint_help[];
extern const struct cli_option replay_options[], capture_options[], capture_create_options[];
extern const struct cli_option diagnostic_options[], diagnostic_create_options[],
    diagnostic_update_options[];
extern const char diagnostic_help[];
extern const char job_create_help[], method_help[], twin_update_help[], twin_replace_help[],
    twin_history_help[], twin_undo_help[], query_help[], capture_help[], replay_help[],
    dps_group_help[], linked_hub_help[], digital_twin_update_help[], user_create_help[],
    rollout_create_help[], deployment_create_help[], transfer_export_help[], transfer_import_help[];

enum err access_connection_string(struct cli *c) MUST_USE;
enum err access_connection_string_show(struct cli *c) MUST_USE;
enum err device_upload_file(struct cli *c) MUST_USE;
enum err expect_wait(struct cli *c) MUST_USE;
enum err expect_twin(struct cli *c) MUST_USE;
enum err twin_list(struct cli *c) MUST_USE;
enum err edge_export_modules(struct cli *c) MUST_USE;
enum err access_dps_connection_string(struct cli *c) MUST_USE;
enum err access_dps_connection_string_show(struct cli *c) MUST_USE;
enum err access_env(struct cli *c) MUST_USE;
enum err access_token(struct cli *c) MUST_USE;

enum err transfer_export_verb(struct cli *c) MUST_USE;
enum err transfer_import_verb(struct cli *c) MUST_USE;
enum err state_export(struct cli *c) MUST_USE;
enum err state_import(struct cli *c) MUST_USE;
enum err state_migrate(struct cli *c) MUST_USE;

enum err ca_create(struct cli *c) MUST_USE;
enum err ca_list(struct cli *c) MUST_USE;
enum err ca_show(struct cli *c) MUST_USE;
enum err ca_delete(struct cli *c) MUST_USE;
enum err ca_generate_code(struct cli *c) MUST_USE;
enum err ca_verify(struct cli *c) MUST_USE;

enum err provisioning_enrollment_create(struct cli *c) MUST_USE;
enum err provisioning_enrollment_show(struct cli *c) MUST_USE;
enum err provisioning_enrollment_list(struct cli *c) MUST_USE;
enum err provisioning_enrollment_update(struct cli *c) MUST_USE;
enum err provisioning_enrollment_delete(struct cli *c) MUST_USE;
enum err provisioning_group_revoke(struct cli *c) MUST_USE;
enum err provisioning_registration_list(struct cli *c) MUST_USE;
enum err provisioning_attempt_list(struct cli *c) MUST_USE;
enum err provisioning_registration_show(struct cli *c) MUST_USE;
enum err provisioning_registration_delete(struct cli *c) MUST_USE;
enum err provisioning_compute_device_key(struct cli *c) MUST_USE;

enum err linked_hub_create(struct cli *c) MUST_USE;
enum err linked_hub_list(struct cli *c) MUST_USE;
enum err linked_hub_show(struct cli *c) MUST_USE;
enum err linked_hub_update(struct cli *c) MUST_USE;
enum err linked_hub_delete(struct cli *c) MUST_USE;

enum err capture_create(struct cli *c) MUST_USE;
enum err capture_show(struct cli *c) MUST_USE;
enum err capture_show_all(struct cli *c) MUST_USE;
enum err capture_end(struct cli *c) MUST_USE;
enum err hub_replay(struct cli *c) MUST_USE;
enum err diagnostic_create(struct cli *c) MUST_USE;
enum err diagnostic_update(struct cli *c) MUST_USE;
enum err diagnostic_show(struct cli *c) MUST_USE;
enum err diagnostic_show_all(struct cli *c) MUST_USE;
enum err diagnostic_delete(struct cli *c) MUST_USE;
enum err diagnostic_categories(struct cli *c) MUST_USE;
enum err eventhub_create(struct cli *c) MUST_USE;
enum err eventhub_update(struct cli *c) MUST_USE;
enum err eventhub_show(struct cli *c) MUST_USE;
enum err eventhub_delete(struct cli *c) MUST_USE;
enum err eventhub_list(struct cli *c) MUST_USE;

enum err saved_query_create(struct cli *c) MUST_USE;
enum err saved_query_show_all(struct cli *c) MUST_USE;
enum err saved_query_remove(struct cli *c) MUST_USE;

enum err group_create(struct cli *c) MUST_USE;
enum err group_list(struct cli *c) MUST_USE;
extern const char health_help[];
enum err health_ask(struct cli *c) MUST_USE;
extern const char quota_help[];
enum err hub_show_stats(struct cli *c) MUST_USE;
enum err hub_show_quota(struct cli *c) MUST_USE;
enum err policy_list(struct cli *c) MUST_USE;
enum err policy_show(struct cli *c) MUST_USE;
extern const char policy_create_help[], policy_update_help[];
enum err policy_create(struct cli *c) MUST_USE;
enum err policy_update(struct cli *c) MUST_USE;
enum err policy_delete(struct cli *c) MUST_USE;
enum err policy_renew_key(struct cli *c) MUST_USE;
enum err user_create(struct cli *c) MUST_USE;
enum err user_list(struct cli *c) MUST_USE;
enum err user_show(struct cli *c) MUST_USE;
enum err user_update(struct cli *c) MUST_USE;
enum err user_set_password(struct cli *c) MUST_USE;
enum err user_delete(struct cli *c) MUST_USE;
enum err signed_in_list(struct cli *c) MUST_USE;
enum err signed_in_end(struct cli *c) MUST_USE;
enum err group_delete(struct cli *c) MUST_USE;

enum err message_route_create(struct cli *c) MUST_USE;
enum err message_route_update(struct cli *c) MUST_USE;
enum err message_route_show(struct cli *c) MUST_USE;
enum err message_route_list(struct cli *c) MUST_USE;
enum err message_route_delete(struct cli *c) MUST_USE;
enum err message_route_test(struct cli *c) MUST_USE;
enum err message_route_fallback_show(struct cli *c) MUST_USE;
enum err message_route_fallback_set(struct cli *c) MUST_USE;
enum err message_routing_show(struct cli *c) MUST_USE;
enum err message_routing_apply(struct cli *c) MUST_USE;
enum err message_enrichment_create(struct cli *c) MUST_USE;
enum err message_enrichment_update(struct cli *c) MUST_USE;
enum err message_enrichment_delete(struct cli *c) MUST_USE;
enum err message_enrichment_list(struct cli *c) MUST_USE;
enum err message_endpoint_create(struct cli *c) MUST_USE;
enum err message_endpoint_update(struct cli *c) MUST_USE;
enum err message_endpoint_list(struct cli *c) MUST_USE;
enum err message_endpoint_show(struct cli *c) MUST_USE;
enum err message_endpoint_delete(struct cli *c) MUST_USE;

/* How long a direct method waits for the device and for its answer, as options of these names say. */
struct method_times {
    int64_t response_s, connect_s;
};
enum err method_read_times(const struct cli *c, const char *response, const char *connect,
                           struct method_times *out) MUST_USE;
enum err method_invoke(struct cli *c) MUST_USE;

enum err command_invoke(struct cli *c) MUST_USE;

enum err digital_twin_show(struct cli *c) MUST_USE;
enum err digital_twin_change(struct cli *c) MUST_USE;

enum err parent_show(struct cli *c) MUST_USE;
enum err parent_set(struct cli *c) MUST_USE;
enum err children_list(struct cli *c) MUST_USE;
enum err children_add(struct cli *c) MUST_USE;
enum err children_remove(struct cli *c) MUST_USE;

enum err twin_show(struct cli *c) MUST_USE;
enum err twin_update(struct cli *c) MUST_USE;
enum err twin_replace(struct cli *c) MUST_USE;
enum err twin_history_show(struct cli *c) MUST_USE;
enum err twin_undo(struct cli *c) MUST_USE;

enum err query_hub(struct cli *c) MUST_USE;
struct target;
/* All rows of a query, page by page: an array. */
enum err query_rows(struct cli *c, struct target *t, struct slice query,
                    struct json **out) MUST_USE;

enum err rollout_create(struct cli *c) MUST_USE;
enum err rollout_show(struct cli *c) MUST_USE;
enum err rollout_list(struct cli *c) MUST_USE;
enum err rollout_update(struct cli *c) MUST_USE;
enum err rollout_delete(struct cli *c) MUST_USE;
enum err rollout_show_metric(struct cli *c) MUST_USE;
enum err deployment_list(struct cli *c) MUST_USE;
enum err edge_set_modules(struct cli *c) MUST_USE;

enum err jobs_create(struct cli *c) MUST_USE;
enum err jobs_show(struct cli *c) MUST_USE;
enum err jobs_list(struct cli *c) MUST_USE;
enum err jobs_cancel(struct cli *c) MUST_USE;

enum err monitor_events(struct cli *c) MUST_USE;
/* Waits for messages of a device, or of a module of it, that it sends from `from` on: as --from of hub monitor-events;
 * NULL: from `since_us` on, by the hub's wall clock.  ERR_TIMEOUT: fewer came. */
struct monitor_wait {
    struct target *target;
    struct slice device, module; /* SLICE_NONE: of the device and all its modules */
    const char *from;
    int64_t since_us, count, wait_us;
};
enum err monitor_wait(struct cli *c, const struct monitor_wait *w) MUST_USE;
enum err monitor_feedback(struct cli *c) MUST_USE;
enum err c2d_message_send(struct cli *c) MUST_USE;
enum err c2d_message_purge(struct cli *c) MUST_USE;
extern const struct cli_option c2d_delete_options[];
enum err c2d_message_list(struct cli *c) MUST_USE;
enum err c2d_message_delete(struct cli *c) MUST_USE;
enum err c2d_message_receive(struct cli *c) MUST_USE;
enum err c2d_message_complete(struct cli *c) MUST_USE;
enum err c2d_message_abandon(struct cli *c) MUST_USE;
enum err c2d_message_reject(struct cli *c) MUST_USE;
extern const struct cli_option docs_options[];
enum err console_link(struct cli *c) MUST_USE;
enum err docs_where(struct cli *c) MUST_USE;
enum err doctor_examine(struct cli *c) MUST_USE;
enum err why_refused(struct cli *c) MUST_USE;
extern const struct cli_option twin_diff_options[], devices_options[], route_explain_options[];
extern const char twin_diff_help[], devices_help[], route_explain_help[];
enum err route_explain(struct cli *c) MUST_USE;
enum err twin_diff(struct cli *c) MUST_USE;
enum err devices_list(struct cli *c) MUST_USE;
extern const struct cli_option why_options[], doctor_options[];
extern const char why_help[];

enum err completion_bash(struct cli *c) MUST_USE;
enum err completion_zsh(struct cli *c) MUST_USE;
enum err completion_fish(struct cli *c) MUST_USE;
enum err completion_suggest(struct cli *c) MUST_USE;

#endif
