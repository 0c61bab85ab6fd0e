/* change.c - the rules. */
#include "hub/certificate/change.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/rand.h"

LIMIT_REACHED(too_many_certificates, "certificates")

static enum err check_if_match(const struct change *change, const struct certificate *before)
{
    char etag[ETAG_MAX + 1];
    if (!change->has_if_match)
        return fail(ERR_PRECONDITION,
                    "'%s' is there: If-Match must say which version of it is meant", before->name);
    etag_of_number(before->etag, etag);
    struct slice wanted = slice_str(change->if_match);
    if (wanted.len <= CERTIFICATE_IF_MATCH_MAX && etag_matches(wanted, slice_str(etag))) return OK;
    return fail(ERR_PRECONDITION, "'%s' was changed meanwhile: its ETag is another one",
                before->name);
}

/* As identities have it: nine digits, another one for each version. */
static void stamp(struct certificate *c, const struct certificate *before)
{
    c->updated_us = clock_wall_us();
    c->created_us = before ? before->created_us : c->updated_us;
    c->etag = before ? before->etag + 1 : 100000000 + rand_u64() % 900000000;
}

static struct certificate *next_version(const struct certificate *before)
{
    struct certificate *c = mem_new(certificate_size(before));
    memcpy(c, before, certificate_size(before));
    stamp(c, before);
    return c;
}

/* ---- the four changes */

static enum err check_room(const struct certificate_table *t, const struct certificate *before,
                           const struct certificate *made)
{
    const struct certificate *same = certificate_table_with(t, made->thumbprint);
    if (same && same != before)
        return fail(ERR_EXISTS, "that certificate is there already, as '%s'", same->name);
    if (before || t->count < X509_CAS_MAX) return OK;
    metric_inc(&too_many_certificates);
    return fail(ERR_FULL, "there are %d certificates, as many as there may be", X509_CAS_MAX);
}

static enum err put(const struct change *change, const struct certificate_table *t,
                    const struct certificate *before, struct certificate **after)
{
    struct certificate *c;
    TRY(certificate_make(slice_str(change->name), slice_of(change->upload, change->upload_len),
                         &c));
    enum err e = check_room(t, before, c);
    if (e != OK) {
        free(c);
        return e;
    }
    bool same = before && strcmp(before->thumbprint, c->thumbprint) == 0;
    c->verified = change->verified || (same && before->verified);
    if (before) memcpy(c->name, before->name, sizeof c->name); /* its first spelling */
    stamp(c, before);
    *after = c;
    return OK;
}

static enum err make_code(const struct certificate *before, struct certificate **after)
{
    uint8_t bytes[CERTIFICATE_CODE_LEN / 2];
    struct certificate *c = *after = next_version(before);
    rand_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(c->code + 2 * i, 3, "%02X", bytes[i]);
    return OK;
}

static enum err verify(const struct change *change, const struct certificate *before,
                       struct certificate **after)
{
    struct buf proof = {0};
    struct x509_certificate unused;
    if (before->code[0] == '\0')
        return fail(ERR_DENIED, "'%s' awaits no proof: let a verification code be made first",
                    before->name);
    enum err e =
        x509_certificate_read(slice_of(change->upload, change->upload_len), &proof, &unused);
    if (e == OK)
        e = x509_proves(buf_slice(&proof), slice_of(before->der, before->der_len),
                        slice_str(before->code), clock_wall_us());
    buf_free(&proof);
    if (e != OK) return e;
    *after = next_version(before);
    (*after)->verified = true;
    (*after)->code[0] = '\0';
    return OK;
}

enum err certificate_decide(const struct change *change, const struct certificate_table *t,
                            const struct certificate **before, struct certificate **after)
{
    struct slice name = slice_str(change->name);
    *after = NULL;
    *before = certificate_table_find(t, name);
    if (!certificate_name_valid(name))
        return fail(ERR_INVALID,
                    "a certificate's name has 1 to %d letters, digits, '-', '.' and '_'",
                    CERTIFICATE_NAME_MAX);
    bool creates = change->kind == CHANGE_PUT && !change->has_if_match;
    if (*before == NULL && !creates)
        return fail(change->kind == CHANGE_PUT ? ERR_PRECONDITION : ERR_NOT_FOUND,
                    "there is no certificate '%s'", change->name);
    if (*before) TRY(check_if_match(change, *before));
    switch (change->kind) {
    case CHANGE_PUT: return put(change, t, *before, after);
    case CHANGE_DELETE: return OK;
    case CHANGE_MAKE_CODE: return make_code(*before, after);
    case CHANGE_VERIFY: return verify(change, *before, after);
    }
    return ERR_INVALID;
}
