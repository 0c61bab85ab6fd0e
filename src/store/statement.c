/* statement.c - the statements of this program, by number.
 *
 * Written before main() only, read by any thread afterwards.
 */
#include "store/engine.h"

static const struct store_statement *statements[STATEMENTS_MAX];
static unsigned count;

void store_register(struct store_statement *s)
{
    assert(count < STATEMENTS_MAX && s->param_count <= STORE_PARAMS_MAX);
    s->id = count;
    statements[count++] = s;
}

const struct store_statement *statement_get(unsigned id)
{
    assert(id < count);
    return statements[id];
}
