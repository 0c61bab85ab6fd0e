/* token.c - a device that asks about its own modules shows a token of its own. */
#include "hub/token.h"
#include "hub/registry/message.h"

bool token_is_of(const struct registry *r, struct slice token, const struct identity *device)
{
    struct sas sas;
    return device->enabled && device->auth == IDENTITY_SAS && sas_parse(token, &sas) == OK &&
           hub_token_of_identity(r->hub, &sas, device->device_id, device->keys) == AUTH_OK;
}
