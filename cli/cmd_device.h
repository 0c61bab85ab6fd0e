/* cmd_device.h - the verbs of devices, for verbs_device.c. */
#ifndef CLI_CMD_DEVICE_H
#define CLI_CMD_DEVICE_H

#include "cli/command.h"

extern const struct cli_option device_simulate_options[], device_send_options[];
extern const char device_simulate_help[], device_send_help[];

enum err device_simulate(struct cli *c) MUST_USE;
enum err device_send_message(struct cli *c) MUST_USE;

#endif
