/* table.h - one core's copy, by name.  Private to hub/certificate. */
#ifndef HUB_CERTIFICATE_TABLE_H
#define HUB_CERTIFICATE_TABLE_H

#include "hub/certificate/certificate.h"

struct certificate_table {
    struct certificate *items[X509_CAS_MAX]; /* sorted by name, without case */
    unsigned count;
    struct x509_cas *cas; /* the verified ones */
};

void certificate_table_init(struct certificate_table *t);
void certificate_table_fini(struct certificate_table *t);

const struct certificate *certificate_table_find(const struct certificate_table *t,
                                                 struct slice name);
const struct certificate *certificate_table_with(const struct certificate_table *t,
                                                 const char *thumbprint);

/* Copies it; in place of the one with its name, if there is one. */
void certificate_table_put(struct certificate_table *t, const struct certificate *c);
void certificate_table_remove(struct certificate_table *t, struct slice name);

static inline size_t certificate_size(const struct certificate *c)
{
    return sizeof *c + c->der_len;
}

bool certificate_name_valid(struct slice name);
void certificate_lower(const char *name, char out[CERTIFICATE_NAME_MAX + 1]);

void certificate_describe(struct certificate *c, const struct x509_certificate *x);

/* Of an upload: name, subject, thumbprint, end and DER, the rest 0; free() it.  ERR_INVALID. */
enum err certificate_make(struct slice name, struct slice upload,
                          struct certificate **out) MUST_USE;

#endif
