/* answer.c - answers as flat bytes.
 *
 *   u32 err  u32 statement  u32 columns  u32 rows  u8 more  then rows x columns values (value.h)
 */
#include "store/engine.h"
#include "store/value.h"

enum { ROWS_AT = 12, MORE_AT = 16 };

static void put_head(struct buf *out, enum err err, uint32_t statement, uint32_t columns)
{
    buf_put_le32(out, (uint32_t)err);
    buf_put_le32(out, statement);
    buf_put_le32(out, columns);
    buf_put_le32(out, 0);
    buf_put_u8(out, 0);
}

void answer_error(struct buf *out, enum err err, uint32_t statement)
{
    put_head(out, err, statement, 0);
}

void answer_begin(struct answer_writer *w, struct buf *out, unsigned columns)
{
    assert(columns <= STORE_COLUMNS_MAX);
    *w = (struct answer_writer){.out = out, .start = out->len, .columns = columns};
    put_head(out, OK, 0, columns);
}

void answer_row(struct answer_writer *w, const struct store_value *values)
{
    for (uint32_t i = 0; i < w->columns; i++) value_put(w->out, &values[i]);
    w->rows++;
}

void answer_end(struct answer_writer *w, bool more)
{
    memcpy(w->out->ptr + w->start + ROWS_AT, &w->rows, sizeof w->rows);
    w->out->ptr[w->start + MORE_AT] = more;
}

void answer_read(struct store_answer *a, struct slice body)
{
    struct cur c = cur_of(body);
    a->err = (enum err)cur_le32(&c);
    a->statement = cur_le32(&c);
    a->columns = cur_le32(&c);
    a->rows_left = cur_le32(&c);
    a->more = cur_u8(&c);
    assert(!c.bad && a->columns <= STORE_COLUMNS_MAX);
    a->at = c;
}

bool store_next(struct store_answer *a)
{
    if (a->rows_left == 0) return false;
    a->rows_left--;
    for (uint32_t i = 0; i < a->columns; i++) a->col[i] = value_read(&a->at);
    assert(!a->at.bad);
    return true;
}
