/* trust.h - whose certificates count for connections that this core opens.  Private to deliver.
 *
 * Made when it is first asked for: reading the system's takes milliseconds, and most hubs open none. */
#ifndef DELIVER_TRUST_H
#define DELIVER_TRUST_H

#include "base/err.h"
#include "base/slice.h"

struct tls_context;

struct trust {
    struct slice ca_pem; /* borrowed; empty: the system's */
    struct tls_context *context;
};

void trust_init(struct trust *t, struct slice ca_pem);
void trust_fini(struct trust *t);

/* Borrowed.  With a text if there is none to be had. */
enum err trust_context(struct trust *t, struct tls_context **out) MUST_USE;

#endif
