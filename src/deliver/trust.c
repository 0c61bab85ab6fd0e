/* trust.c - one context for all connections that a core opens. */
#include "deliver/trust.h"

#include <stddef.h>

#include "proto/tls/tls.h"

void trust_init(struct trust *t, struct slice ca_pem)
{
    *t = (struct trust){.ca_pem = ca_pem};
}

void trust_fini(struct trust *t)
{
    tls_context_drop(t->context);
}

enum err trust_context(struct trust *t, struct tls_context **out)
{
    if (t->context == NULL) TRY(tls_client_context(t->ca_pem, &t->context));
    *out = t->context;
    return OK;
}
