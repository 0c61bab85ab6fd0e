/* tree.h - desired properties as a tree of JSON in an arena: paths set and taken out, differences.  Private
 * to hub/configuration. */
#ifndef HUB_CONFIGURATION_TREE_H
#define HUB_CONFIGURATION_TREE_H

#include "base/json.h"

/* The texts stay those of `j`. */
struct json *tree_copy(struct arena *a, const struct json *j);

/* Takes null members out of objects in `value`: what a twin would do when it is written. */
void tree_prune(struct json *value);

/* A copy without the members that begin with '$'. */
struct json *tree_of(struct arena *a, const struct json *desired);

bool tree_same(const struct json *a, const struct json *b); /* NULL is only like NULL */

/* The path behind "properties.desired" in the key of a setting: "" or "a.b". */
struct slice tree_path(const struct json *setting);

/* `path` empty: each member of `value`.  Null takes out; objects on the way are made. */
void tree_set(struct arena *a, struct json *desired, struct slice path, const struct json *value);

/* Takes out what tree_set() would set, and the objects around it that are empty then. */
void tree_clear(struct json *desired, const struct json *setting);

/* Is the setting what the tree says?  Of a whole document: at least one of its members. */
bool tree_has(const struct json *desired, const struct json *setting);

/* A merge patch from `is` to `wanted`, without members that begin with '$'; NULL: no difference. */
struct json *tree_difference(struct arena *a, const struct json *is, const struct json *wanted);

#endif
