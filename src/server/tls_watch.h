/* tls_watch.h - who was refused, or refused us, before a protocol began: for hub/refusal.
 *
 * Runs on: tls_watch() before the cores run; then on the core's lane.
 */
#ifndef SERVER_TLS_WATCH_H
#define SERVER_TLS_WATCH_H

#include "hub/hub.h"
#include "net/net.h"

void tls_watch(struct core *core, const struct hub *hub);

#endif
