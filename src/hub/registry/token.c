/* token.c - a device that asks about its own modules shows a token of its own. */
#include <stdio.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "hub/registry/message.h"

static bool is_our_host(const void *hub, struct slice host)
{
    return hub_is_host(hub, host);
}

bool token_is_of(const struct registry *r, struct slice token, const struct identity *device)
{
    char path[sizeof "devices/" + HUB_ID_LEN_MAX];
    struct sas sas;
    snprintf(path, sizeof path, "devices/%.*s", SLICE_ARG(device->device_id));
    const struct auth_ask ask = {
        .path = slice_str(path), .now_us = clock_wall_us(), .is_host = is_our_host, .ctx = r->hub};
    return device->enabled && device->auth == IDENTITY_SAS && sas_parse(token, &sas) == OK &&
           auth_by_keys(&sas, &ask, device->keys) == AUTH_OK;
}
