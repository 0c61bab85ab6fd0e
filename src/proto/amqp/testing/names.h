/* names.h - performatives by name. */
#ifndef PROTO_AMQP_TESTING_NAMES_H
#define PROTO_AMQP_TESTING_NAMES_H

#include "base/slice.h"

uint8_t wire_code_of(struct slice name); /* the name is known */
const char *wire_name_of(uint64_t code); /* NULL: no performative */

#endif
