/* check.h - what several kinds look for in an endpoint of the routing document.  Private to deliver.
 *
 * A secret is shown as CHECK_MASK; a document that comes back with the mask keeps the secret it stands for. */
#ifndef DELIVER_CHECK_H
#define DELIVER_CHECK_H

#include "base/json.h"

#define CHECK_MASK      "****"
#define CHECK_KEY_BASED "keyBased"

/* Azure's tools add where a resource is; it says nothing here. */
#define CHECK_MEMBERS_OF_ALL "name", "id", "subscriptionId", "resourceGroup"

/* A text of 1 to `max` bytes in UTF-8, without control characters. */
enum err check_text(const struct json *e, const char *key, size_t max) MUST_USE;

/* The same, or nothing; of a masked one what it was before takes its place. */
enum err check_secret(struct arena *a, struct json *e, const struct json *before, const char *key,
                      size_t max) MUST_USE;
void check_mask(struct arena *a, struct json *e, const char *key);

/* A text with a secret in it: appended with its secret masked. */
typedef void (*check_put_masked)(struct buf *out, struct slice text);
void check_mask_part(struct arena *a, struct json *e, const char *key, check_put_masked put);

/* Is `shown` what is shown of `kept`?  Then it stands for that. */
bool check_is_masked(struct slice shown, struct slice kept, check_put_masked put);

/* Of what is opened by a key alone: authenticationType, if it says something, and from now on. */
enum err check_key_based(struct arena *a, struct json *e) MUST_USE;

#endif
