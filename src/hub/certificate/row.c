/* row.c - what is kept: the certificate itself; what it says is read from it again. */
#include "hub/certificate/row.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/text.h"
#include "hub/certificate/certificate_sql.h"

static struct certificate *of_columns(const struct store_value *col, struct slice der,
                                      const struct x509_certificate *x)
{
    struct certificate *c = mem_zero(sizeof *c + der.len);
    snprintf(c->name, sizeof c->name, "%.*s", SLICE_ARG(col[1].bytes));
    snprintf(c->code, sizeof c->code, "%.*s", SLICE_ARG(col[4].bytes));
    certificate_describe(c, x);
    c->verified = col[3].number != 0;
    c->etag = (uint64_t)col[5].number;
    c->created_us = col[6].number;
    c->updated_us = col[7].number;
    c->der_len = (uint32_t)der.len;
    slice_copy(c->der, der);
    return c;
}

enum err certificate_row_read(const struct store_value *col, struct certificate **out)
{
    struct buf bytes = {0}, der = {0};
    struct x509_certificate x;
    enum err e = text_unbase64(&bytes, col[2].bytes);
    if (e == OK) e = x509_certificate_read(buf_slice(&bytes), &der, &x);
    if (e == OK) *out = of_columns(col, buf_slice(&der), &x);
    buf_free(&bytes);
    buf_free(&der);
    return e == OK ? OK
                   : fail(ERR_CORRUPT, "the stored certificate '%.*s' cannot be read",
                          SLICE_ARG(col[1].bytes));
}

static void put_values(struct store_request *u, const struct certificate *c)
{
    struct buf der = {0};
    text_base64(&der, slice_of(c->der, c->der_len));
    store_put_text(u, "name", slice_str(c->name));
    store_put_text(u, "der", buf_slice(&der));
    store_put_int(u, "verified", c->verified);
    store_put_text(u, "code", slice_str(c->code));
    store_put_int(u, "etag", (int64_t)c->etag);
    store_put_int(u, "created_us", c->created_us);
    store_put_int(u, "updated_us", c->updated_us);
    buf_free(&der);
}

void certificate_row_write(struct store_request *u, const struct certificate *before,
                           const struct certificate *after)
{
    char lower[CERTIFICATE_NAME_MAX + 1];
    const struct store_statement *statement = &sql_certificate_update;
    if (before == NULL) statement = &sql_certificate_insert;
    if (after == NULL) statement = &sql_certificate_remove;
    const struct certificate *named = before ? before : after;
    assert(named != NULL);
    certificate_lower(named->name, lower);
    store_begin_unit(u, STORE_INTERACTIVE);
    store_add(u, statement, 1);
    store_put_text(u, "name_lower", slice_str(lower));
    if (before) store_put_int(u, "old_etag", (int64_t)before->etag);
    if (after) put_values(u, after);
}
