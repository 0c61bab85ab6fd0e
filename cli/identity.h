/* identity.h - device and module identities over the hub's HTTP API, for the verbs that need one. */
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include "cli/target.h"

/* Of a device, or of one of its modules (`module` empty: none): its path behind `before` ("/twins/"), and what it is
 * called: "device 'd'", "module 'm' of device 'd'".  Both lie in the arena of `c`. */
const char *identity_path(struct cli *c, const char *before, struct slice device,
                          struct slice module);
const char *identity_name(struct cli *c, struct slice device, struct slice module);

/* Whom --device-id and, where the verb has it, --module-id name. */
enum err identity_option(struct cli *c, struct slice *device, struct slice *module) MUST_USE;

/* Likewise where the module need not be said, and "device/module" in --device-id is understood, too. */
enum err identity_option_either(struct cli *c, struct slice *device, struct slice *module) MUST_USE;

/* A device, or one of its modules (`module` empty: none).  ERR_NOT_FOUND says how to make it. */
enum err identity_get(struct target *t, struct slice device, struct slice module,
                      struct json **out) MUST_USE;

/* Makes those that are not there, BULK at a time: "prefix-1" to "prefix-count", or just `prefix`
 * when `count` is 1. */
enum { IDENTITY_BULK_MAX = 100 /* IoT Hub: entries of one bulk call */ };
enum err identity_make(struct target *t, struct slice prefix, unsigned count) MUST_USE;

/* Its connection string in parts, as SDKs want it: with a gateway where the host has no dot. */
enum err identity_connstr(struct target *t, struct slice device, struct slice module,
                          struct connstr *out) MUST_USE;

/* DELETE, only if it still has that etag (NULL: whatever it has). */
enum err identity_drop(struct target *t, struct slice device, struct slice module,
                       const char *etag) MUST_USE;

/* The modules of a device. */
enum err identity_modules(struct target *t, struct slice device, struct json **out) MUST_USE;

/* PUT of the whole identity, only if it still has its etag. */
enum err identity_put(struct target *t, struct json *identity, const char *etag,
                      struct json **out) MUST_USE;

/* The verbs of `hub device-identity` and `hub module-identity`. */
enum err identity_create(struct cli *c) MUST_USE;
enum err identity_show(struct cli *c) MUST_USE;
enum err identity_list(struct cli *c) MUST_USE;
enum err identity_list_modules(struct cli *c) MUST_USE;
enum err identity_update(struct cli *c) MUST_USE;
enum err identity_delete(struct cli *c) MUST_USE;
enum err identity_renew_key(struct cli *c) MUST_USE;

extern const struct cli_option identity_create_options[], identity_device_options[],
    identity_list_options[], identity_update_options[], identity_delete_options[],
    identity_key_options[];
extern const struct cli_option module_create_options[], module_options[], module_list_options[],
    module_update_options[], module_delete_options[], module_key_options[];

#endif
