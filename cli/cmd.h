/* cmd.h - the verbs of this folder that have no header of their own, for verbs.c. */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "cli/command.h"

extern const struct cli_option access_connection_string_options[], access_env_options[],
    access_token_options[], ca_change_options[], ca_create_options[], ca_options[],
    ca_verify_options[], consumer_group_options[], monitor_options[], c2d_send_options[],
    c2d_device_options[], feedback_options[];

enum err access_connection_string(struct cli *c) MUST_USE;
enum err access_env(struct cli *c) MUST_USE;
enum err access_token(struct cli *c) MUST_USE;

enum err ca_create(struct cli *c) MUST_USE;
enum err ca_list(struct cli *c) MUST_USE;
enum err ca_show(struct cli *c) MUST_USE;
enum err ca_delete(struct cli *c) MUST_USE;
enum err ca_generate_code(struct cli *c) MUST_USE;
enum err ca_verify(struct cli *c) MUST_USE;

enum err group_create(struct cli *c) MUST_USE;
enum err group_list(struct cli *c) MUST_USE;
enum err group_delete(struct cli *c) MUST_USE;

enum err monitor_events(struct cli *c) MUST_USE;
enum err monitor_feedback(struct cli *c) MUST_USE;
enum err c2d_message_send(struct cli *c) MUST_USE;
enum err c2d_message_purge(struct cli *c) MUST_USE;
enum err doctor_examine(struct cli *c) MUST_USE;

#endif
