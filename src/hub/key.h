/* key.h - an identity as the store's tables have it: the columns device_id and module_id, '' of a device.
 *
 * Runs on: any thread.
 */
#ifndef HUB_KEY_H
#define HUB_KEY_H

#include "hub/hub.h"
#include "store/store.h"

/* Both parameters of a statement; before the first identity of all, where `who` is empty. */
static inline void hub_put_key(struct store_request *r, struct slice who)
{
    struct slice device_id = hub_device_of(who), module_id = hub_module_of(who);
    store_put_text(r, "device_id", device_id.len ? device_id : SLICE_LIT(""));
    store_put_text(r, "module_id", module_id.len ? module_id : SLICE_LIT(""));
}

#endif
