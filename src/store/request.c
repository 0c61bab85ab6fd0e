/* request.c - units and queries as flat bytes.
 *
 *   u8 queue  u8 count  then `count` statements:
 *   u16 id  i32 expected rows  then a value for each parameter: u8 place  value (value.h)
 *
 * All of it is made and read inside one process, so a malformed request is a programmer's error.
 */
#include "store/engine.h"
#include "store/value.h"

enum { QUEUE_AT = sizeof(struct msg), COUNT_AT };

static void begin(struct store_request *r, enum store_kind kind, enum store_queue queue)
{
    *r = (struct store_request){.kind = (uint16_t)kind};
    msg_buf_begin(&r->body);
    buf_put_u8(&r->body, (uint8_t)queue);
    buf_put_u8(&r->body, 0);
}

static void assert_complete(const struct store_request *r)
{
    if (r->statement == NULL) return;
    assert((uint64_t)r->given == (1ull << r->statement->param_count) - 1);
}

static void add(struct store_request *r, const struct store_statement *s, int32_t expected_rows)
{
    assert_complete(r);
    assert(r->body.ptr[COUNT_AT] < STORE_STATEMENTS_MAX);
    r->body.ptr[COUNT_AT]++;
    r->statement = s;
    r->given = 0;
    buf_put_le16(&r->body, (uint16_t)s->id);
    buf_put_le32(&r->body, (uint32_t)expected_rows);
}

void store_begin_unit(struct store_request *r, enum store_queue queue)
{
    begin(r, STORE_UNIT, queue);
}

void store_add(struct store_request *r, const struct store_statement *s, int32_t expected_rows)
{
    assert(r->kind == STORE_UNIT);
    add(r, s, expected_rows);
}

void store_begin_query(struct store_request *r, const struct store_statement *s)
{
    begin(r, STORE_QUERY, STORE_INTERACTIVE);
    add(r, s, STORE_ANY);
}

static void put(struct store_request *r, const char *param, const struct store_value *v)
{
    unsigned place = 0;
    while (place < r->statement->param_count && strcmp(r->statement->params[place], param) != 0)
        place++;
    assert(place < r->statement->param_count && !(r->given & 1u << place));
    r->given |= 1u << place;
    buf_put_u8(&r->body, (uint8_t)place);
    value_put(&r->body, v);
}

void store_put_int(struct store_request *r, const char *param, int64_t value)
{
    put(r, param, &(struct store_value){.type = STORE_INT, .number = value});
}

void store_put_text(struct store_request *r, const char *param, struct slice value)
{
    put(r, param, &(struct store_value){.type = STORE_TEXT, .bytes = value});
}

void store_put_blob(struct store_request *r, const char *param, struct slice value)
{
    put(r, param, &(struct store_value){.type = STORE_BYTES, .bytes = value});
}

void store_put_null(struct store_request *r, const char *param)
{
    put(r, param, &(struct store_value){.type = STORE_NULL});
}

struct msg *request_end(struct store_request *r)
{
    assert_complete(r);
    r->statement = NULL;
    return msg_buf_end(&r->body, r->kind);
}

struct request_cur request_read(struct slice request)
{
    struct request_cur c = {.at = cur_of(request)};
    c.queue = (enum store_queue)cur_u8(&c.at);
    c.left = cur_u8(&c.at);
    return c;
}

bool request_next(struct request_cur *c, struct request_step *step)
{
    if (c->left == 0) return false;
    c->left--;
    step->statement = statement_get(cur_le16(&c->at));
    step->expected_rows = (int32_t)cur_le32(&c->at);
    for (unsigned i = 0; i < step->statement->param_count; i++) {
        unsigned place = cur_u8(&c->at);
        assert(place < step->statement->param_count);
        step->value[place] = value_read(&c->at);
    }
    assert(!c->at.bad);
    return true;
}
