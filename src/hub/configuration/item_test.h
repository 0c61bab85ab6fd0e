/* item_test.h - configurations as rows of a table have them; for *_test.c files only. */
#ifndef HUB_CONFIGURATION_ITEM_TEST_H
#define HUB_CONFIGURATION_ITEM_TEST_H

#include "base/test.h"

#include "hub/configuration/item.h"

/* Of "ID|PRIORITY|TARGET|CONTENT", a content of that kind: "deviceContent". */
static inline struct item *item_of(const char *kind, const char *text)
{
    char json[1024], id[64], priority[16], target[128], content[512];
    struct item *it;
    int n = sscanf(text, "%63[^|]|%15[^|]|%127[^|]|%511[^|]", id, priority, target, content);
    assert_int_equal(n, 4);
    snprintf(json, sizeof json,
             "{\"priority\":%s,\"targetCondition\":\"%s\",\"content\":{\"%s\":%s}}", priority,
             target, kind, content);
    enum status s = conf_item_read(slice_str(id), slice_str(json), NULL, 1, &it);
    if (s != STATUS_OK) fail_msg("%s: %s", json, fail_text());
    return it;
}

#endif
