/* parse.h - what queries make of the words of src/lang.  Private to hub/query. */
#ifndef HUB_QUERY_PARSE_H
#define HUB_QUERY_PARSE_H

#include "hub/query/tree.h"
#include "lang/parse.h"

/* path.c: the word is its first name; the parser's source (enum query_source) decides what
 * "devices.modules." in front of it means. */
enum err query_read_path(struct parser *p, struct expr **out) MUST_USE;

#endif
