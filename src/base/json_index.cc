/* json_index.cc - see json_index.h.  simdjson picks the instruction set at run time. */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include "base/json_index.h"

using simdjson::internal::dom_parser_implementation;

static_assert(JSON_INDEX_PAD >= simdjson::SIMDJSON_PADDING, "simdjson reads that far");

namespace {

enum { CAPACITY_MIN = 4096 };

thread_local std::unique_ptr<dom_parser_implementation> parser;
thread_local size_t capacity;

const char *make_room(size_t len)
{
    if (parser && len <= capacity && capacity <= JSON_INDEX_KEEP) return nullptr;
    size_t want = CAPACITY_MIN;
    while (want < len) want *= 2;
    parser.reset();
    auto error =
        simdjson::get_active_implementation()->create_dom_parser_implementation(want, 1, parser);
    capacity = error ? 0 : want;
    return error ? simdjson::error_message(error) : nullptr;
}

const char *reason(simdjson::error_code error)
{
    switch (error) {
    case simdjson::SUCCESS: return nullptr;
    case simdjson::EMPTY: return "the text is empty";
    case simdjson::UTF8_ERROR: return "the text is not UTF-8";
    case simdjson::UNESCAPED_CHARS: return "a string contains a raw control character";
    case simdjson::UNCLOSED_STRING: return "a string is not closed";
    default: return simdjson::error_message(error);
    }
}

} // namespace

const char *json_index(const uint8_t *text, size_t len, const uint32_t **tokens, size_t *count)
{
    const char *why = make_room(len);
    if (why) return why;
    why = reason(parser->stage1(text, len, simdjson::stage1_mode::regular));
    *tokens = parser->structural_indexes.get();
    *count = why ? 0 : parser->n_structural_indexes;
    return why;
}

uint8_t *json_index_unescape(const uint8_t *string, uint8_t *out)
{
    if (!parser && make_room(0)) return nullptr;
    return parser->parse_string(string, out);
}

bool json_index_is_utf8(const uint8_t *text, size_t len)
{
    return simdjson::validate_utf8(reinterpret_cast<const char *>(text), len);
}
