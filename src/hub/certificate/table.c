/* table.c - a short sorted array, and the set of CAs made from it. */
#include "hub/certificate/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/say.h"

bool certificate_name_valid(struct slice name)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    if (name.len == 0 || name.len > CERTIFICATE_NAME_MAX) return false;
    for (size_t i = 0; i < name.len; i++)
        if (memchr(legal, name.ptr[i], sizeof legal - 1) == NULL) return false;
    return true;
}

void certificate_lower(const char *name, char out[CERTIFICATE_NAME_MAX + 1])
{
    slice_lower(slice_str(name), out);
}

void certificate_describe(struct certificate *c, const struct x509_certificate *x)
{
    snprintf(c->subject, sizeof c->subject, "%s", x->subject);
    for (size_t i = 0; i < sizeof x->sha1; i++)
        snprintf(c->thumbprint + 2 * i, 3, "%02X", x->sha1[i]);
    c->until_us = x->until_us;
}

static enum err check_ca(const struct x509_certificate *x)
{
    if (!x->is_ca)
        return fail(ERR_INVALID,
                    "'%s' is no certification authority: its basic constraints must say "
                    "CA:TRUE, and its key usage keyCertSign",
                    x->subject);
    if (x->until_us < clock_wall_us()) return fail(ERR_INVALID, "'%s' has expired", x->subject);
    return OK;
}

enum err certificate_make(struct slice name, struct slice upload, struct certificate **out)
{
    struct buf der = {0};
    struct x509_certificate x;
    enum err e = x509_certificate_read(upload, &der, &x);
    if (e == OK) e = check_ca(&x);
    if (e == OK) {
        struct certificate *c = *out = mem_zero(sizeof *c + buf_size(&der));
        slice_copy(c->name, name);
        c->der_len = (uint32_t)buf_size(&der);
        slice_copy(c->der, buf_slice(&der));
        certificate_describe(c, &x);
    }
    buf_free(&der);
    return e;
}

/* ---- the table */

void certificate_table_init(struct certificate_table *t)
{
    *t = (struct certificate_table){.cas = x509_cas_new()};
}

void certificate_table_fini(struct certificate_table *t)
{
    for (unsigned i = 0; i < t->count; i++) free(t->items[i]);
    x509_cas_free(t->cas);
    *t = (struct certificate_table){0};
}

static void remake_cas(struct certificate_table *t)
{
    x509_cas_free(t->cas);
    t->cas = x509_cas_new();
    for (unsigned i = 0; i < t->count; i++) {
        const struct certificate *c = t->items[i];
        if (c->verified && x509_cas_add(t->cas, slice_of(c->der, c->der_len)) != OK)
            say_error("certificate.unreadable", "name=%s", c->name);
    }
}

static int compare(struct slice name, const struct certificate *c)
{
    char a[CERTIFICATE_NAME_MAX + 1], b[CERTIFICATE_NAME_MAX + 1], plain[CERTIFICATE_NAME_MAX + 1];
    snprintf(plain, sizeof plain, "%.*s", SLICE_ARG(name));
    certificate_lower(plain, a);
    certificate_lower(c->name, b);
    return strcmp(a, b);
}

/* Where it is or belongs. */
static unsigned place_of(const struct certificate_table *t, struct slice name)
{
    unsigned i = 0;
    while (i < t->count && compare(name, t->items[i]) > 0) i++;
    return i;
}

static bool is_at(const struct certificate_table *t, unsigned place, struct slice name)
{
    return place < t->count && compare(name, t->items[place]) == 0;
}

const struct certificate *certificate_table_find(const struct certificate_table *t,
                                                 struct slice name)
{
    if (!certificate_name_valid(name)) return NULL;
    unsigned place = place_of(t, name);
    return is_at(t, place, name) ? t->items[place] : NULL;
}

const struct certificate *certificate_table_with(const struct certificate_table *t,
                                                 const char *thumbprint)
{
    for (unsigned i = 0; i < t->count; i++)
        if (strcmp(t->items[i]->thumbprint, thumbprint) == 0) return t->items[i];
    return NULL;
}

void certificate_table_put(struct certificate_table *t, const struct certificate *c)
{
    struct slice name = slice_str(c->name);
    unsigned place = place_of(t, name);
    if (is_at(t, place, name)) {
        free(t->items[place]);
    } else {
        assert(t->count < X509_CAS_MAX);
        memmove(&t->items[place + 1], &t->items[place], (t->count - place) * sizeof t->items[0]);
        t->count++;
    }
    t->items[place] = mem_new(certificate_size(c));
    memcpy(t->items[place], c, certificate_size(c));
    remake_cas(t);
}

void certificate_table_remove(struct certificate_table *t, struct slice name)
{
    unsigned place = place_of(t, name);
    if (!is_at(t, place, name)) return;
    free(t->items[place]);
    t->count--;
    memmove(&t->items[place], &t->items[place + 1], (t->count - place) * sizeof t->items[0]);
    remake_cas(t);
}
