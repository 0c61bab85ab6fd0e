/* agreement.h - who agreed by hand is remembered, so that no restart asks him again.  Private to deliver.
 *
 * It holds for one address and schema of one endpoint: another address, or another endpoint of that name, is
 * asked.  What is stored is a digest of these two and behind it, in decimal, the rate that he granted, if he
 * did. */
#ifndef DELIVER_WEBHOOK_AGREEMENT_H
#define DELIVER_WEBHOOK_AGREEMENT_H

#include "deliver/kind.h"
#include "store/store.h"

enum { AGREEMENT_LEN = 32 };

struct webhook_agreement {
    const struct deliver_place *place;
    uint8_t
        to[AGREEMENT_LEN]; /* SHA-256 of the address, which may have a key in it, and the schema */
    uint64_t rate;         /* requests a minute; 0: as many as there are */
    struct store_wait wait;
    bool asking; /* the store */
    void (*fn)(struct webhook_agreement *a, bool agreed);
};

void webhook_agreement_init(struct webhook_agreement *a, const struct deliver_place *place,
                            struct slice uri, struct slice schema);

/* fn() says whether it is kept, then with its rate, later, unless it is forgotten; if the store does not know, it is not. */
void webhook_agreement_look(struct webhook_agreement *a,
                            void (*fn)(struct webhook_agreement *a, bool agreed));

/* He agreed, with `rate`; the endpoint is gone for good. */
void webhook_agreement_keep(struct webhook_agreement *a);
void webhook_agreement_drop(struct webhook_agreement *a);

/* What was asked of the store is done, but nobody hears of it. */
void webhook_agreement_forget(struct webhook_agreement *a);

#endif
